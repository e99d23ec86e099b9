/** Sums over all shards while clients move money between them: with `shardmesh_snapshot = 'atomic'` every one is the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import { ACCOUNTS, bankRules, OPENING, openBank } from './bank.ts';
import { type ChaosGround, SHARDS, startGround } from './ground.ts';

export interface SumsReport {
  /** Sums that were read; those that were not what they must be, and reads that were refused. */
  readonly sums: number;
  readonly torn: number;
  readonly refused: number;
  /** Transfers that were committed meanwhile. */
  readonly transfers: number;
  readonly errors: ReadonlyMap<string, number>;
}

const READERS = 4;
const WRITERS = 8;

/** `without`: a rule of the protocol to leave out. Readers and writers are spread over two sidecars. */
export async function readSums(count: number, without = ''): Promise<SumsReport> {
  const ground = await startGround({
    layout: 'shared',
    rules: bankRules,
    sidecar: 'transaction: { defaultType: XA }\n',
    environment: () => ({ SHARDMESH_WITHOUT: without }),
  });
  const errors = new Map<string, number>();
  const countError = (error: unknown): void => {
    const { errno, message } = error as { errno?: number; message: string };
    const name = `${errno ?? ''} ${message.slice(0, 160)}`;
    errors.set(name, (errors.get(name) ?? 0) + 1);
  };
  let transfers = 0;
  let sums = 0;
  let torn = 0;
  let refused = 0;
  let over = false;
  const write = async (index: number): Promise<void> => {
    const client = await ground.connect(index % 2);
    while (!over) {
      const from = Math.floor(Math.random() * ACCOUNTS);
      const to = (from + 1 + Math.floor(Math.random() * (SHARDS - 1))) % ACCOUNTS;
      try {
        await client.query('BEGIN');
        // In the order of accounts: writers need not break deadlocks here.
        for (const [id, amount] of from < to
          ? ([
              [from, -1],
              [to, 1],
            ] as const)
          : ([
              [to, 1],
              [from, -1],
            ] as const))
          await client.query(`UPDATE accounts SET balance = balance + ${amount} WHERE id = ${id}`);
        await client.query('COMMIT');
        transfers += 1;
      } catch (error) {
        countError(error);
        await client.query('ROLLBACK');
      }
    }
    await client.end();
  };
  const read = async (index: number): Promise<void> => {
    const client = await ground.connect(index % 2);
    await client.query("SET shardmesh_snapshot = 'atomic'");
    for (let turn = 0; sums + refused < count; turn += 1) {
      try {
        const sum = turn % 2 === 0 ? await sumAtOnce(client) : await sumInTransaction(client);
        sums += 1;
        if (sum !== ACCOUNTS * OPENING) torn += 1;
      } catch (error) {
        countError(error);
        refused += 1;
        await client.query('ROLLBACK');
      }
    }
    await client.end();
  };
  try {
    await openBank(ground);
    await known(ground);
    const writers = Array.from({ length: WRITERS }, (_, index) => write(index));
    await Promise.all(Array.from({ length: READERS }, (_, index) => read(index)));
    over = true;
    await Promise.all(writers);
    await settled(ground);
  } finally {
    over = true;
    await ground.stop();
  }
  return { sums, torn, refused, transfers, errors };
}

async function sumOf(client: mysql.Connection, sql: string): Promise<number> {
  const [rows] = await client.query<mysql.RowDataPacket[]>(sql);
  return Number(rows[0]?.['s']);
}

const sumAtOnce = (client: mysql.Connection): Promise<number> =>
  sumOf(client, 'SELECT SUM(balance) AS s FROM accounts');

/** Shard by shard. */
async function sumInTransaction(client: mysql.Connection): Promise<number> {
  await client.query('BEGIN');
  let sum = 0;
  for (let shard = 0; shard < SHARDS; shard += 1) {
    const ids = Array.from({ length: ACCOUNTS / SHARDS }, (_, index) => index * SHARDS + shard);
    sum += await sumOf(client, `SELECT SUM(balance) AS s FROM accounts WHERE id IN (${ids.join(',')})`);
  }
  await client.query('COMMIT');
  return sum;
}

/** The other sidecar has heard of the tables. */
async function known(ground: ChaosGround): Promise<void> {
  const client = await ground.connect(1);
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const there = await client.query('SELECT 1 FROM accounts').then(
      () => true,
      () => false,
    );
    if (there) break;
    await sleep(100);
  }
  await client.end();
}

/** Nothing is left on the servers. */
async function settled(ground: ChaosGround): Promise<void> {
  for (let source = 0; source < SHARDS; source += 1) {
    const rows = await ground.rowsOf(source, 'XA RECOVER');
    if (rows.length > 0) throw new Error(`source ${source} still lists ${rows.length} prepared branches`);
  }
}
