// The scenario for MariaDB Connector/J: java -cp driver.jar Scenario.java OPTIONS, e.g. useServerPrepStmts=true
import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.*;
import java.util.*;

public class Scenario {
  static int checks = 0;

  static void check(Object actual, Object expected, String what) {
    checks++;
    if (!Objects.equals(actual, expected)) {
      System.err.println(what + ": " + actual + " instead of " + expected);
      System.exit(1);
    }
  }

  static Connection open(String options) throws SQLException {
    String url = "jdbc:mariadb://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/" + System.getenv("DB_NAME") + "?" + options;
    return DriverManager.getConnection(url, System.getenv("DB_USER"), System.getenv("DB_PASSWORD"));
  }

  static String one(Connection db, String sql) throws SQLException {
    try (Statement s = db.createStatement(); ResultSet r = s.executeQuery(sql)) {
      r.next();
      return r.getString(1);
    }
  }

  static void fails(Connection db, String sql, int errno) {
    try (Statement s = db.createStatement()) {
      s.execute(sql);
    } catch (SQLException e) {
      check(e.getErrorCode(), errno, sql);
      return;
    }
    check("no error", errno, sql);
  }

  public static void main(String[] args) throws Exception {
    String options = args[0];
    Connection db = open(options);
    check(one(db, "SELECT DATABASE()"), System.getenv("DB_NAME"), "database");
    check(one(db, "SELECT @@character_set_client"), "utf8mb4", "charset");
    try (Statement s = db.createStatement()) {
      s.execute("DROP TABLE IF EXISTS orders");
      s.execute("CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4),"
          + " note VARCHAR(200), created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4");
    }
    byte[] blob = new byte[256];
    for (int i = 0; i < 256; i++) blob[i] = (byte) i;
    String note = "Grüße \\ '\" 日本 🐬";
    Timestamp moment = Timestamp.valueOf("2024-02-29 12:34:56.789012");
    BigInteger big = new BigInteger("18446744073709551615");
    long first;
    try (PreparedStatement s = db.prepareStatement(
        "INSERT INTO orders (user_id, amount, note, created, big, data, ratio) VALUES (?, ?, ?, ?, ?, ?, ?)", Statement.RETURN_GENERATED_KEYS)) {
      s.setInt(1, 7);
      s.setBigDecimal(2, new BigDecimal("12345678901234.5678"));
      s.setString(3, note);
      s.setTimestamp(4, moment);
      s.setObject(5, new BigDecimal(big));
      s.setBytes(6, blob);
      s.setDouble(7, 0.1);
      check(s.executeUpdate(), 1, "affected");
      ResultSet keys = s.getGeneratedKeys();
      check(keys.next(), true, "generated key");
      first = keys.getLong(1);
      s.setInt(1, 8);
      for (int i = 2; i <= 7; i++) s.setNull(i, Types.NULL);
      check(s.executeUpdate(), 1, "affected by NULLs");
    }
    try (PreparedStatement s = db.prepareStatement("SELECT amount, note, created, big, data, ratio FROM orders WHERE order_id = ? AND user_id = ?")) {
      s.setLong(1, first);
      s.setInt(2, 7);
      ResultSet r = s.executeQuery();
      check(r.next(), true, "row of all types");
      check(r.getBigDecimal(1), new BigDecimal("12345678901234.5678"), "decimal");
      check(r.getString(2), note, "text");
      check(r.getTimestamp(3), moment, "time");
      check(r.getBigDecimal(4).toBigInteger(), big, "unsigned");
      check(Arrays.equals(r.getBytes(5), blob), true, "blob");
      check(r.getDouble(6), 0.1, "double");
      check(r.getMetaData().getTableName(1), "orders", "table name");
      check(r.next(), false, "one row");
    }
    try (PreparedStatement s = db.prepareStatement("SELECT amount, note, created, big, data, ratio FROM orders WHERE user_id = ?")) {
      s.setInt(1, 8);
      ResultSet r = s.executeQuery();
      r.next();
      for (int i = 1; i <= 6; i++) check(r.getObject(i), null, "NULL " + i);
    }
    db.setAutoCommit(false);
    try (PreparedStatement s = db.prepareStatement("INSERT INTO orders (user_id, amount, note) VALUES (?, ?, ?)")) {
      for (int i = 0; i < 10000; i++) {
        s.setInt(1, 100 + i % 10);
        s.setBigDecimal(2, BigDecimal.valueOf(i).divide(BigDecimal.valueOf(4)));
        s.setString(3, "row " + i);
        s.addBatch();
        if (i % 1000 == 999) check(s.executeBatch().length, 1000, "batch");
      }
    }
    db.commit();
    db.setAutoCommit(true);
    check(one(db, "SELECT CONCAT_WS(' ', COUNT(*), SUM(amount)) FROM orders WHERE user_id >= 100"), "10000 12498750.0000", "aggregates");
    for (int fetchSize : new int[] {0, 100}) {
      try (Statement s = db.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
        s.setFetchSize(fetchSize);
        ResultSet r = s.executeQuery("SELECT note FROM orders WHERE user_id >= 100 ORDER BY amount");
        int count = 0;
        while (r.next()) if (!r.getString(1).equals("row " + count++)) check(r.getString(1), "row " + (count - 1), "order");
        check(count, 10000, "large result");
      }
    }
    db.setAutoCommit(false);
    try (Statement s = db.createStatement()) {
      check(s.executeUpdate("UPDATE orders SET note = 'changed' WHERE user_id = 101"), 1000, "changed rows");
      db.rollback();
      Savepoint savepoint = db.setSavepoint("one");
      check(s.executeUpdate("DELETE FROM orders WHERE user_id = 103"), 1000, "deleted in a savepoint");
      db.rollback(savepoint);
      check(s.executeUpdate("DELETE FROM orders WHERE user_id IN (101, 102)"), 2000, "deleted rows");
    }
    db.commit();
    db.setAutoCommit(true);
    Connection other = open(options + "&allowMultiQueries=true&sslMode=trust&useSsl=true&trustServerCertificate=true");
    check(one(other, "SELECT COUNT(*) FROM orders"), "8002", "committed");
    fails(db, "SELEC 1", 1064);
    fails(db, "SELECT * FROM no_such_table", 1146);
    fails(db, "INSERT INTO orders (order_id, user_id) VALUES (" + first + ", 7)", 1062);
    try (Statement s = db.createStatement()) {
      s.executeQuery("SELECT CAST('1x' AS SIGNED)");
      SQLWarning warning = s.getWarnings();
      check(warning == null ? 0 : warning.getErrorCode(), 1292, "warning");
    }
    List<String> found = new ArrayList<>();
    try (Statement s = other.createStatement()) {
      boolean rows = s.execute("SELECT 1; SELECT COUNT(*) FROM orders; DO 0; SELECT 'a;b'");
      while (rows || s.getUpdateCount() >= 0) {
        if (rows) {
          ResultSet r = s.getResultSet();
          while (r.next()) found.add(r.getString(1));
        }
        rows = s.getMoreResults();
      }
    }
    check(found, List.of("1", "8002", "a;b"), "multi-statements");
    ResultSet columns = db.getMetaData().getColumns(System.getenv("DB_NAME"), null, "orders", null);
    int count = 0;
    while (columns.next()) count++;
    check(count, 8, "columns of the metadata");
    ResultSet tables = db.getMetaData().getTables(System.getenv("DB_NAME"), null, "orders", new String[] {"TABLE"});
    count = 0;
    while (tables.next()) count++;
    check(count, 1, "tables of the metadata");
    check(db.isValid(5), true, "valid");
    other.close();
    db.close();
    System.out.println("ok " + checks);
  }
}
