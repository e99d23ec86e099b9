"""The payment service, in Python with its standard library and PyMySQL: accounts with their money, and what is held of it."""
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymysql


class Refused(Exception):
    """Said no for good: the transaction across services is undone."""


def connect():
    return pymysql.connect(unix_socket=os.environ["MESH_SOCKET"], user="app", password="app", database="service")


def change(cursor, body, free, held):
    cents = body["cents"]
    affected = cursor.execute(
        "UPDATE account SET free = free + %s, held = held + %s WHERE id = %s AND free + %s >= 0",
        (free * cents, held * cents, body["account"], free * cents),
    )
    if affected == 0:
        raise Refused(f"account {body['account']} has not {cents} cents")


HANDLERS = {
    # Saga
    "/charge": lambda cursor, body: change(cursor, body, -1, 0),
    "/refund": lambda cursor, body: change(cursor, body, 1, 0),
    # TCC
    "/try": lambda cursor, body: change(cursor, body, -1, 1),
    "/confirm": lambda cursor, body: change(cursor, body, 0, -1),
    "/cancel": lambda cursor, body: change(cursor, body, 1, -1),
}


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, result = self.answer(self.path.split("?")[0], body)
        text = json.dumps({"result": result}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        # Where the sidecar beside this service says what has taken effect, if this answer gets lost or is an error.
        self.send_header("x-shardmesh-barrier", os.environ["BARRIER_URL"])
        self.end_headers()
        self.wfile.write(text)

    def answer(self, path, body):
        handler = HANDLERS.get(path)
        if handler is None:
            return 404, "no such path"
        try:
            # Closed without commit: rolled back.
            with connect() as connection, connection.cursor() as cursor:
                connection.begin()
                # The only line about transactions across services: which call this is. The sidecar's barrier does the rest.
                cursor.execute("SET shardmesh_branch = %s", (self.headers.get("shardmesh-branch", ""),))
                handler(cursor, json.loads(body))
                connection.commit()
            return 200, "done"
        except Refused as reason:
            return 409, str(reason)
        except Exception as error:
            return 500, str(error)

    def log_message(self, *_):
        pass


with connect() as start, start.cursor() as first:
    first.execute("CREATE TABLE IF NOT EXISTS account (id INT PRIMARY KEY, free INT NOT NULL, held INT NOT NULL)")
    first.execute("INSERT IGNORE INTO account VALUES (1, 5000, 0)")
    start.commit()
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Service).serve_forever()
