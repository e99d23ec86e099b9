/**
 * `npm run bench:transactions`: what COMMIT costs over one and over two sources, by transaction type, on servers that flush at each commit.
 * The types take turns in short rounds, so that a busy machine is busy for all of them.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from '../test/e2e/sharded-pair.ts';

const types = ['LOCAL', 'BEST_EFFORT', 'XA'] as const;
const rules = `- !SHARDING
  tables:
    accounts:
      actualDataNodes: ds_\${0..1}.accounts
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms:
    by_id: { type: MOD, props: { sharding-count: 2 } }
`;
const ROWS = 2000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    clients: { type: 'string', default: '1,8' },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const clientCounts = values.clients.split(',').map(Number);

interface Cell {
  readonly sources: 1 | 2;
  readonly clients: number;
  readonly type: (typeof types)[number];
}

/** Transactions per second of one round: two UPDATEs of rows that nobody else has. */
async function round(pair: ShardedPair, { sources, clients, type }: Cell): Promise<number> {
  const connections = await Promise.all(Array.from({ length: clients }, () => pair.connect()));
  for (const connection of connections) await connection.query(`SET shardmesh_transaction_type = '${type}'`);
  const began = performance.now();
  const end = began + seconds * 1000;
  let done = 0;
  await Promise.all(
    connections.map(async (connection: mysql.Connection, index) => {
      for (let turn = 0; performance.now() < end; turn += 1) {
        const row = 4 * ((index * 97 + turn * 13) % (ROWS / 4));
        await connection.query('BEGIN');
        await connection.query(`UPDATE accounts SET balance = balance - 1 WHERE id = ${row}`);
        await connection.query(`UPDATE accounts SET balance = balance + 1 WHERE id = ${row + (sources === 1 ? 2 : 1)}`);
        await connection.query('COMMIT');
        done += 1;
      }
    }),
  );
  const rate = done / ((performance.now() - began) / 1000);
  await Promise.all(connections.map((connection) => connection.end()));
  return rate;
}

const pair = await startShardedPair({
  rules,
  options: ['--innodb-flush-log-at-trx-commit=1', '--log-bin', '--sync-binlog=1'],
});
try {
  const client = await pair.connect();
  await client.query('CREATE TABLE accounts (id INT NOT NULL PRIMARY KEY, balance INT NOT NULL)');
  const rows = Array.from({ length: ROWS }, (_, id) => `(${id}, 0)`).join(', ');
  await client.query(`INSERT INTO accounts VALUES ${rows}`);
  await client.end();
  const lines = ['| sources | clients | type | commits/s (median) | lowest | highest |', '|---|---|---|---|---|---|'];
  for (const sources of [1, 2] as const) {
    for (const clients of clientCounts) {
      const rates = new Map<string, number[]>(types.map((type) => [type, []]));
      for (let turn = 0; turn < rounds; turn += 1)
        for (const type of types) rates.get(type)?.push(await round(pair, { sources, clients, type }));
      for (const [type, list] of rates) {
        const sorted = list.sort((a, b) => a - b);
        const cells = [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)].map((rate) => rate?.toFixed(0));
        lines.push(`| ${sources} | ${clients} | ${type} | ${cells.join(' | ')} |`);
      }
    }
  }
  const [load = 0] = loadavg();
  process.stdout.write(
    `${lines.join('\n')}\n\n${rounds} rounds of ${seconds} s each; load of the machine at the end: ${load.toFixed(1)}\n`,
  );
} finally {
  await pair.stop();
}
