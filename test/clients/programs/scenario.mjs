/** The scenario itself, for the drivers of npm: each of them is wrapped into `open()` by a file of its own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const env = process.env;
const address = {
  host: env.DB_HOST,
  port: Number(env.DB_PORT),
  user: env.DB_USER,
  password: env.DB_PASSWORD,
  database: env.DB_NAME,
};
const ca = readFileSync(env.DB_CA, 'utf8');
let checks = 0;

function check(actual, expected, what) {
  checks += 1;
  assert.deepStrictEqual(
    actual,
    expected,
    `${what}: ${JSON.stringify(actual)?.slice(0, 500)} instead of ${JSON.stringify(expected)?.slice(0, 500)}`,
  );
}

const plain = (rows) =>
  rows.map((row) =>
    Object.values(row).map((value) =>
      value === null || Buffer.isBuffer(value) || value instanceof Date ? value : String(value),
    ),
  );

async function fails(db, sql, errno) {
  let error;
  try {
    await db.query(sql);
  } catch (caught) {
    error = caught;
  }
  check(error?.errno, errno, sql);
}

async function scenario({ open }) {
  const db = await open();
  check(
    plain(await db.query('SELECT DATABASE(), @@character_set_client')),
    [[address.database, 'utf8mb4']],
    'database and charset',
  );
  await db.query('DROP TABLE IF EXISTS orders');
  await db.query(`CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4),
    note VARCHAR(200), created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4`);
  const blob = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  const note = 'Grüße \\ \'" 日本 🐬';
  const created = new Date(2024, 1, 29, 12, 34, 56, 789);
  const insert = 'INSERT INTO orders (user_id, amount, note, created, big, data, ratio) VALUES (?, ?, ?, ?, ?, ?, ?)';
  const first = await db.query(insert, [7, '12345678901234.5678', note, created, '18446744073709551615', blob, 0.1]);
  check(first.affected, 1, 'affected');
  assert.ok(BigInt(first.id) > 0n, 'insert id');
  await db.query(insert, [8, null, null, null, null, null, null]);
  const read = 'SELECT amount, note, created, big, data, ratio FROM orders WHERE order_id = ? AND user_id = ?';
  check(
    plain(await db.query(read, [first.id, 7])),
    [['12345678901234.5678', note, created, '18446744073709551615', blob, '0.1']],
    'row of all types',
  );
  check(
    plain(await db.query('SELECT amount, note, created, big, data, ratio FROM orders WHERE user_id = ?', [8])),
    [[null, null, null, null, null, null]],
    'NULLs',
  );
  for (let from = 0; from < 10_000; from += 1000) {
    const values = Array.from(
      { length: 1000 },
      (_, index) => `(${100 + ((from + index) % 10)}, ${(from + index) / 4}, 'row ${from + index}')`,
    );
    check(
      (await db.query(`INSERT INTO orders (user_id, amount, note) VALUES ${values.join(',')}`)).affected,
      1000,
      'rows of one INSERT',
    );
  }
  check(
    plain(
      await db.query('SELECT COUNT(*), SUM(amount), MIN(note), MAX(user_id) FROM orders WHERE user_id >= ?', [100]),
    ),
    [['10000', '12498750.0000', 'row 0', '109']],
    'aggregates',
  );
  const notes = (await db.query('SELECT note FROM orders WHERE user_id >= ? ORDER BY amount', [100])).map(
    (row) => row.note,
  );
  check(
    notes,
    Array.from({ length: 10_000 }, (_, index) => `row ${index}`),
    'large result in order',
  );
  check(
    (await db.query('SELECT note FROM orders WHERE user_id IN (?, ?) ORDER BY amount LIMIT 3', [101, 102])).map(
      (row) => row.note,
    ),
    ['row 1', 'row 2', 'row 11'],
    'IN',
  );

  await db.begin();
  check(
    (await db.query('UPDATE orders SET note = ? WHERE user_id = ?', ['changed', 101])).affected,
    1000,
    'changed rows',
  );
  await db.rollback();
  check(plain(await db.query("SELECT COUNT(*) FROM orders WHERE note = 'changed'")), [['0']], 'rolled back');
  await db.begin();
  check((await db.query('DELETE FROM orders WHERE user_id IN (?, ?)', [101, 102])).affected, 2000, 'deleted rows');
  await db.commit();
  const other = await open({ compress: true });
  check(plain(await other.query('SELECT COUNT(*) FROM orders')), [['8002']], 'committed');
  check((await other.query('SELECT REPEAT(note, 100) FROM orders')).length, 8002, 'many compressible bytes');
  await other.end();

  await fails(db, 'SELEC 1', 1064);
  await fails(db, 'SELECT * FROM no_such_table', 1146);
  await fails(db, `INSERT INTO orders (order_id, user_id) VALUES (${first.id}, 7)`, 1062);
  await db.query("SELECT CAST('1x' AS SIGNED)");
  check(plain(await db.query('SHOW WARNINGS'))[0][1], '1292', 'warning');

  const several = await open({ several: true });
  const results = await several.query("SELECT 1; SELECT COUNT(*) FROM orders; SELECT 'a;b'");
  check(
    results.map((rows) => plain(rows)),
    [[['1']], [['8002']], [['a;b']]],
    'multi-statements',
  );
  await several.query('SET @x = 5');
  await several.changeUser();
  check(plain(await several.query('SELECT @x')), [[null]], 'nothing is left after a change of user');
  await several.end();

  const secure = await open({ tls: true });
  check(plain(await secure.query('SELECT 1')), [['1']], 'TLS');
  await secure.end();
  await db.end();
  console.log(`ok ${checks}`);
}

export const run = { address, ca, scenario };
