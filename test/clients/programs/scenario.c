/* The scenario for libmariadb in C, text protocol and prepared statements, with a cursor and long data. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks = 0;

#define CHECK(condition, what) do { checks++; if (!(condition)) { fprintf(stderr, "line %d: %s\n", __LINE__, what); exit(1); } } while (0)

static void fail(MYSQL *db, const char *what) { fprintf(stderr, "%s: %u %s\n", what, mysql_errno(db), mysql_error(db)); exit(1); }
static void run(MYSQL *db, const char *sql) { if (mysql_query(db, sql)) fail(db, sql); }

static void run_fails(MYSQL *db, const char *sql, unsigned errnum) {
  if (!mysql_query(db, sql)) { fprintf(stderr, "no error: %s\n", sql); exit(1); }
  if (mysql_errno(db) != errnum) fail(db, sql);
  checks++;
}

static void one(MYSQL *db, const char *sql, const char *expected) {
  run(db, sql);
  MYSQL_RES *result = mysql_store_result(db);
  MYSQL_ROW row = mysql_fetch_row(result);
  if (!row || !row[0] || strcmp(row[0], expected)) { fprintf(stderr, "%s: %s instead of %s\n", sql, row && row[0] ? row[0] : "NULL", expected); exit(1); }
  mysql_free_result(result);
  checks++;
}

static MYSQL *open_db(unsigned long flags, int tls) {
  MYSQL *db = mysql_init(NULL);
  mysql_options(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  my_bool yes = 1, no = 0;
  if (tls) {
    mysql_ssl_set(db, NULL, NULL, getenv("DB_CA"), NULL, NULL);
    mysql_optionsv(db, MYSQL_OPT_SSL_ENFORCE, (void *)&yes);
    mysql_optionsv(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, (void *)&no);
  }
  if (!mysql_real_connect(db, getenv("DB_HOST"), getenv("DB_USER"), getenv("DB_PASSWORD"), getenv("DB_NAME"), atoi(getenv("DB_PORT")), NULL, flags))
    fail(db, "connect");
  return db;
}

static MYSQL_STMT *prepare(MYSQL *db, const char *sql) {
  MYSQL_STMT *stmt = mysql_stmt_init(db);
  if (mysql_stmt_prepare(stmt, sql, strlen(sql))) { fprintf(stderr, "prepare %s: %s\n", sql, mysql_stmt_error(stmt)); exit(1); }
  return stmt;
}

static void execute(MYSQL_STMT *stmt) {
  if (mysql_stmt_execute(stmt)) { fprintf(stderr, "execute: %u %s\n", mysql_stmt_errno(stmt), mysql_stmt_error(stmt)); exit(1); }
}

static unsigned long long all_types(MYSQL *db) {
  static unsigned char blob[256];
  for (int i = 0; i < 256; i++) blob[i] = (unsigned char)i;
  const char *note = "Gr\xc3\xbc\xc3\x9f" "e \\ ' \xf0\x9f\x90\xac";
  const char *amount = "12345678901234.5678";
  int user = 7;
  unsigned long long big = 18446744073709551615ULL;
  double ratio = 0.1;
  MYSQL_TIME moment = {2024, 2, 29, 12, 34, 56, 789012, 0, MYSQL_TIMESTAMP_DATETIME};
  MYSQL_STMT *stmt = prepare(db, "INSERT INTO orders (user_id, amount, note, created, big, data, ratio) VALUES (?, ?, ?, ?, ?, ?, ?)");
  CHECK(mysql_stmt_param_count(stmt) == 7, "parameter count");
  MYSQL_BIND bind[7];
  memset(bind, 0, sizeof bind);
  my_bool nulls[7] = {0};
  for (int i = 0; i < 7; i++) bind[i].is_null = &nulls[i];
  bind[0].buffer_type = MYSQL_TYPE_LONG, bind[0].buffer = &user;
  bind[1].buffer_type = MYSQL_TYPE_NEWDECIMAL, bind[1].buffer = (void *)amount, bind[1].buffer_length = strlen(amount);
  bind[2].buffer_type = MYSQL_TYPE_STRING, bind[2].buffer = (void *)note, bind[2].buffer_length = strlen(note);
  bind[3].buffer_type = MYSQL_TYPE_DATETIME, bind[3].buffer = &moment;
  bind[4].buffer_type = MYSQL_TYPE_LONGLONG, bind[4].buffer = &big, bind[4].is_unsigned = 1;
  bind[5].buffer_type = MYSQL_TYPE_BLOB;
  bind[6].buffer_type = MYSQL_TYPE_DOUBLE, bind[6].buffer = &ratio;
  mysql_stmt_bind_param(stmt, bind);
  CHECK(!mysql_stmt_send_long_data(stmt, 5, (char *)blob, 100), "long data");
  CHECK(!mysql_stmt_send_long_data(stmt, 5, (char *)blob + 100, 156), "more long data");
  execute(stmt);
  CHECK(mysql_stmt_affected_rows(stmt) == 1, "affected");
  unsigned long long id = mysql_stmt_insert_id(stmt);
  CHECK(id > 0, "insert id");
  user = 8;
  for (int i = 1; i < 7; i++) nulls[i] = 1;
  execute(stmt);
  mysql_stmt_close(stmt);

  stmt = prepare(db, "SELECT amount, note, created, big, data, ratio FROM orders WHERE order_id = ? AND user_id = ?");
  CHECK(mysql_stmt_field_count(stmt) == 6, "field count");
  user = 7;
  memset(bind, 0, sizeof bind);
  bind[0].buffer_type = MYSQL_TYPE_LONGLONG, bind[0].buffer = &id, bind[0].is_unsigned = 1;
  bind[1].buffer_type = MYSQL_TYPE_LONG, bind[1].buffer = &user;
  mysql_stmt_bind_param(stmt, bind);
  execute(stmt);
  char amount_out[64], note_out[256];
  unsigned char blob_out[300];
  unsigned long long big_out;
  double ratio_out;
  MYSQL_TIME moment_out;
  unsigned long lengths[6];
  memset(bind, 0, sizeof bind);
  bind[0].buffer_type = MYSQL_TYPE_STRING, bind[0].buffer = amount_out, bind[0].buffer_length = sizeof amount_out;
  bind[1].buffer_type = MYSQL_TYPE_STRING, bind[1].buffer = note_out, bind[1].buffer_length = sizeof note_out;
  bind[2].buffer_type = MYSQL_TYPE_DATETIME, bind[2].buffer = &moment_out;
  bind[3].buffer_type = MYSQL_TYPE_LONGLONG, bind[3].buffer = &big_out, bind[3].is_unsigned = 1;
  bind[4].buffer_type = MYSQL_TYPE_BLOB, bind[4].buffer = blob_out, bind[4].buffer_length = sizeof blob_out;
  bind[5].buffer_type = MYSQL_TYPE_DOUBLE, bind[5].buffer = &ratio_out;
  for (int i = 0; i < 6; i++) bind[i].length = &lengths[i];
  mysql_stmt_bind_result(stmt, bind);
  CHECK(mysql_stmt_fetch(stmt) == 0, "one row");
  CHECK(!strncmp(amount_out, amount, lengths[0]) && lengths[0] == strlen(amount), "decimal");
  CHECK(lengths[1] == strlen(note) && !memcmp(note_out, note, lengths[1]), "text");
  CHECK(moment_out.year == 2024 && moment_out.second == 56 && moment_out.second_part == 789012, "time");
  CHECK(big_out == big, "unsigned 64 bits");
  CHECK(lengths[4] == 256 && !memcmp(blob_out, blob, 256), "blob");
  CHECK(ratio_out == 0.1, "double");
  CHECK(mysql_stmt_fetch(stmt) == MYSQL_NO_DATA, "no more rows");
  mysql_stmt_close(stmt);
  return id;
}

/* Rows of a server-side cursor, in portions. */
static void cursor(MYSQL *db, const char *sql, int parameter, unsigned long rows) {
  MYSQL_STMT *stmt = prepare(db, sql);
  unsigned long type = CURSOR_TYPE_READ_ONLY, portion = 100;
  mysql_stmt_attr_set(stmt, STMT_ATTR_CURSOR_TYPE, &type);
  mysql_stmt_attr_set(stmt, STMT_ATTR_PREFETCH_ROWS, &portion);
  MYSQL_BIND bind[1];
  memset(bind, 0, sizeof bind);
  bind[0].buffer_type = MYSQL_TYPE_LONG, bind[0].buffer = &parameter;
  mysql_stmt_bind_param(stmt, bind);
  execute(stmt);
  long long amount;
  memset(bind, 0, sizeof bind);
  bind[0].buffer_type = MYSQL_TYPE_LONGLONG, bind[0].buffer = &amount;
  mysql_stmt_bind_result(stmt, bind);
  unsigned long count = 0;
  long long before = -1;
  int result;
  while ((result = mysql_stmt_fetch(stmt)) == 0) {
    if (amount < before) { fprintf(stderr, "cursor out of order\n"); exit(1); }
    before = amount;
    count++;
    if (count == 150) one(db, "SELECT 'between fetches'", "between fetches");
  }
  if (result != MYSQL_NO_DATA) { fprintf(stderr, "fetch: %s\n", mysql_stmt_error(stmt)); exit(1); }
  CHECK(count == rows, "rows of a cursor");
  execute(stmt);
  CHECK(mysql_stmt_fetch(stmt) == 0, "opened again");
  CHECK(!mysql_stmt_reset(stmt), "reset closes it");
  mysql_stmt_close(stmt);
}

int main(void) {
  MYSQL *db = open_db(0, 0);
  one(db, "SELECT @@character_set_client", "utf8mb4");
  run(db, "DROP TABLE IF EXISTS orders");
  run(db, "CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4), note VARCHAR(200), "
          "created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4");
  unsigned long long id = all_types(db);
  char *sql = malloc(1 << 20);
  for (int batch = 0; batch < 10; batch++) {
    int at = sprintf(sql, "INSERT INTO orders (user_id, amount, note) VALUES ");
    for (int i = batch * 1000; i < batch * 1000 + 1000; i++) at += sprintf(sql + at, "%s(%d, %d, 'row %d')", i % 1000 ? "," : "", 100 + i % 10, i, i);
    run(db, sql);
    CHECK(mysql_affected_rows(db) == 1000, "rows of one INSERT");
    CHECK(strstr(mysql_info(db), "Records: 1000"), "info text");
  }
  one(db, "SELECT SUM(amount) FROM orders WHERE user_id >= 100", "49995000.0000");
  one(db, "SELECT GROUP_CONCAT(note ORDER BY amount) FROM orders WHERE amount < 3", "row 0,row 1,row 2");
  run(db, "SELECT note FROM orders WHERE user_id >= 100 ORDER BY amount");
  MYSQL_RES *result = mysql_use_result(db);
  MYSQL_ROW row;
  int rows = 0;
  char expected[32];
  while ((row = mysql_fetch_row(result))) {
    sprintf(expected, "row %d", rows++);
    if (strcmp(row[0], expected)) { fprintf(stderr, "%s instead of %s\n", row[0], expected); exit(1); }
  }
  CHECK(rows == 10000, "large result");
  mysql_free_result(result);
  cursor(db, "SELECT CAST(amount AS SIGNED) AS a FROM orders WHERE user_id = ? ORDER BY a", 103, 1000);
  cursor(db, "SELECT CAST(amount AS SIGNED) AS a FROM orders WHERE user_id >= ? ORDER BY a", 100, 10000);

  mysql_autocommit(db, 0);
  run(db, "UPDATE orders SET note = 'changed' WHERE user_id = 101");
  CHECK(mysql_affected_rows(db) == 1000, "changed rows");
  CHECK(!mysql_rollback(db), "rollback");
  one(db, "SELECT COUNT(*) FROM orders WHERE note = 'changed'", "0");
  run(db, "DELETE FROM orders WHERE user_id IN (101, 102)");
  CHECK(!mysql_commit(db), "commit");
  mysql_autocommit(db, 1);
  one(db, "SELECT COUNT(*) FROM orders", "8002");

  run_fails(db, "SELEC 1", 1064);
  run_fails(db, "SELECT * FROM no_such_table", 1146);
  sprintf(sql, "INSERT INTO orders (order_id, user_id) VALUES (%llu, 7)", id);
  run_fails(db, sql, 1062);
  one(db, "SELECT CAST('1x' AS SIGNED)", "1");
  CHECK(mysql_warning_count(db) == 1, "warning count");

  MYSQL *many = open_db(CLIENT_MULTI_STATEMENTS, 1);
  CHECK(mysql_get_ssl_cipher(many) != NULL, "TLS");
  run(many, "SELECT 1; SELECT COUNT(*) FROM orders; DO 0; SELECT 'a;b'");
  char found[100] = "";
  int status = 0;
  do {
    result = mysql_store_result(many);
    if (result) { strcat(found, mysql_fetch_row(result)[0]); strcat(found, " "); mysql_free_result(result); }
    status = mysql_next_result(many);
  } while (status == 0);
  CHECK(status == -1 && !strcmp(found, "1 8002 a;b "), found);
  CHECK(!mysql_set_server_option(many, MYSQL_OPTION_MULTI_STATEMENTS_OFF), "multi-statements off");
  run_fails(many, "SELECT 1; SELECT 2", 1064);
  run(many, "SET @x = 5, time_zone = '+03:00'");
  CHECK(!mysql_reset_connection(many), "reset connection");
  one(many, "SELECT IFNULL(@x, 'none')", "none");
  CHECK(!mysql_change_user(many, getenv("DB_USER"), getenv("DB_PASSWORD"), getenv("DB_NAME")), "change user");
  one(many, "SELECT DATABASE()", getenv("DB_NAME"));
  CHECK(!mysql_change_user(many, getenv("DB_USER"), getenv("DB_PASSWORD"), NULL), "change user without a database");
  one(many, "SELECT IFNULL(DATABASE(), 'none')", "none");
  CHECK(mysql_change_user(many, getenv("DB_USER"), "wrong", NULL) && mysql_errno(many) == 1045, "change user with a wrong password");
  CHECK(!mysql_ping(db), "ping");
  CHECK(mysql_stat(db) != NULL, "statistics");
  CHECK(!mysql_select_db(db, getenv("DB_NAME")), "select database");
  result = mysql_list_fields(db, "orders", NULL);
  CHECK(result && mysql_num_fields(result) == 8, "list of fields");
  mysql_free_result(result);
  mysql_close(many);

  MYSQL *zip = open_db(CLIENT_COMPRESS, 0);
  one(zip, "SELECT COUNT(*) FROM orders", "8002");
  sprintf(sql, "SELECT LENGTH('");
  memset(sql + 15, 'x', 500000);
  strcpy(sql + 500015, "')");
  one(zip, sql, "500000");
  mysql_close(zip);
  mysql_close(db);
  printf("ok %d\n", checks);
  return 0;
}
