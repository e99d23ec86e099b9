/**
 * `npm run bench:replicas`: what each level of consistency costs a point select in statements per second, in turns, and how reads
 * that keep their connections busy grow with the replicas. One machine runs everything.
 */
import { loadavg } from 'node:os';
import type mysql from 'mysql2/promise';
import { startReplicaGround } from '../test/replicas/replica-ground.ts';

const CLIENTS = 16;
const ROUNDS = 4;
const TURN_MS = 1500;
/** Connections to each replica: their capacity in the second part. */
const POOL = 4;
const levels = ['primary', 'eventual', 'session', 'application', 'strict'] as const;

console.log(`load average at the beginning: ${loadavg()[0]?.toFixed(2)}`);

async function rate(sessions: readonly mysql.Connection[], sql: string): Promise<number> {
  let count = 0;
  const end = performance.now() + TURN_MS;
  const began = performance.now();
  await Promise.all(
    sessions.map(async (session) => {
      while (performance.now() < end) {
        await session.query(sql);
        count += 1;
      }
    }),
  );
  return (count * 1000) / (performance.now() - began);
}

const ground = await startReplicaGround();
try {
  const sessions = await Promise.all(Array.from({ length: CLIENTS }, () => ground.connect()));
  await sessions[0]?.query('INSERT INTO counters VALUES (1, 0)');
  const sums = new Map<string, number>();
  await rate(sessions, 'SELECT n FROM counters WHERE id = 1');
  for (let round = 0; round < ROUNDS; round += 1)
    for (const level of levels) {
      const set =
        level === 'primary'
          ? "SET shardmesh_read = 'primary', shardmesh_consistency = 'eventual'"
          : `SET shardmesh_read = 'auto', shardmesh_consistency = '${level}'`;
      for (const session of sessions) await session.query(set);
      sums.set(level, (sums.get(level) ?? 0) + (await rate(sessions, 'SELECT n FROM counters WHERE id = 1')) / ROUNDS);
    }
  const base = sums.get('eventual') as number;
  for (const [level, each] of sums)
    console.log(
      `${level}: ${Math.round(each)} statements/s, ${((100 * (each - base)) / base).toFixed(1)} % against eventual`,
    );
  for (const session of sessions) await session.end();
} finally {
  await ground.stop();
}

const small = await startReplicaGround({ replicaPool: POOL });
try {
  const sessions = await Promise.all(Array.from({ length: 2 * POOL }, () => small.connect()));
  await sessions[0]?.query('INSERT INTO counters VALUES (1, 0)');
  for (const replicas of [2, 1]) {
    if (replicas === 1) {
      await small.groups[0]?.[2]?.execute('STOP SLAVE');
      await small.sourcesUntil('a replica stopped', (rows) => rows.get('ds_0_r2')?.['reason'] !== '');
    }
    const before = Number((await small.sources()).get('ds_0')?.['reads']);
    // As many clients as the replicas have connections: none goes to the primary.
    const each = await rate(sessions.slice(0, replicas * POOL), 'SELECT SLEEP(0.01), n FROM counters WHERE id = 1');
    const primary = Number((await small.sources()).get('ds_0')?.['reads']) - before;
    console.log(
      `${replicas} replica(s) of ${POOL} connections, reads of 10 ms: ${Math.round(each)} reads/s, ${primary} of them on the primary`,
    );
  }
  for (const session of sessions) await session.end();
} finally {
  await small.stop();
}
