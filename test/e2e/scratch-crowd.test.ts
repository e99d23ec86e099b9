/** Many SELECTs that need a scratch at once, over pools that are much smaller: each gets its turn. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

let pair: ShardedPair;

before(async () => {
  pair = await startShardedPair({
    poolSize: 2,
    rules: `- !SHARDING
  tables:
    orders:
      actualDataNodes: ds_\${0..1}.orders
      databaseStrategy: { standard: { shardingColumn: user_id, shardingAlgorithmName: by_user } }
  shardingAlgorithms: { by_user: { type: MOD, props: { sharding-count: 2 } } }
`,
  });
  const client = await pair.connect();
  await client.query('CREATE TABLE orders (user_id INT PRIMARY KEY, amount INT NOT NULL)');
  await client.query('INSERT INTO orders VALUES (1, 10), (2, 20), (3, 30), (4, 40)');
  await client.end();
});

after(async () => {
  await pair?.stop();
});

test('twelve clients, two connections to each source', async () => {
  const answers = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const client = await pair.connect();
      const [rows] = await client.query(
        'SELECT user_id, SUM(amount) OVER (ORDER BY user_id) AS running FROM orders ORDER BY user_id',
      );
      await client.end();
      return JSON.stringify(rows);
    }),
  );
  assert.equal(new Set(answers).size, 1);
  assert.match(answers[0] ?? '', /"user_id":4,"running":"?100/);
});
