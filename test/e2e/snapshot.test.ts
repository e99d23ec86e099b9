/** `shardmesh_snapshot = 'atomic'` on real servers: what it reads, what it waits for, and what it refuses. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const errno = (expected: number) => (error: { errno?: number }) => error.errno === expected;
let pair: ShardedPair;
let writer: mysql.Connection;
let reader: mysql.Connection;

before(async () => {
  pair = await startShardedPair({
    rules: `- !SHARDING
  tables:
    accounts:
      actualDataNodes: ds_\${0..1}.accounts
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
    copies:
      actualDataNodes: ds_\${0..1}.copies
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms:
    by_id: { type: INLINE, props: { algorithm-expression: "ds_\${id % 2}" } }
`,
  });
  writer = await pair.connect();
  await writer.query('CREATE TABLE accounts (id INT PRIMARY KEY, balance INT NOT NULL)');
  await writer.query('CREATE TABLE copies (id INT PRIMARY KEY, balance INT NOT NULL)');
  await writer.query('INSERT INTO accounts VALUES (1,100),(2,100)');
  reader = await pair.connect();
  await reader.query("SET shardmesh_snapshot = 'atomic'");
});
after(async () => {
  await reader?.end();
  await writer?.end();
  await pair?.stop();
});

async function balances(client: mysql.Connection, where = ''): Promise<number[]> {
  const sql = `SELECT balance FROM accounts ${where} ORDER BY id`;
  const [rows] = await client.execute<mysql.RowDataPacket[]>(sql);
  return rows.map((row) => Number(row['balance']));
}

const put = (value: number): Promise<unknown> => writer.query(`UPDATE accounts SET balance = ${value}`);

test('a transaction reads all sources as they were at its first read, whichever it reads when', async () => {
  for (const level of ['', 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED']) {
    if (level !== '') await reader.query(level);
    await put(1);
    await reader.query('BEGIN');
    assert.deepEqual(await balances(reader, 'WHERE id = 1'), [1]);
    await put(2);
    assert.deepEqual(await balances(reader, 'WHERE id = 2'), [1]);
    assert.deepEqual(await balances(reader), [1, 1]);
    const [joined] = await reader.query<mysql.RowDataPacket[]>(
      'SELECT a.balance + b.balance AS s FROM accounts a JOIN accounts b ON a.id = b.id + 1',
    );
    assert.deepEqual(
      joined.map((row) => Number(row['s'])),
      [2],
    );
    await reader.query('COMMIT');
    assert.deepEqual(await balances(reader), [2, 2]);
  }
  await reader.query('SET autocommit = 0');
  assert.deepEqual(await balances(reader, 'WHERE id = 1'), [2]);
  await put(3);
  assert.deepEqual(await balances(reader), [2, 2]);
  await reader.query('SET autocommit = 1');
  assert.deepEqual(await balances(reader), [3, 3]);
});

test('a transaction that writes or locks is refused there, and goes on reading; autocommit writes as ever', async () => {
  await reader.query('BEGIN');
  const seen = await balances(reader);
  await assert.rejects(reader.query('UPDATE accounts SET balance = 9 WHERE id = 1'), errno(9001));
  await assert.rejects(reader.query('UPDATE accounts SET balance = 9'), errno(9001));
  await assert.rejects(reader.query('INSERT INTO accounts VALUES (7,7),(8,8)'), errno(9001));
  await assert.rejects(reader.query('SELECT * FROM accounts WHERE id = 1 FOR UPDATE'), errno(9001));
  await assert.rejects(reader.query('SELECT * FROM accounts FOR UPDATE'), errno(1792));
  await assert.rejects(reader.query("SET shardmesh_snapshot = 'off'"), errno(1568));
  assert.deepEqual(await balances(reader), seen);
  await reader.query('ROLLBACK');
  await reader.query('UPDATE accounts SET balance = 5');
  await reader.query('INSERT INTO copies SELECT id, balance FROM accounts');
  const [copies] = await reader.query<mysql.RowDataPacket[]>('SELECT SUM(balance) AS s FROM copies');
  assert.equal(Number(copies[0]?.['s']), 10);
});

test('it is chosen by a hint, too; SERIALIZABLE and temporary tables are refused', async () => {
  const client = await pair.connect();
  await client.query('/* SHARDMESH_HINT: SNAPSHOT=atomic */ BEGIN');
  await assert.rejects(client.query('UPDATE accounts SET balance = 9 WHERE id = 1'), errno(9001));
  await client.query('ROLLBACK');
  await client.query('UPDATE accounts SET balance = 6 WHERE id = 1');
  await client.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
  await client.query('/* SHARDMESH_HINT: SNAPSHOT=atomic */ BEGIN');
  await assert.rejects(balances(client), errno(9001));
  await client.query('ROLLBACK');
  await client.query('CREATE TEMPORARY TABLE mine (a INT)');
  await client.query("SET shardmesh_snapshot = 'atomic'");
  await client.query('BEGIN');
  await assert.rejects(balances(client), errno(9001));
  await client.query('ROLLBACK');
  await assert.rejects(client.query("SET shardmesh_snapshot = 'perhaps'"), errno(1231));
  await client.end();
});

test('a branch that is decided but not committed is waited for, and refused when it does not come', async () => {
  const rows = async (index: number, sql: string): Promise<string> => {
    const root = await pair.servers[index]!.connection('shardmesh');
    const [found] = await root.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true });
    await root.end();
    return String((found as unknown as unknown[][])[0]?.[0]);
  };
  const point = await rows(0, 'SELECT server FROM identity');
  const gid = `1half00${point}deadnode00${Date.now().toString(36).padStart(9, '0')}1`;
  const branch = `${await rows(1, 'SELECT server FROM identity')}0000000000000000.1.1`;
  const xid = `'${gid}','${branch}',${0x534d5831}`;
  // Of an account that recovery may not kill: as long as this session lives, nobody else can commit the branch.
  const keeper = await pair.servers[1]!.connection('shop_1');
  await keeper.query(`XA START ${xid}`);
  await keeper.query('UPDATE accounts SET balance = 77 WHERE id = 1');
  await keeper.query(`INSERT INTO shardmesh.mark VALUES ('${gid}','${branch}','',${Date.now()})`);
  await keeper.query(`XA END ${xid}`);
  await keeper.query(`XA PREPARE ${xid}`);
  const cp = await pair.servers[0]!.connection('shop_0');
  await cp.query('BEGIN');
  await cp.query('UPDATE accounts SET balance = 77 WHERE id = 2');
  await cp.query(`INSERT INTO shardmesh.decision VALUES ('${gid}',1,'${branch}','deadnode00',${Date.now()},0)`);
  await cp.query('COMMIT');
  await cp.end();
  await assert.rejects(balances(reader), errno(9114));
  // Others still commit, and one source alone can be read.
  await writer.query('UPDATE accounts SET balance = 78 WHERE id = 2');
  assert.deepEqual(await balances(reader, 'WHERE id = 2'), [78]);
  const waiting = balances(reader);
  keeper.destroy();
  assert.deepEqual(await waiting, [77, 78]);
});

test('nothing stays open', async () => {
  for (const server of pair.servers) {
    const root = await server.connection('shardmesh');
    for (let attempt = 0; ; attempt += 1) {
      const [open] = await root.query<mysql.RowDataPacket[]>('SELECT trx_id FROM information_schema.INNODB_TRX');
      if (open.length === 0) break;
      assert.ok(attempt < 300, 'a transaction is still open');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await root.end();
  }
});
