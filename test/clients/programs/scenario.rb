# The scenario for Ruby's mysql2.
require 'mysql2'
require 'bigdecimal'

$checks = 0

def check(actual, expected, what)
  $checks += 1
  return if actual == expected

  abort "#{what}: #{actual.inspect} instead of #{expected.inspect}"
end

def connect(more = {})
  Mysql2::Client.new({ host: ENV.fetch('DB_HOST'), port: ENV.fetch('DB_PORT').to_i, username: ENV.fetch('DB_USER'), password: ENV.fetch('DB_PASSWORD'),
                       database: ENV.fetch('DB_NAME'), encoding: 'utf8mb4', database_timezone: :utc }.merge(more))
end

db = connect
check(db.query('SELECT DATABASE() AS d, @@character_set_client AS c').first, { 'd' => ENV.fetch('DB_NAME'), 'c' => 'utf8mb4' }, 'database')
db.query('DROP TABLE IF EXISTS orders')
db.query('CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4),
  note VARCHAR(200), created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4')
note = "Grüße \\ '\" 日本 🐬"
moment = Time.utc(2024, 2, 29, 12, 34, 56, 789_012)
insert = db.prepare('INSERT INTO orders (user_id, amount, note, created, big, ratio) VALUES (?, ?, ?, ?, ?, ?)')
insert.execute(7, BigDecimal('12345678901234.5678'), note, moment, 2**64 - 1, 0.5)
first = insert.last_id
check(first.positive?, true, 'last id')
insert.execute(8, nil, nil, nil, nil, nil)
row = db.prepare('SELECT amount, note, created, big, ratio FROM orders WHERE order_id = ? AND user_id = ?').execute(first, 7).first
check(row.values, [BigDecimal('12345678901234.5678'), note, moment, 2**64 - 1, 0.5], 'row of all types')
10.times do |batch|
  values = (0...1000).map { |i| n = batch * 1000 + i; "(#{100 + n % 10}, #{n / 4.0}, 'row #{n}')" }.join(',')
  db.query("INSERT INTO orders (user_id, amount, note) VALUES #{values}")
  check(db.affected_rows, 1000, 'rows of one INSERT')
end
check(db.query('SELECT COUNT(*) AS n, SUM(amount) AS s FROM orders WHERE user_id >= 100').first, { 'n' => 10_000, 's' => BigDecimal('12498750') }, 'aggregates')
check(db.query('SELECT note FROM orders WHERE user_id >= 100 ORDER BY amount').map { |r| r['note'] }, (0...10_000).map { |n| "row #{n}" }, 'large result')
db.query('BEGIN')
db.query("UPDATE orders SET note = 'changed' WHERE user_id = 101")
check(db.affected_rows, 1000, 'changed rows')
db.query('ROLLBACK')
check(db.query("SELECT COUNT(*) AS n FROM orders WHERE note = 'changed'").first['n'], 0, 'rolled back')
{ 'SELEC 1' => 1064, 'SELECT * FROM no_such_table' => 1146, "INSERT INTO orders (order_id, user_id) VALUES (#{first}, 7)" => 1062 }.each do |sql, errno|
  db.query(sql)
  abort "no error: #{sql}"
rescue Mysql2::Error => e
  check(e.error_number, errno, sql)
end
many = connect(flags: Mysql2::Client::MULTI_STATEMENTS)
found = [many.query("SELECT 1 AS x; SELECT COUNT(*) AS x FROM orders; SELECT 'a;b' AS x").first['x']]
found << many.store_result.first['x'] while many.next_result
check(found, [1, 10_002, 'a;b'], 'multi-statements')
check(connect(sslca: ENV.fetch('DB_CA')).query('SELECT 1 AS x').first, { 'x' => 1 }, 'TLS')
puts "ok #{$checks}"
