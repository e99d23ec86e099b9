/** Session state that a differential case cannot reach: resets, character sets of the login, state of the session in SHOW. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

let pair: ShardedPair;

before(async () => {
  pair = await startShardedPair({
    rules: '- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }\n',
    sidecar: 'limits: { preparedStatements: 3 }\n',
  });
});

after(async () => {
  await pair?.stop();
});

async function row(client: mysql.Connection, sql: string): Promise<unknown[]> {
  const [rows] = await client.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true });
  return (rows as unknown as unknown[][])[0] ?? [];
}

test('a reset takes everything back to what the login made it, its character set too', async () => {
  const client = await pair.connect({ charset: 'LATIN1_SWEDISH_CI' });
  const before = await row(
    client,
    'SELECT @@character_set_client, @@collation_connection, @a, LAST_INSERT_ID(), @@autocommit',
  );
  assert.deepEqual(before.slice(0, 2), ['latin1', 'latin1_swedish_ci']);
  await client.query("SET NAMES utf8mb4, @a = 5, autocommit = 0, last_insert_id = 9, time_zone = '+05:00'");
  await client.reset();
  assert.deepEqual(
    await row(client, 'SELECT @@character_set_client, @@collation_connection, @a, LAST_INSERT_ID(), @@autocommit'),
    before,
  );
  await client.changeUser({
    user: 'app',
    password: 'app',
    database: 'shop',
    charset: 'UTF8MB4_GENERAL_CI',
  } as mysql.ConnectionOptions);
  assert.deepEqual(await row(client, 'SELECT @@character_set_client, @@collation_connection'), [
    'utf8mb4',
    'utf8mb4_general_ci',
  ]);
  await client.end();
});

test('a text of a latin1 client is read as latin1 everywhere', async () => {
  const client = await pair.connect({ charset: 'LATIN1_SWEDISH_CI' });
  await client.query("SET @u = 'ü'");
  assert.deepEqual(await row(client, 'SELECT HEX(@u), CHARSET(@u)'), ['FC', 'latin1']);
  await client.query('SET NAMES utf8mb4');
  assert.deepEqual(await row(client, "SELECT HEX(@u), CHARSET(@u), @u = CONVERT(_utf8mb4 X'C3BC' USING latin1)"), [
    'FC',
    'latin1',
    1,
  ]);
  await client.end();
});

test('an unsafe character set is refused whatever expression names it', async () => {
  const client = await pair.connect();
  await client.query("SET @c = 'big5'");
  for (const sql of ['SET NAMES gbk', "SET character_set_client = 'sjis'", 'SET character_set_client = @c']) {
    await assert.rejects(client.query(sql), (error: { errno: number }) => error.errno === 9202, sql);
  }
  assert.deepEqual(await row(client, 'SELECT @@character_set_client'), ['utf8mb4']);
  await client.end();
});

test('what SHOW VARIABLES tells of the session is not that of another connection', async () => {
  const first = await pair.connect();
  const second = await pair.connect();
  await first.query('CREATE TABLE ids (id INT AUTO_INCREMENT PRIMARY KEY)');
  await first.query('INSERT INTO ids VALUES (NULL)');
  assert.deepEqual(await row(first, "SHOW VARIABLES LIKE 'last_insert_id'"), ['last_insert_id', '1']);
  assert.deepEqual(await row(second, "SHOW VARIABLES LIKE 'last_insert_id'"), ['last_insert_id', '0']);
  assert.deepEqual(await row(second, "SHOW VARIABLES LIKE 'pseudo_thread_id'"), [
    'pseudo_thread_id',
    String(second.threadId),
  ]);
  await Promise.all([first.end(), second.end()]);
});

test('SHOW WARNINGS with LIMIT, whatever was shown before', async () => {
  const client = await pair.connect();
  await client.query("SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED), CAST('c' AS SIGNED)");
  const messages = async (sql: string): Promise<string[]> => {
    const [rows] = await client.query<mysql.RowDataPacket[]>(sql);
    return rows.map((found) => String(found['Message']).slice(-2, -1));
  };
  assert.deepEqual(await messages('SHOW WARNINGS LIMIT 2'), ['a', 'b']);
  assert.deepEqual(await messages('SHOW   WARNINGS  LIMIT   2'), ['a', 'b']);
  assert.deepEqual(await messages('SHOW WARNINGS LIMIT 1, 1'), ['b']);
  assert.deepEqual(await row(client, 'SHOW COUNT(*) WARNINGS'), [3]);
  await client.end();
});

test('the mesh has session variables of its own, set, shown and reset as any other', async () => {
  const client = await pair.connect();
  const type = async () => (await row(client, 'SELECT @@shardmesh_transaction_type'))[0];
  assert.equal(await type(), 'XA');
  await client.query("SET shardmesh_transaction_type = 'local'");
  await client.query('SET SESSION shardmesh_transaction_type = DEFAULT, @@session.shardmesh_transaction_type = LOCAL');
  assert.equal(await type(), 'LOCAL');
  assert.deepEqual(await row(client, "SHOW VARIABLES LIKE 'shardmesh\\_transaction%'"), [
    'shardmesh_transaction_type',
    'LOCAL',
  ]);
  const refused: [string, number][] = [
    ["SET shardmesh_transaction_type = 'SOON'", 1231],
    ["SET GLOBAL shardmesh_transaction_type = 'LOCAL'", 1228],
    ['SET shardmesh_nonsense = 1', 1193],
  ];
  for (const [sql, errno] of refused) await assert.rejects(client.query(sql), { errno }, sql);
  await client.query('BEGIN');
  await assert.rejects(client.query("SET shardmesh_transaction_type = 'LOCAL'"), { errno: 1568 });
  await client.query('ROLLBACK');
  await client.end();
});

test('warnings and errors of a latin1 client keep their letters', async () => {
  const client = await pair.connect({ charset: 'LATIN1_SWEDISH_CI' });
  await client.query("SELECT CAST('é' AS SIGNED)");
  assert.equal((await row(client, 'SHOW WARNINGS'))[2], "Truncated incorrect INTEGER value: 'é'");
  await assert.rejects(client.query('SELECT `é`'), /Unknown column 'é'/);
  await client.end();
});

test('one prepared statement more than allowed is error 1461, in either protocol; closed ones make room', async () => {
  const client = await pair.connect();
  const [first] = await Promise.all([1, 2].map((number) => client.prepare(`SELECT ${number}`)));
  await client.query("PREPARE three FROM 'SELECT 3'");
  await assert.rejects(client.prepare('SELECT 4'), { errno: 1461, message: /current value: 3/ });
  await assert.rejects(client.query("PREPARE four FROM 'SELECT 4'"), { errno: 1461 });
  // The same name takes the place of the old one.
  await client.query("PREPARE three FROM 'SELECT 33'");
  assert.deepEqual(await row(client, 'EXECUTE three'), [33]);
  await client.query('DEALLOCATE PREPARE three');
  await client.prepare('SELECT 5');
  await first?.close();
  await client.query("PREPARE six FROM 'SELECT 6'");
  await client.reset();
  await assert.rejects(client.query('EXECUTE six'), { errno: 1243 });
  await client.end();
});
