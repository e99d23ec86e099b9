"""The scenario for MySQL Connector/Python: scenario-connector.py pure|c (its own protocol, or libmysqlclient)."""
import datetime
import decimal
import os
import sys

import mysql.connector as driver

pure = sys.argv[1] == "pure"
checks = 0


def check(actual, expected, what):
    global checks
    checks += 1
    if actual != expected:
        sys.exit(f"{what}: {actual!r} instead of {expected!r}")


def connect(**more):
    wanted = {
        "host": os.environ["DB_HOST"],
        "port": int(os.environ["DB_PORT"]),
        "user": os.environ["DB_USER"],
        "password": os.environ["DB_PASSWORD"],
        "database": os.environ["DB_NAME"],
        "use_pure": pure,
        "charset": "utf8mb4",
        "collation": "utf8mb4_general_ci",
    }
    return driver.connect(**{**wanted, **more})


def one(cursor, sql, parameters=()):
    cursor.execute(sql, parameters)
    rows = cursor.fetchall()
    check(len(rows), 1, sql)
    return rows[0]


def fails(cursor, sql, errno):
    try:
        cursor.execute(sql)
        cursor.fetchall()
    except driver.Error as error:
        check(error.errno, errno, sql)
    else:
        sys.exit(f"no error: {sql}")


db = connect()
check(type(db).__name__, "MySQLConnection" if pure else "CMySQLConnection", "implementation")
cur = db.cursor()
check(one(cur, "SELECT DATABASE(), @@character_set_client"), (os.environ["DB_NAME"], "utf8mb4"), "database and charset")
cur.execute("DROP TABLE IF EXISTS orders")
cur.execute(
    "CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4),"
    " note VARCHAR(200), created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4"
)

# Generated keys and every type, in text and prepared.
blob = bytes(range(256))
row = (decimal.Decimal("12345678901234.5678"), "Grüße \\ '\" 日本 🐬", datetime.datetime(2024, 2, 29, 12, 34, 56, 789012), 2**64 - 1, blob, 0.1)
insert = "INSERT INTO orders (user_id, amount, note, created, big, data, ratio) VALUES (%s, %s, %s, %s, %s, %s, %s)"
read = "SELECT amount, note, created, big, data, ratio FROM orders WHERE order_id = %s AND user_id = %s"
for user, cursor in ((7, db.cursor()), (9, db.cursor(prepared=True))):
    if user == 9 and not pure:
        # The extension binds no larger integer, and a float as a FLOAT.
        row = (*row[:3], 2**63 - 1, blob, 0.5)
    cursor.execute(insert, (user, *row))
    check(cursor.rowcount, 1, "affected")
    key = cursor.lastrowid
    check(one(cur, "SELECT LAST_INSERT_ID()")[0], key, "LAST_INSERT_ID")
    check(one(cursor, read, (key, user)), row, "row of all types")
    cursor.execute("INSERT INTO orders (user_id) VALUES (%s)", (user + 1,))
    check(one(cursor, "SELECT amount, note, created, big, data, ratio FROM orders WHERE user_id = %s", (user + 1,)), (None,) * 6, "NULLs")
    cursor.close()
db.commit()

# Many rows, some shards.
cur.executemany(
    "INSERT INTO orders (user_id, amount, note) VALUES (%s, %s, %s)",
    [(100 + index % 10, decimal.Decimal(index) / 4, f"row {index}") for index in range(10_000)],
)
check(cur.rowcount, 10_000, "rows of executemany")
db.commit()
for cursor in (db.cursor(), db.cursor(prepared=True)):
    check(
        one(cursor, "SELECT COUNT(*), SUM(amount), MIN(note), MAX(user_id) FROM orders WHERE user_id >= %s", (100,)),
        (10_000, decimal.Decimal("12498750.0000"), "row 0", 109),
        "aggregates",
    )
    cursor.execute("SELECT note FROM orders WHERE user_id >= %s ORDER BY amount", (100,))
    check([found[0] for found in cursor.fetchall()], [f"row {index}" for index in range(10_000)], "large result in order")
    cursor.execute("SELECT SQL_CALC_FOUND_ROWS note FROM orders WHERE user_id >= %s ORDER BY amount LIMIT %s", (100, 2))
    check([found[0] for found in cursor.fetchall()], ["row 0", "row 1"], "LIMIT")
    cursor.close()
    check(one(cur, "SELECT FOUND_ROWS()")[0], 10_000, "FOUND_ROWS")

# Affected rows, transactions, errors.
cur.execute("UPDATE orders SET note = 'changed' WHERE user_id = 101")
check(cur.rowcount, 1000, "changed rows")
db.rollback()
check(one(cur, "SELECT COUNT(*) FROM orders WHERE note = 'changed'")[0], 0, "rolled back")
cur.execute("DELETE FROM orders WHERE user_id IN (101, 102)")
check(cur.rowcount, 2000, "deleted rows")
db.commit()
fails(cur, "SELEC 1", 1064)
fails(cur, "SELECT * FROM no_such_table", 1146)
fails(cur, f"INSERT INTO orders (order_id, user_id) VALUES ({key}, 9)", 1062)
db.rollback()
check(one(cur, "SELECT CAST('1x' AS SIGNED)")[0], 1, "after errors")

# TLS, compression, no encryption, and a reset.
for name, options in (
    ("TLS", {"ssl_ca": os.environ["DB_CA"]}),
    ("no TLS", {"ssl_disabled": True}),
    ("compression", {"compress": True}),
):
    other = connect(autocommit=True, **options)
    look = other.cursor()
    check(one(look, "SELECT COUNT(*), REPEAT('a', 100000) FROM orders"), (8004, "a" * 100_000), name)
    other.cmd_reset_connection()
    check(one(other.cursor(), "SELECT 1"), (1,), f"{name}, after a reset")
    other.close()

# caching_sha2_password: only the mesh has that user. Over TLS in full, then from memory.
if os.environ["DB_TARGET"] == "mesh":
    for _ in range(2):
        hashed = connect(user="hashed", ssl_ca=os.environ["DB_CA"])
        check(one(hashed.cursor(), "SELECT CURRENT_USER()"), ("hashed@%",), "caching_sha2_password over TLS")
        hashed.close()
    hashed = connect(user="hashed", ssl_disabled=True)
    check(one(hashed.cursor(), "SELECT CURRENT_USER()"), ("hashed@%",), "caching_sha2_password from memory")
    hashed.close()
db.close()
print(f"ok {checks}")
