"""The scenario for PyMySQL and mysqlclient: scenario.py pymysql|MySQLdb."""
import datetime
import decimal
import importlib
import os
import sys
import warnings

driver = importlib.import_module(sys.argv[1])
checks = 0


def check(actual, expected, what):
    global checks
    checks += 1
    if actual != expected:
        sys.exit(f"{what}: {actual!r} instead of {expected!r}")


def connect(**more):
    return driver.connect(
        host=os.environ["DB_HOST"],
        port=int(os.environ["DB_PORT"]),
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        database=os.environ["DB_NAME"],
        charset="utf8mb4",
        **more,
    )


def fails(cursor, sql, errno):
    try:
        cursor.execute(sql)
    except driver.MySQLError as error:
        check(error.args[0], errno, sql)
    else:
        sys.exit(f"no error: {sql}")


warnings.simplefilter("ignore")
db = connect()
cur = db.cursor()
cur.execute("SELECT DATABASE(), @@character_set_client")
check(cur.fetchone(), (os.environ["DB_NAME"], "utf8mb4"), "database and charset")
cur.execute("DROP TABLE IF EXISTS orders")
cur.execute(
    "CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4),"
    " note VARCHAR(200), created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4"
)

# Generated keys and every type.
blob = bytes(range(256))
moment = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)
note = "Grüße \\ '\" 日本 🐬"
insert = "INSERT INTO orders (user_id, amount, note, created, big, data, ratio) VALUES (%s, %s, %s, %s, %s, %s, %s)"
check(cur.execute(insert, (7, decimal.Decimal("12345678901234.5678"), note, moment, 2**64 - 1, blob, 0.1)), 1, "affected")
first = cur.lastrowid
check(first > 0, True, "lastrowid")
check(cur.execute(insert, (8, None, None, None, None, None, None)), 1, "affected by NULLs")
second = cur.lastrowid
cur.execute("SELECT LAST_INSERT_ID()")
check(cur.fetchone()[0], second, "LAST_INSERT_ID")
read = "SELECT amount, note, created, big, data, ratio FROM orders WHERE order_id = %s AND user_id = %s"
cur.execute(read, (first, 7))
check(cur.fetchone(), (decimal.Decimal("12345678901234.5678"), note, moment, 2**64 - 1, blob, 0.1), "row of all types")
cur.execute("SELECT amount, note, created, big, data, ratio FROM orders WHERE user_id = 8")
check(cur.fetchone(), (None,) * 6, "row of NULLs")
check([column[0] for column in cur.description], ["amount", "note", "created", "big", "data", "ratio"], "names")
db.commit()

# Many rows, some shards.
cur.executemany(
    "INSERT INTO orders (user_id, amount, note) VALUES (%s, %s, %s)",
    [(100 + index % 10, decimal.Decimal(index) / 4, f"row {index}") for index in range(10_000)],
)
check(cur.rowcount, 10_000, "rows of executemany")
db.commit()
cur.execute("SELECT COUNT(*), SUM(amount), MIN(note), MAX(user_id) FROM orders WHERE user_id >= 100")
check(cur.fetchone(), (10_000, decimal.Decimal("12498750.0000"), "row 0", 109), "aggregates")
cur.execute("SELECT user_id, COUNT(*) FROM orders WHERE user_id >= 100 GROUP BY user_id ORDER BY user_id")
check(cur.fetchall(), tuple((100 + index, 1000) for index in range(10)), "groups")
cur.execute("SELECT note FROM orders WHERE user_id >= 100 ORDER BY amount")
check([row[0] for row in cur.fetchall()], [f"row {index}" for index in range(10_000)], "large result in order")
cur.execute("SELECT note FROM orders WHERE user_id IN (%s, %s) ORDER BY amount LIMIT 3", (101, 102))
check([row[0] for row in cur.fetchall()], ["row 1", "row 2", "row 11"], "IN and LIMIT")
streaming = importlib.import_module(sys.argv[1] + ".cursors").SSCursor
with db.cursor(streaming) as stream:
    stream.execute("SELECT order_id FROM orders")
    check(sum(1 for _ in stream), 10_002, "unbuffered rows")

# Affected rows, transactions.
check(cur.execute("UPDATE orders SET note = 'changed' WHERE user_id = 101"), 1000, "changed rows")
db.rollback()
cur.execute("SELECT COUNT(*) FROM orders WHERE note = 'changed'")
check(cur.fetchone()[0], 0, "rolled back")
check(cur.execute("DELETE FROM orders WHERE user_id IN (101, 102)"), 2000, "deleted rows")
db.commit()
other = connect(autocommit=True)
with other.cursor() as look:
    look.execute("SELECT COUNT(*) FROM orders")
    check(look.fetchone()[0], 8002, "committed")

# Errors, and the session goes on.
fails(cur, "SELEC 1", 1064)
fails(cur, "SELECT * FROM no_such_table", 1146)
fails(cur, f"INSERT INTO orders (order_id, user_id) VALUES ({first}, 7)", 1062)
db.rollback()
cur.execute("SELECT CAST('1x' AS SIGNED)")
check(cur.fetchone()[0], 1, "after errors")
cur.execute("SHOW WARNINGS")
check(cur.fetchone()[1], 1292, "warning")

# Several statements in one.
flags = importlib.import_module(sys.argv[1] + ".constants.CLIENT").MULTI_STATEMENTS
multi = connect(client_flag=flags)
with multi.cursor() as many:
    many.execute("SELECT 1; SELECT COUNT(*) FROM orders; DO 0; SELECT 'a;b'")
    found = [many.fetchall()]
    while many.nextset():
        found.append(many.fetchall())
check([rows for rows in found if rows], [((1,),), ((8002,),), (("a;b",),)], "multi-statements")

# Reconnect, and TLS.
thread = db.thread_id()
db.ping(True) if sys.argv[1] == "MySQLdb" else db.ping(reconnect=True)
db.close()
db = connect()
check(db.thread_id() != thread, True, "a new connection")
secure = connect(ssl={"ca": os.environ["DB_CA"], "check_hostname": False})
with secure.cursor() as look:
    look.execute("SELECT 1")
    check(look.fetchone(), (1,), "TLS")
for connection in (secure, multi, other, db):
    connection.close()
print(f"ok {checks}")
