/** What goes wrong is told as MySQL would tell it, or with a code of ours and what to do; and the sidecar goes on. */
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
- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }
`;

let pair: ShardedPair;
let client: mysql.Connection;

before(async () => {
  pair = await startShardedPair({ rules });
  client = await pair.connect();
  await client.query(
    'CREATE TABLE orders (user_id INT NOT NULL, order_id INT NOT NULL, note TEXT, PRIMARY KEY (user_id, order_id))',
  );
});

after(async () => {
  await client?.end();
  await pair?.stop();
});

/** The error of a statement; its errno and SQLSTATE are what a plain server answers. */
async function failure(sql: string): Promise<{ errno: number; sqlState: string; message: string }> {
  try {
    await client.query(sql);
  } catch (error) {
    const { errno, sqlState, message } = error as { errno: number; sqlState: string; message: string };
    return { errno, sqlState, message };
  }
  throw new assert.AssertionError({ message: `no error: ${sql}` });
}

test('a syntax error is 1064 with what is near', async () => {
  const error = await failure('SELEC * FROM orders');
  assert.equal(error.errno, 1064);
  assert.equal(error.sqlState, '42000');
  assert.match(error.message, /near 'SELEC \* FROM orders' at line 1/);
  assert.equal((await failure('SELECT * FROM orders WHERE')).errno, 1064);
});

test('unknown table, column and database under logical names', async () => {
  const table = await failure('SELECT * FROM nothing');
  assert.equal(table.errno, 1146);
  assert.match(table.message, /'shop\.nothing'/);
  assert.equal((await failure('SELECT nothing FROM orders WHERE user_id = 1')).errno, 1054);
  assert.equal((await failure('SELECT nothing FROM orders')).errno, 1054);
  assert.equal((await failure('USE nothing')).errno, 1044);
});

test('physical names are not reachable', async () => {
  const error = await failure('SELECT * FROM shop_0.orders');
  assert.ok([1044, 1049, 1142].includes(error.errno), String(error.errno));
  assert.ok([1044, 1142].includes((await failure('SELECT * FROM mysql.user')).errno));
});

test('a wrong password and an unknown user look the same', async () => {
  const codes: number[] = [];
  for (const user of ['app', 'nobody']) {
    await assert.rejects(pair.connect({ user, password: 'wrong' }), (error: { errno: number }) => {
      codes.push(error.errno);
      return true;
    });
  }
  assert.deepEqual(codes, [1045, 1045]);
});

test('the session goes on after an error', async () => {
  await failure('SELECT * FROM nothing');
  const [rows] = await client.query('SELECT 1 AS one');
  assert.deepEqual(rows, [{ one: 1 }]);
});

test('a shard that dies in the middle of a result ends it with an error, never a short answer', async () => {
  const filler = 'x'.repeat(8000);
  for (let order = 0; order < 2000; order += 50) {
    const values = Array.from({ length: 50 }, (_, index) => `(${(order + index) % 2}, ${order + index}, '${filler}')`);
    await client.query(`INSERT INTO orders VALUES ${values.join(',')}`);
  }
  const slow = await pair.connect();
  let rows = 0;
  const outcome = new Promise<Error | undefined>((resolve) => {
    const query = (slow as unknown as { connection: { query(sql: string): NodeJS.EventEmitter } }).connection.query(
      'SELECT * FROM orders ORDER BY user_id, order_id',
    );
    query.on('result', () => {
      rows += 1;
      if (rows === 10) void pair.servers[1]!.kill();
    });
    query.on('error', (error: Error) => resolve(error));
    query.on('end', () => resolve(undefined));
  });
  const error = await outcome;
  slow.destroy();
  assert.ok(rows < 2000 ? error !== undefined : true, `${rows} rows and no error`);
  // The other shard goes on, the dead one fails clearly, and heals when it is back.
  const [alive] = await client.query('SELECT COUNT(*) AS n FROM orders WHERE user_id = 0');
  assert.deepEqual(alive, [{ n: 1000 }]);
  const dead = await failure('SELECT COUNT(*) FROM orders WHERE user_id = 1');
  assert.ok([9101, 9102].includes(dead.errno), `${dead.errno} ${dead.message}`);
  await pair.servers[1]!.restart();
  for (let attempt = 0; ; attempt += 1) {
    try {
      const [healed] = await client.query('SELECT COUNT(*) AS n FROM orders WHERE user_id = 1');
      assert.deepEqual(healed, [{ n: 1000 }]);
      break;
    } catch (again) {
      if (attempt > 100) throw again;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
});
