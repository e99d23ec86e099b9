/** BEST_EFFORT transactions on real servers: what commits where, what is refused, and that one source alone costs nothing more. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const rules = `- !SHARDING
  tables:
    accounts:
      actualDataNodes: ds_\${0..1}.accounts
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms:
    by_id: { type: MOD, props: { sharding-count: 2 } }
- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }
`;

let pair: ShardedPair;
let client: mysql.Connection;

before(async () => {
  pair = await startShardedPair({ rules });
  client = await pair.connect();
  await client.query('CREATE TABLE accounts (id INT NOT NULL PRIMARY KEY, balance INT NOT NULL, at DATETIME(6) NULL)');
  // Of source ds_0 alone, where it counts for itself.
  await client.query('CREATE TABLE notes (n INT NOT NULL AUTO_INCREMENT PRIMARY KEY, text LONGTEXT)');
  await client.query('INSERT INTO accounts (id, balance) VALUES (0, 100), (1, 100), (2, 100), (3, 100)');
  await client.query("SET shardmesh_transaction_type = 'BEST_EFFORT'");
});

after(async () => {
  await client?.end();
  await pair?.stop();
});

async function onServer(index: number, sql: string): Promise<mysql.RowDataPacket[]> {
  const root = await pair.servers[index]?.connection('shardmesh');
  try {
    const [rows] = (await root?.query<mysql.RowDataPacket[]>(sql)) ?? [[]];
    return rows;
  } finally {
    await root?.end();
  }
}

async function waitUntil(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new assert.AssertionError({ message: `not within a minute: ${what}` });
    await sleep(50);
  }
}

async function refusal(sql: string): Promise<{ errno: number; message: string }> {
  try {
    await client.query(sql);
  } catch (error) {
    return error as { errno: number; message: string };
  }
  throw new assert.AssertionError({ message: `no error: ${sql}` });
}

async function balances(): Promise<unknown[]> {
  const [rows] = await client.query<mysql.RowDataPacket[]>('SELECT balance FROM accounts ORDER BY id');
  return rows.map((row) => row['balance']);
}

const outbox = async (): Promise<number> =>
  (await Promise.all([0, 1].map((index) => onServer(index, 'SELECT gid FROM outbox')))).flat().length;
const inbox = async (): Promise<number> =>
  (await Promise.all([0, 1].map((index) => onServer(index, 'SELECT gid FROM inbox')))).flat().length;

test('a transaction over two sources commits on both, by text and by prepared statements', async () => {
  const before = await inbox();
  await client.beginTransaction();
  await client.query('UPDATE accounts SET balance = balance + 10, at = NOW(6) WHERE id = 1');
  await client.query('UPDATE accounts SET balance = balance - 10 WHERE id = 0');
  await client.execute('INSERT INTO notes (text) VALUES (?)', ['gave 10']);
  await client.commit();
  assert.deepEqual(await balances(), [90, 110, 100, 100]);
  assert.equal(await inbox(), before + 1, 'one row for the source that was not the first');
  await waitUntil('the outbox is empty', async () => (await outbox()) === 0);
});

test('ROLLBACK, ROLLBACK TO and a statement that fails take back what they would on one server', async () => {
  await client.beginTransaction();
  await client.query('UPDATE accounts SET balance = 0');
  await client.rollback();
  assert.deepEqual(await balances(), [90, 110, 100, 100]);
  const before = await inbox();
  await client.beginTransaction();
  await client.query('UPDATE accounts SET balance = balance - 1 WHERE id = 2');
  await client.query('SAVEPOINT s');
  await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = 3');
  await client.query('ROLLBACK TO s');
  assert.equal((await refusal('INSERT INTO accounts (id, balance) VALUES (7, 1), (3, 1), (4, 1)')).errno, 1062);
  await client.commit();
  assert.deepEqual(await balances(), [90, 110, 99, 100]);
  assert.equal(await inbox(), before, 'nothing was left for the other source');
  await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = 2');
});

test('a statement over both sources outside of a transaction is one transaction', async () => {
  const before = await inbox();
  await client.query('UPDATE accounts SET balance = balance + 1');
  assert.deepEqual(await balances(), [91, 111, 101, 101]);
  assert.equal(await inbox(), before + 1);
});

test('what could turn out otherwise later is refused before it runs, on every source but the first', async () => {
  await client.query('SET @v = 1');
  const cases = [
    ['UPDATE accounts SET balance = RAND() WHERE id = 1', /RAND\(\) may answer something else later/],
    ['UPDATE accounts SET balance = @v WHERE id = 1', /user variables/],
    ['UPDATE accounts SET balance = @@max_connections WHERE id = 1', /system variables/],
    ['DELETE FROM accounts WHERE id = 1 LIMIT 1', /LIMIT/],
    ['DELETE FROM accounts WHERE id = 1 AND balance = (SELECT 1)', /rows of its own/],
    [
      'INSERT INTO accounts (id, balance) SELECT id + 4, balance FROM accounts WHERE id = 1',
      /rows of its own|INSERT ... SELECT/,
    ],
  ] as const;
  for (const [sql, reason] of cases) {
    await client.beginTransaction();
    await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = 0');
    const error = await refusal(sql);
    assert.equal(error.errno, 9130, `${sql.slice(0, 100)}: ${error.message}`);
    assert.match(error.message, reason);
    await client.rollback();
    // On the first source, which is never delivered to, all is as in any transaction.
    await client.beginTransaction();
    await client.query(sql);
    await client.rollback();
  }
  await client.beginTransaction();
  await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = 1');
  const long = await refusal(`INSERT INTO notes (text) VALUES ('${'x'.repeat(4_300_000)}')`);
  assert.match(long.message, /bytes to deliver/);
  await client.rollback();
  assert.deepEqual(await balances(), [91, 111, 101, 101]);
});

test('a transaction on one source asks its server nothing that a LOCAL one does not ask', async () => {
  const commands = async (): Promise<string> => {
    const rows = await onServer(
      1,
      "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_select', 'Com_set_option', 'Com_commit', 'Com_begin', 'Com_update')",
    );
    return JSON.stringify(rows.map((row) => row['Value']));
  };
  const cost = async (type: string): Promise<unknown> => {
    await client.query(`SET shardmesh_transaction_type = '${type}'`);
    const from = JSON.parse(await commands()) as string[];
    for (let round = 0; round < 40; round += 1) {
      await client.beginTransaction();
      await client.query('SELECT balance FROM accounts WHERE id = 1');
      await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = 1');
      await client.query('UPDATE accounts SET balance = balance - 1 WHERE id = 1');
      await client.commit();
    }
    const to = JSON.parse(await commands()) as string[];
    // Once a second the relay asks too.
    return to.map((value, index) => Math.floor((Number(value) - Number(from[index])) / 40));
  };
  const local = await cost('LOCAL');
  assert.deepEqual(await cost('BEST_EFFORT'), local);
});
