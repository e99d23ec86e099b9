/** sysbench's OLTP workloads on a sharded table, text and prepared, from one to many threads: no error. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const run = promisify(execFile);

const rules = `- !SHARDING
  tables:
    sbtest1:
      actualDataNodes: ds_\${0..1}.sbtest1_\${0..1}
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_source } }
      tableStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_table } }
      keyGenerateStrategy: { column: id, keyGeneratorName: ids }
  shardingAlgorithms:
    by_source: { type: INLINE, props: { algorithm-expression: "ds_\${id % 2}", allow-range-query-with-inline-sharding: true } }
    by_table: { type: INLINE, props: { algorithm-expression: "sbtest1_\${id.intdiv(2) % 2}", allow-range-query-with-inline-sharding: true } }
  keyGenerators: { ids: { type: SEGMENT } }
`;

let pair: ShardedPair;

before(async () => {
  pair = await startShardedPair({ rules, options: ['--innodb-lock-wait-timeout=1'] });
  await sysbench('oltp_common', 1, 'disable', ['--table-size=2000'], 'prepare');
});

after(async () => {
  await pair?.stop();
});

async function sysbench(
  workload: string,
  threads: number,
  prepared: 'auto' | 'disable',
  more: readonly string[],
  command: string,
): Promise<string> {
  const { stdout } = await run('sysbench', [
    workload === 'oltp_common' ? 'oltp_read_write' : workload,
    '--db-driver=mysql',
    '--mysql-host=127.0.0.1',
    `--mysql-port=${pair.port}`,
    '--mysql-user=app',
    '--mysql-password=app',
    '--mysql-db=shop',
    '--tables=1',
    '--table-size=2000',
    `--threads=${threads}`,
    '--time=1',
    `--db-ps-mode=${prepared}`,
    ...more,
    command,
  ]);
  return stdout;
}

for (const workload of ['oltp_point_select', 'oltp_read_only', 'oltp_read_write', 'oltp_insert']) {
  for (const prepared of ['disable', 'auto'] as const) {
    for (const threads of [1, 8, 64]) {
      test(`${workload}, ${prepared === 'auto' ? 'prepared' : 'text'}, ${threads} threads`, async () => {
        const output = await sysbench(workload, threads, prepared, [], 'run');
        const transactions = /transactions:\s+(\d+)/.exec(output)?.[1];
        assert.ok(Number(transactions) > 0, output);
        // Deadlocks and lock time-outs are answers that a plain server gives too; anything else ends sysbench with an error.
        assert.doesNotMatch(output, /FATAL/);
      });
    }
  }
}

test('every row is on exactly one shard afterwards', async () => {
  const client = await pair.connect();
  const [rows] = await client.query('SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM sbtest1');
  const [{ n, ids }] = rows as [{ n: number; ids: number }];
  assert.equal(n, ids);
  assert.equal(Number(n), await pair.countRows('sbtest1'));
  await client.end();
});
