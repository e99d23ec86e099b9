/** XA on real servers: what commits together, what it costs, what is left behind, and what is refused. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import { grantSchemas, makeTransactionTables } from '../../src/demo/index.ts';
import { meshAccount } from '../servers/index.ts';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const rules = `- !SHARDING
  tables:
    accounts:
      actualDataNodes: ds_\${0..1}.accounts
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms:
    by_id: { type: INLINE, props: { algorithm-expression: "ds_\${id % 2}" } }
`;

const errno = (expected: number) => (error: { errno?: number }) => error.errno === expected;

async function rowsOf(pair: ShardedPair, index: number, sql: string): Promise<unknown[][]> {
  const root = await pair.servers[index]!.connection(`shop_${index}`);
  const [rows] = await root.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true });
  await root.end();
  return rows as unknown as unknown[][];
}

/** Waits until a server says so; gives up after half a minute. */
async function until(check: () => Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (await check()) return;
    await sleep(100);
  }
  assert.fail(`not within 30 s: ${what}`);
}

describe('XA', () => {
  let pair: ShardedPair;
  let client: mysql.Connection;

  before(async () => {
    pair = await startShardedPair({ rules });
    client = await pair.connect();
    await client.query('CREATE TABLE accounts (id INT PRIMARY KEY, balance INT NOT NULL)');
    await client.query('INSERT INTO accounts VALUES (1,100),(2,100),(3,100),(4,100)');
  });
  after(async () => {
    await client?.end();
    await pair?.stop();
  });

  const balance = async (id: number): Promise<number> =>
    Number((await rowsOf(pair, id % 2, `SELECT balance FROM accounts WHERE id=${id}`))[0]?.[0]);
  const marks = async (): Promise<number> =>
    (await Promise.all([0, 1].map((index) => rowsOf(pair, index, 'SELECT 1 FROM shardmesh.mark')))).flat().length;

  test('is the default, commits on all sources and leaves one decision and one mark', async () => {
    const before = await marks();
    await client.query('BEGIN');
    await client.query('UPDATE accounts SET balance = balance - 10 WHERE id = 1');
    await client.query('UPDATE accounts SET balance = balance + 10 WHERE id = 2');
    await client.query('COMMIT');
    assert.deepEqual([await balance(1), await balance(2)], [90, 110]);
    assert.equal((await marks()) - before, 1);
    // The source touched first decides.
    const [decision] = await rowsOf(
      pair,
      1,
      'SELECT state, parts <> "" FROM shardmesh.decision ORDER BY ts DESC LIMIT 1',
    );
    assert.deepEqual(decision, [1, 1]);
    await until(
      async () => (await rowsOf(pair, 1, 'SELECT 1 FROM shardmesh.decision WHERE done = 0')).length === 0,
      'the decision is marked as done',
    );
  });

  test('a transaction on one source, and one that only read elsewhere, write nothing of ours', async () => {
    const before = await marks();
    await client.query('BEGIN');
    await client.query('UPDATE accounts SET balance = balance WHERE id = 1');
    await client.query('SELECT * FROM accounts WHERE id = 2');
    await client.query('UPDATE accounts SET balance = 70 WHERE id = 3');
    await client.query('COMMIT');
    await client.query('START TRANSACTION READ ONLY');
    await client.query('SELECT SUM(balance) FROM accounts');
    await assert.rejects(client.query('UPDATE accounts SET balance = 0 WHERE id = 2'), errno(1792));
    await client.query('COMMIT');
    // The reader is the one touched first: the other, an XA branch, commits in one phase.
    await client.query('BEGIN');
    await client.query('SELECT * FROM accounts WHERE id = 2');
    await client.query('UPDATE accounts SET balance = 71 WHERE id = 3');
    await client.query('COMMIT');
    assert.equal(await balance(3), 71);
    assert.equal(await marks(), before);
  });

  test('rolls back on all; savepoints reach every branch', async () => {
    await client.query('BEGIN');
    await client.query('UPDATE accounts SET balance = 1 WHERE id = 1');
    await client.query('SAVEPOINT one');
    await client.query('UPDATE accounts SET balance = 2 WHERE id = 2');
    await client.query('UPDATE accounts SET balance = 3 WHERE id = 1');
    await client.query('ROLLBACK TO SAVEPOINT one');
    await client.query('UPDATE accounts SET balance = 4 WHERE id = 4');
    await client.query('COMMIT');
    assert.deepEqual(await Promise.all([1, 2, 4].map(balance)), [1, 110, 4]);
    await client.query('BEGIN');
    await client.query('UPDATE accounts SET balance = 0');
    await client.query('ROLLBACK');
    assert.deepEqual(await Promise.all([1, 2, 4].map(balance)), [1, 110, 4]);
  });

  test('isolation levels and snapshots reach XA branches', async () => {
    const other = await pair.connect();
    for (const [begin, seen] of [
      [
        ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'BEGIN'],
        [8, 9],
      ],
      [['START TRANSACTION WITH CONSISTENT SNAPSHOT'], [5, 6]],
    ] as const) {
      await other.query('UPDATE accounts SET balance = 5 WHERE id = 1');
      await other.query('UPDATE accounts SET balance = 6 WHERE id = 2');
      for (const sql of begin) await client.query(sql);
      await client.query('SELECT * FROM accounts');
      await other.query('UPDATE accounts SET balance = 8 WHERE id = 1');
      await other.query('UPDATE accounts SET balance = 9 WHERE id = 2');
      const [rows] = await client.query<mysql.RowDataPacket[]>('SELECT balance FROM accounts WHERE id < 3 ORDER BY id');
      assert.deepEqual(
        rows.map((row) => row['balance']),
        seen,
      );
      await client.query('COMMIT');
    }
    await other.end();
  });

  test('an autocommit statement over several sources is one too, and a deadlock ends all of its branches', async () => {
    const before = await marks();
    await client.query('UPDATE accounts SET balance = 50');
    assert.equal((await marks()) - before, 1);
    const other = await pair.connect();
    await client.query('BEGIN');
    await other.query('BEGIN');
    await client.query('UPDATE accounts SET balance = 1 WHERE id = 2');
    await client.query('UPDATE accounts SET balance = 1 WHERE id = 1');
    await other.query('UPDATE accounts SET balance = 2 WHERE id = 4');
    await other.query('UPDATE accounts SET balance = 2 WHERE id = 3');
    const blocked = client.query('UPDATE accounts SET balance = 1 WHERE id = 3').then(
      () => 0,
      (error: { errno: number }) => error.errno,
    );
    await sleep(200);
    const second = await other.query('UPDATE accounts SET balance = 2 WHERE id = 1').then(
      () => 0,
      (error: { errno: number }) => error.errno,
    );
    assert.deepEqual([await blocked, second].sort(), [0, 1213]);
    const [winner, loser] = second === 0 ? [other, client] : [client, other];
    // The loser is out of its transaction: this is autocommit and does not wait for itself.
    await loser.query('SELECT 1');
    await winner.query('COMMIT');
    const expected = winner === client ? [1, 1, 1, 50] : [2, 50, 2, 2];
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(balance)), expected);
    await other.end();
  });

  test('DDL commits everything first; autocommit=0 opens transactions by itself', async () => {
    await client.query('SET autocommit = 0');
    await client.query('UPDATE accounts SET balance = 31 WHERE id = 1');
    await client.query('UPDATE accounts SET balance = 32 WHERE id = 2');
    await client.query('CREATE TABLE other_table (a INT PRIMARY KEY)');
    assert.deepEqual([await balance(1), await balance(2)], [31, 32]);
    await client.query('UPDATE accounts SET balance = 41 WHERE id = 1');
    await client.query('UPDATE accounts SET balance = 42 WHERE id = 2');
    await client.query('SET autocommit = 1');
    assert.deepEqual([await balance(1), await balance(2)], [41, 42]);
  });

  test('nothing stays prepared', async () => {
    for (const index of [0, 1]) assert.deepEqual(await rowsOf(pair, index, 'XA RECOVER'), []);
  });
});

test('without the tables several writers are refused before anything is prepared, until they are made', async () => {
  const pair = await startShardedPair({ rules, transactionTables: false });
  const client = await pair.connect();
  await client.query('CREATE TABLE accounts (id INT PRIMARY KEY, balance INT NOT NULL)');
  await client.query('INSERT INTO accounts VALUES (1,100)');
  await client.query('INSERT INTO accounts VALUES (2,100)');
  await assert.rejects(client.query('UPDATE accounts SET balance = 0'), (error: { errno: number; message: string }) => {
    assert.equal(error.errno, 9106);
    assert.match(error.message, /init-transactions/);
    return true;
  });
  await client.query('BEGIN');
  await client.query('UPDATE accounts SET balance = 0 WHERE id = 1');
  await client.query('UPDATE accounts SET balance = 0 WHERE id = 2');
  await assert.rejects(client.query('COMMIT'), errno(9106));
  const [rows] = await client.query<mysql.RowDataPacket[]>('SELECT SUM(balance) AS s FROM accounts');
  assert.equal(Number(rows[0]?.['s']), 200);
  await client.query("SET shardmesh_transaction_type = 'LOCAL'");
  await client.query('UPDATE accounts SET balance = 1');
  await client.query("SET shardmesh_transaction_type = 'XA'");
  for (const server of pair.servers) {
    await grantSchemas(server, meshAccount, []);
    await makeTransactionTables(server);
  }
  await sleep(1100);
  await client.query('UPDATE accounts SET balance = 7');
  const [after] = await client.query<mysql.RowDataPacket[]>('SELECT SUM(balance) AS s FROM accounts');
  assert.equal(Number(after[0]?.['s']), 14);
  await client.end();
  await pair.stop();
});
