/**
 * The harness of stale reads: clients that write a counter on one pooled connection and read it on another, while replicas lag at
 * random. A read that shows less than the last acknowledged write, or less than an earlier read, is stale.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import type { TestServer } from '../servers/index.ts';
import type { ReplicaGround } from './replica-ground.ts';

export interface PairFigures {
  pairs: number;
  stale: number;
  /** Pairs that ran while some replica was lagging. */
  underLag: number;
  failures: string[];
  firstStale: string | undefined;
}

export interface PairLoad {
  readonly clients: number;
  readonly pairs: number;
  /** SQL that every connection begins with. */
  readonly begin: readonly string[];
  /** `same`: write and read on one connection (level session); `other`: on another one (level application). */
  readonly reader: 'same' | 'other';
  readonly random: () => number;
  /** Write on one sidecar, read on another one. */
  readonly readerSidecar?: number;
}

/** A small seeded generator; the seed is printed by whoever makes it. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Stops and starts the SQL threads of replicas at random, so that about half of the time one of them lags. */
export function makeLag(
  replicas: readonly TestServer[],
  random: () => number,
): { lagging(): boolean; stop(): Promise<void> } {
  let stopping = false;
  let lagging = 0;
  const work = (async () => {
    while (!stopping) {
      const victim = replicas[Math.floor(random() * replicas.length)] as TestServer;
      const both = random() < 0.15;
      const chosen = both ? replicas : [victim];
      for (const replica of chosen) await replica.execute('STOP SLAVE SQL_THREAD');
      lagging += 1;
      await sleep(50 + random() * 400);
      for (const replica of chosen) await replica.execute('START SLAVE SQL_THREAD');
      lagging -= 1;
      await sleep(50 + random() * 350);
    }
  })();
  return {
    lagging: () => lagging > 0,
    async stop() {
      stopping = true;
      await work;
    },
  };
}

export async function writeThenRead(
  ground: ReplicaGround,
  load: PairLoad,
  lagging: () => boolean,
): Promise<PairFigures> {
  const figures: PairFigures = { pairs: 0, stale: 0, underLag: 0, failures: [], firstStale: undefined };
  const session = await ground.connect();
  for (let client = 0; client < load.clients; client += 1)
    await session.query('INSERT INTO counters VALUES (?, 0) ON DUPLICATE KEY UPDATE n = 0', [client]);
  await session.end();
  const open = async (sidecar?: number): Promise<mysql.Connection> => {
    const connection = await ground.connect({}, sidecar);
    for (const sql of load.begin) await connection.query(sql);
    return connection;
  };
  await Promise.all(
    Array.from({ length: load.clients }, async (_, client) => {
      const writer = await open();
      const reader = load.reader === 'same' ? writer : await open(load.readerSidecar);
      let value = 0;
      try {
        while (figures.pairs < load.pairs) {
          value += 1;
          const kind = load.random();
          const lag = lagging();
          if (kind < 0.7) await writer.query(`UPDATE counters SET n = ${value} WHERE id = ${client}`);
          else if (kind < 0.85) await writer.execute('UPDATE counters SET n = ? WHERE id = ?', [value, client]);
          else {
            await writer.query('BEGIN');
            await writer.query(`UPDATE counters SET n = ${value} WHERE id = ${client}`);
            await writer.query('COMMIT');
          }
          const reads = load.random() < 0.3 ? 2 : 1;
          let seen = value;
          for (let read = 0; read < reads; read += 1) {
            const [rows] = await (load.random() < 0.5
              ? reader.query<mysql.RowDataPacket[]>(`SELECT n FROM counters WHERE id = ${client}`)
              : reader.execute<mysql.RowDataPacket[]>('SELECT n FROM counters WHERE id = ?', [client]));
            const got = Number(rows[0]?.['n'] ?? -1);
            if (got < seen) {
              figures.stale += 1;
              figures.firstStale ??= `client ${client} wrote ${seen} and read ${got}`;
            }
            seen = Math.max(seen, got);
          }
          figures.pairs += 1;
          if (lag) figures.underLag += 1;
        }
      } catch (error) {
        figures.failures.push((error as Error).message);
      } finally {
        writer.destroy();
        reader.destroy();
      }
    }),
  );
  return figures;
}

/** Reads served by replicas and by primaries so far. */
export async function readsByRole(ground: ReplicaGround, sidecar = 0): Promise<{ primary: number; replica: number }> {
  let primary = 0;
  let replica = 0;
  for (const row of (await ground.sources(sidecar)).values()) {
    if (row['role'] === 'replica') replica += Number(row['reads']);
    else primary += Number(row['reads']);
  }
  return { primary, replica };
}
