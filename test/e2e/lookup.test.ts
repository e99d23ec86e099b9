/** LOOKUP: a table says on which source a key lives; reads go there only, inserts too, and unknown keys are told. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const rules = `- !SHARDING
  tables:
    orders:
      actualDataNodes: ds_\${0..1}.orders
      databaseStrategy: { standard: { shardingColumn: tenant, shardingAlgorithmName: by_tenant } }
  shardingAlgorithms:
    by_tenant:
      type: LOOKUP
      props: { lookup-source: ds_0, lookup-table: tenants, lookup-key-column: tenant, lookup-target-column: home }
- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }
`;

let pair: ShardedPair;
let client: mysql.Connection;

before(async () => {
  pair = await startShardedPair({ rules });
  client = await pair.connect();
  await client.query('CREATE TABLE tenants (tenant INT PRIMARY KEY, home VARCHAR(20) NOT NULL)');
  await client.query('CREATE TABLE orders (tenant INT NOT NULL, id INT NOT NULL, PRIMARY KEY (tenant, id))');
  await client.query("INSERT INTO tenants VALUES (1, 'ds_0'), (2, 'ds_1'), (3, 'ds_1')");
});

after(async () => {
  await client?.end();
  await pair?.stop();
});

test('rows go where the lookup table says, text and prepared', async () => {
  await client.query('INSERT INTO orders VALUES (1, 1), (2, 1), (2, 2), (3, 1)');
  await client.execute('INSERT INTO orders VALUES (?, ?)', [3, 2]);
  for (const [index, expected] of [1, 4].entries()) {
    const root = await pair.servers[index]!.connection(`shop_${index}`);
    const [rows] = await root.query('SELECT COUNT(*) AS n FROM orders');
    assert.deepEqual(rows, [{ n: expected }]);
    await root.end();
  }
});

test('a read by key asks one source', async () => {
  const [plan] = await client.query<mysql.RowDataPacket[]>(
    'EXPLAIN FORMAT=MESH SELECT id FROM orders WHERE tenant = 2',
  );
  assert.deepEqual(
    plan.map((row) => row['source']),
    ['ds_1'],
  );
  const [rows] = await client.query('SELECT id FROM orders WHERE tenant IN (1, 3) ORDER BY tenant, id');
  assert.deepEqual(rows, [{ id: 1 }, { id: 1 }, { id: 2 }]);
  const [none] = await client.query('SELECT id FROM orders WHERE tenant = 99');
  assert.deepEqual(none, []);
});

test('an insert of an unknown key is refused', async () => {
  await assert.rejects(client.query('INSERT INTO orders VALUES (99, 1)'), { errno: 9007 });
});
