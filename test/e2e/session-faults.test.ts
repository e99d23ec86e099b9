/** What a session holds on its backends: transactions and pins under losses, KILL, time limits and clients that vanish. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const rules = `- !SHARDING
  tables:
    orders:
      actualDataNodes: ds_\${0..1}.orders
      databaseStrategy: { standard: { shardingColumn: user_id, shardingAlgorithmName: by_user } }
  shardingAlgorithms:
    by_user: { type: MOD, props: { sharding-count: 2 } }
- !SINGLE { tables: ["ds_0.*", "ds_1.far"], defaultDataSource: ds_0 }
`;

let pair: ShardedPair;
let client: mysql.Connection;

before(async () => {
  pair = await startShardedPair({
    rules,
    poolSize: 3,
    options: ['--innodb-lock-wait-timeout=20'],
    sidecar: 'limits: { statementTimeout: 1500ms }\n',
  });
  const root = await pair.servers[1]!.connection('shop_1');
  await root.query('CREATE TABLE far (id INT NOT NULL PRIMARY KEY)');
  await root.end();
  client = await pair.connect();
  await client.query('CREATE TABLE orders (user_id INT NOT NULL PRIMARY KEY, v INT NOT NULL)');
  await client.query('CREATE TABLE notes (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, v INT)');
  await client.query('INSERT INTO orders VALUES (0, 0), (1, 0), (2, 0), (3, 0)');
});

after(async () => {
  await client?.end();
  await pair?.stop();
});

async function failure(connection: mysql.Connection, sql: string): Promise<{ errno: number; message: string }> {
  try {
    await connection.query(sql);
  } catch (error) {
    return error as { errno: number; message: string };
  }
  throw new assert.AssertionError({ message: `no error: ${sql}` });
}

async function values(connection = client): Promise<unknown[]> {
  const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT v FROM orders ORDER BY user_id');
  return rows.map((row) => row['v']);
}

/** Why a session holds a connection, as SHOW PROCESSLIST tells. */
async function pinned(connection: mysql.Connection): Promise<string[]> {
  const [rows] = await client.query<mysql.RowDataPacket[]>('SHOW PROCESSLIST');
  const state = String(rows.find((row) => row['Id'] === connection.threadId)?.['State'] ?? '');
  return state === '' ? [] : [state.replace(/^pinned to ds_0: /, '')];
}

/** Kills the backend connections of the mesh on one server. */
async function killBackends(index: number, where = '1=1'): Promise<void> {
  const root = await pair.servers[index]!.connection();
  const [threads] = await root.query<mysql.RowDataPacket[]>(
    `SELECT id FROM information_schema.processlist WHERE user = 'mesh' AND ${where}`,
  );
  for (const thread of threads) await root.query(`KILL ${thread['id']}`).catch(() => undefined);
  await root.end();
}

test('a lost branch refuses everything until ROLLBACK, and nothing of the transaction remains', async () => {
  const before = await values();
  await client.query('BEGIN');
  await client.query('UPDATE orders SET v = 77 WHERE user_id = 0');
  await client.query('UPDATE orders SET v = 77 WHERE user_id = 1');
  await killBackends(1);
  assert.ok([9101, 9102, 1317].includes((await failure(client, 'UPDATE orders SET v = 78 WHERE user_id = 1')).errno));
  assert.equal((await failure(client, 'UPDATE orders SET v = 78 WHERE user_id = 0')).errno, 9105);
  assert.equal((await failure(client, 'SELECT 1')).errno, 9105);
  await client.query('ROLLBACK');
  assert.deepEqual(await values(), before);
});

test('COMMIT of a transaction that lost a branch is an error, not a success', async () => {
  await client.query('BEGIN');
  await client.query('UPDATE orders SET v = 77 WHERE user_id = 0');
  await client.query('UPDATE orders SET v = 77 WHERE user_id = 1');
  await killBackends(1);
  await failure(client, 'UPDATE orders SET v = 78');
  assert.equal((await failure(client, 'COMMIT')).errno, 9105);
  assert.deepEqual(await values(), [0, 0, 0, 0]);
});

test('a client that vanishes rolls back and gives its connections up', async () => {
  for (let round = 0; round < 5; round += 1) {
    const other = await pair.connect();
    await other.query('BEGIN');
    await other.query('UPDATE orders SET v = 5');
    (other as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }
  // More rounds than the pool has connections: none may be kept, and no lock either.
  for (let attempt = 0; ; attempt += 1) {
    try {
      await client.query('UPDATE orders SET v = 0');
      break;
    } catch (error) {
      if (attempt > 20) throw error;
    }
  }
  assert.deepEqual(await values(), [0, 0, 0, 0]);
});

test('a client that vanishes stops what it was running', async () => {
  const other = await pair.connect();
  other.query('SELECT SLEEP(1.2), COUNT(*) FROM notes').catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 200));
  (other as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  const root = await pair.servers[0]!.connection();
  for (let attempt = 0; ; attempt += 1) {
    const [rows] = await root.query<mysql.RowDataPacket[]>(
      "SELECT 1 FROM information_schema.processlist WHERE user = 'mesh' AND info LIKE '%SLEEP(1.2)%'",
    );
    if (rows.length === 0) break;
    assert.ok(attempt < 40);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await root.end();
});

test('a statement over the time limit is stopped on its backends and told so', async () => {
  const error = await failure(client, 'SELECT SLEEP(30)');
  assert.equal(error.errno, 9110);
  const scattered = await failure(client, 'SELECT user_id, SLEEP(30) FROM orders');
  assert.equal(scattered.errno, 9110);
  const [rows] = await client.query<mysql.RowDataPacket[]>('SELECT 1 AS one');
  assert.deepEqual(rows, [{ one: 1 }]);
});

test('KILL QUERY ends a statement that waits for a connection or a lock; the session goes on', async () => {
  const holder = await pair.connect();
  await holder.query('BEGIN');
  await holder.query('UPDATE orders SET v = v WHERE user_id = 0');
  const victim = await pair.connect();
  const waiting = failure(victim, 'UPDATE orders SET v = 1 WHERE user_id = 0');
  await new Promise((resolve) => setTimeout(resolve, 150));
  await client.query(`KILL QUERY ${victim.threadId}`);
  assert.equal((await waiting).errno, 1317);
  assert.deepEqual(await values(victim), [0, 0, 0, 0]);
  await holder.query('ROLLBACK');
  await Promise.all([holder.end(), victim.end()]);
});

test('BEGIN after GET_LOCK is a transaction, on the connection that holds the lock', async () => {
  await client.query("SELECT GET_LOCK('one', 1)");
  await client.query('BEGIN');
  await client.query('UPDATE orders SET v = 9');
  await client.query('ROLLBACK');
  assert.deepEqual(await values(), [0, 0, 0, 0]);
  const other = await pair.connect();
  const [taken] = await other.query<mysql.RowDataPacket[]>("SELECT GET_LOCK('one', 0) AS got");
  assert.equal(taken[0]?.['got'], 0);
  await client.query('SELECT RELEASE_ALL_LOCKS()');
  const [free] = await other.query<mysql.RowDataPacket[]>("SELECT GET_LOCK('one', 1) AS got");
  assert.equal(free[0]?.['got'], 1);
  assert.deepEqual(await pinned(other), ['user lock']);
  await other.query("SELECT GET_LOCK('three', 1)");
  await other.query("SELECT RELEASE_LOCK('one')");
  assert.deepEqual(await pinned(other), ['user lock']);
  await other.query("DO RELEASE_LOCK('three')");
  await other.query("SELECT RELEASE_LOCK('three')");
  assert.deepEqual(await pinned(other), []);
  await other.end();
});

test('the loss of a pinned connection is told once', async () => {
  const other = await pair.connect();
  await other.query("SELECT GET_LOCK('two', 1)");
  await killBackends(0);
  assert.ok([9102, 1317].includes((await failure(other, 'SELECT v FROM orders WHERE user_id = 0')).errno));
  const [rows] = await other.query<mysql.RowDataPacket[]>("SELECT GET_LOCK('two', 1) AS got");
  assert.equal(rows[0]?.['got'], 1);
  await other.end();
});

test('savepoints hold over sources that join later', async () => {
  await client.query('BEGIN');
  await client.query('UPDATE orders SET v = 1 WHERE user_id = 0');
  await client.query('SAVEPOINT a');
  await client.query('UPDATE orders SET v = 2 WHERE user_id = 1');
  await client.query('ROLLBACK TO a');
  assert.deepEqual(await values(), [1, 0, 0, 0]);
  await client.query('ROLLBACK');
});

test('maintenance statements commit what is open', async () => {
  await client.query('BEGIN');
  await client.query('UPDATE orders SET v = 3 WHERE user_id = 2');
  await client.query('ANALYZE TABLE orders');
  await client.query('ROLLBACK');
  assert.deepEqual(await values(), [0, 0, 3, 0]);
  await client.query('UPDATE orders SET v = 0');
});

test('LOCK TABLES: other sources are refused, BEGIN and UNLOCK TABLES end it', async () => {
  const other = await pair.connect();
  await other.query('LOCK TABLES notes WRITE');
  assert.equal((await failure(other, 'SELECT v FROM orders WHERE user_id = 1')).errno, 9004);
  await other.query('INSERT INTO notes (v) VALUES (1)');
  await other.query('UNLOCK TABLES');
  await other.query('SELECT v FROM orders WHERE user_id = 1');
  await other.query('LOCK TABLES notes WRITE');
  await other.query('BEGIN');
  await client.query('INSERT INTO notes (v) VALUES (2)');
  await other.query('ROLLBACK');
  await other.end();
});

test('SHOW PROCESSLIST tells on which sources a session is at work, in a transaction or pinned', async () => {
  const other = await pair.connect();
  const state = async (): Promise<string> => {
    const [rows] = await client.query<mysql.RowDataPacket[]>('SHOW PROCESSLIST');
    return String(rows.find((row) => row['Id'] === other.threadId)?.['State']);
  };
  assert.equal(await state(), '');
  await other.query('BEGIN');
  await other.query('UPDATE orders SET v = 1 WHERE user_id = 1');
  assert.equal(await state(), 'transaction on ds_1');
  await other.query('UPDATE orders SET v = 1 WHERE user_id = 0');
  const waiting = other.query('SELECT SLEEP(1) FROM orders WHERE user_id IN (0, 1)').catch(() => undefined);
  let running = '';
  for (let attempt = 0; attempt < 500 && !/^running/.test(running); attempt += 1) running = await state();
  assert.equal(running, 'running on ds_0, ds_1; transaction on ds_0, ds_1');
  await waiting;
  await other.query('ROLLBACK');
  await other.query("SELECT GET_LOCK('shown', 1)");
  assert.equal(await state(), 'pinned to ds_0: user lock');
  await other.end();
});

test('a temporary table pins until it is dropped; its loss is told once, and another session never sees it', async () => {
  const other = await pair.connect();
  assert.deepEqual(await pinned(other), []);
  await other.query('CREATE TEMPORARY TABLE mine (a INT)');
  await other.query('INSERT INTO mine VALUES (1), (2)');
  assert.deepEqual(await pinned(other), ['temporary table']);
  assert.equal((await failure(client, 'SELECT * FROM mine')).errno, 1146);
  const [rows] = await other.query<mysql.RowDataPacket[]>(
    'SELECT o.user_id AS id FROM orders o JOIN mine m ON m.a = o.user_id ORDER BY o.user_id',
  );
  assert.deepEqual(
    rows.map((row) => row['id']),
    [1, 2],
  );
  await other.query('DROP TABLE mine');
  assert.deepEqual(await pinned(other), []);
  assert.equal((await failure(other, 'SELECT * FROM mine')).errno, 1146);
  // A failed one leaves nothing behind.
  await failure(other, 'CREATE TEMPORARY TABLE mine (a INT, a INT)');
  assert.deepEqual(await pinned(other), []);
  await other.query('CREATE TEMPORARY TABLE mine (a INT)');
  await killBackends(0);
  assert.ok([9102, 1317].includes((await failure(other, 'SELECT * FROM mine')).errno));
  assert.equal((await failure(other, 'SELECT * FROM mine')).errno, 1146);
  await other.query('CREATE TEMPORARY TABLE mine (a INT)');
  await other.reset();
  assert.equal((await failure(other, 'SELECT * FROM mine')).errno, 1146);
  assert.deepEqual(await pinned(other), []);
  await other.end();
});

test('a handler pins until the last one is closed', async () => {
  const other = await pair.connect();
  await other.query('HANDLER notes OPEN AS a');
  await other.query('HANDLER notes OPEN AS b');
  await other.query('HANDLER a CLOSE');
  assert.deepEqual(await pinned(other), ['handler']);
  await other.query('HANDLER b CLOSE');
  assert.deepEqual(await pinned(other), []);
  await failure(other, 'HANDLER b CLOSE');
  assert.deepEqual(await pinned(other), []);
  await other.end();
});

test('LOCK TABLES of a table that is not on the default source is unlocked there', async () => {
  const other = await pair.connect();
  await other.query('LOCK TABLES far WRITE');
  assert.equal((await failure(other, 'SELECT v FROM orders WHERE user_id = 0')).errno, 9004);
  await other.query('UNLOCK TABLES');
  await other.query('SELECT v FROM orders WHERE user_id = 0');
  assert.deepEqual(await pinned(other), []);
  await other.end();
});
