#!/usr/bin/env bash
# The scenario for a command line client: scenario.sh mariadb|mysql.
set -euo pipefail
client=("$1" --no-defaults --protocol=tcp "--host=$DB_HOST" "--port=$DB_PORT" "--user=$DB_USER" "--password=$DB_PASSWORD" --default-character-set=utf8mb4)
checks=0

check() { # actual expected what
  checks=$((checks + 1))
  [[ $1 == "$2" ]] || { echo "$3: $1 instead of $2" >&2; exit 1; }
}
run() { "${client[@]}" --batch --skip-column-names "$@" "$DB_NAME"; }

check "$(run -e 'SELECT DATABASE(), @@character_set_client')" "$DB_NAME"$'\tutf8mb4' 'database and charset'
{
  echo 'DROP TABLE IF EXISTS orders;'
  echo 'CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4), note VARCHAR(200),
    created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4;'
  echo "INSERT INTO orders (user_id, note, created, big) VALUES (7, 'Grüße ; 日本 🐬', '2024-02-29 12:34:56.789012', 18446744073709551615);"
  echo "-- a comment; with a semicolon"
  for batch in 0 1 2 3 4 5 6 7 8 9; do
    printf 'INSERT INTO orders (user_id, amount, note) VALUES '
    separator=''
    for ((i = batch * 1000; i < batch * 1000 + 1000; i++)); do
      printf "%s(%d,%d,'row %d')" "$separator" $((100 + i % 10)) "$i" "$i"
      separator=,
    done
    echo ';'
  done
} > "$DB_FOLDER/load.sql"
run < "$DB_FOLDER/load.sql"
check "$(run -e 'SELECT note, created, big FROM orders WHERE user_id = 7')" $'Grüße ; 日本 🐬\t2024-02-29 12:34:56.789012\t18446744073709551615' 'row'
check "$(run -e 'SELECT COUNT(*), SUM(amount) FROM orders WHERE user_id >= 100')" $'10000\t49995000.0000' 'aggregates'
check "$(run -e 'SELECT note FROM orders WHERE user_id >= 100 ORDER BY amount' | md5sum)" "$(for ((i = 0; i < 10000; i++)); do echo "row $i"; done | md5sum)" 'large result'
check "$(run --quick -e 'SELECT order_id FROM orders' | wc -l)" 10001 'unbuffered rows'
check "$(run -e "BEGIN; UPDATE orders SET note = 'changed' WHERE user_id = 101; SELECT ROW_COUNT(); ROLLBACK; SELECT COUNT(*) FROM orders WHERE note = 'changed'")" $'1000\n0' 'rolled back'
check "$(run -e "DELIMITER //
SELECT 1; SELECT 'a;b'//
SELECT 3//" | tr '\n' ' ')" '1 a;b 3 ' 'delimiter'
error=$(run -e 'SELEC 1' 2>&1 || true)
check "$(grep -c 'ERROR 1064' <<< "$error")" 1 'syntax error'
error=$(run -e 'SELECT * FROM no_such_table' 2>&1 || true)
check "$(grep -c 'ERROR 1146' <<< "$error")" 1 'unknown table'
check "$(run --show-warnings -e "SELECT CAST('1x' AS SIGNED)" | wc -l)" 2 'warnings'
check "$(run -e 'STATUS' | grep -c "Current database:.*$DB_NAME")" 1 'status'
check "$(echo "SELECT COUNT(*) FROM orders; use $DB_NAME;
SELECT 1;" | run --auto-rehash | tr '\n' ' ')" '10001 1 ' 'name completion and use'
check "$(run --ssl --ssl-ca="$DB_CA" --skip-ssl-verify-server-cert -e 'SELECT 1')" 1 'TLS'
check "$(run --compress -e 'SELECT LENGTH(GROUP_CONCAT(note)) > 100 FROM orders')" 1 'compressed'
check "$(run --vertical -e 'SHOW CREATE TABLE orders' | grep -c 'CREATE TABLE `orders`')" 1 'SHOW CREATE TABLE'
check "$(run -e 'SHOW TABLES' | grep -c '^orders$')" 1 'SHOW TABLES'
echo "ok $checks"
