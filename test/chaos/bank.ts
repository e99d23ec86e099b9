/** The bank: clients move money between shards and write down what they were told; afterwards the shards must agree with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import { type ChaosGround, SHARDS } from './ground.ts';

export const ACCOUNTS = 64;
export const OPENING = 1000;

export const bankRules = `- !SHARDING
  tables:
    accounts:
      actualDataNodes: ds_\${0..3}.accounts
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
    ledger:
      actualDataNodes: ds_\${0..3}.ledger
      databaseStrategy: { standard: { shardingColumn: account, shardingAlgorithmName: by_account } }
  shardingAlgorithms:
    by_id: { type: INLINE, props: { algorithm-expression: "ds_\${id % 4}" } }
    by_account: { type: INLINE, props: { algorithm-expression: "ds_\${account % 4}" } }
`;

/** What a client was told of one transfer; `unknown`: its connection was lost, or the answer was in doubt. */
export type Told = 'committed' | 'refused' | 'unknown';

export interface Transfer {
  readonly id: string;
  told: Told;
  /** No fault was under way from its beginning to its end. */
  quiet: boolean;
}

/** Errors after which the transaction may have committed. */
const UNKNOWN = new Set([9132, 9102, 2013, 1053]);

export async function openBank(ground: ChaosGround): Promise<void> {
  const client = await ground.connect(0);
  await client.query('CREATE TABLE accounts (id INT PRIMARY KEY, balance INT NOT NULL)');
  await client.query(
    'CREATE TABLE ledger (account INT NOT NULL, transfer VARCHAR(40) NOT NULL, delta INT NOT NULL, PRIMARY KEY (transfer, account))',
  );
  const rows = Array.from({ length: ACCOUNTS }, (_, id) => `(${id},${OPENING})`);
  await client.query(`INSERT INTO accounts VALUES ${rows.join(',')}`);
  await client.end();
}

export class Bank {
  readonly transfers: Transfer[] = [];
  readonly #ground: ChaosGround;
  /** Whether a fault is under way, or was a moment ago. */
  readonly #disturbed: () => boolean;
  #stopped = false;
  #clients: Promise<void>[] = [];
  /** Latest errors, for the report. */
  readonly errors = new Map<string, number>();

  constructor(ground: ChaosGround, disturbed: () => boolean) {
    this.#ground = ground;
    this.#disturbed = disturbed;
  }

  start(clients: number): void {
    this.#clients = Array.from({ length: clients }, (_, index) => this.#client(index));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #client(index: number): Promise<void> {
    let connection: mysql.Connection | undefined;
    for (let turn = 0; !this.#stopped; turn += 1) {
      if (connection === undefined) {
        try {
          connection = await this.#ground.connect((index + turn) % 2);
          connection.on('error', () => undefined);
        } catch {
          await sleep(100 + Math.random() * 200);
          continue;
        }
      }
      const transfer: Transfer = { id: `t${index}-${turn}`, told: 'unknown', quiet: !this.#disturbed() };
      this.transfers.push(transfer);
      const alive = await this.#transfer(connection, transfer);
      if (this.#disturbed()) transfer.quiet = false;
      if (!alive) {
        connection.destroy();
        connection = undefined;
      }
      await sleep(Math.random() * 40);
    }
    connection?.destroy();
  }

  /** False: the connection is of no use any more. */
  async #transfer(connection: mysql.Connection, transfer: Transfer): Promise<boolean> {
    const from = Math.floor(Math.random() * ACCOUNTS);
    // Nearly always another shard; three shards now and then.
    const to = (from + 1 + Math.floor(Math.random() * (ACCOUNTS - 1))) % ACCOUNTS;
    const amount = 1 + Math.floor(Math.random() * 20);
    let committing = false;
    const limit = AbortSignal.timeout(45_000);
    const run = async (sql: string): Promise<void> => {
      await Promise.race([
        connection.query(sql),
        new Promise((_, reject) =>
          limit.addEventListener('abort', () => reject(new Error('no answer')), { once: true }),
        ),
      ]);
    };
    try {
      await run('BEGIN');
      await run(`UPDATE accounts SET balance = balance - ${amount} WHERE id = ${from}`);
      await run(`UPDATE accounts SET balance = balance + ${amount} WHERE id = ${to}`);
      await run(`INSERT INTO ledger VALUES (${from},'${transfer.id}',${-amount}),(${to},'${transfer.id}',${amount})`);
      committing = true;
      await run('COMMIT');
      transfer.told = 'committed';
      return true;
    } catch (error) {
      const { errno, message } = error as { errno?: number; message: string };
      const name = `${errno ?? ''} ${message.replace(/\d{3,}|'[^']*'/g, '_').slice(0, 80)}`;
      this.errors.set(name, (this.errors.get(name) ?? 0) + 1);
      const lost = errno === undefined || errno < 1000 || UNKNOWN.has(errno);
      transfer.told = committing && lost ? 'unknown' : 'refused';
      if (errno === undefined || errno < 1000 || errno === 2013) return false;
      try {
        await run('ROLLBACK');
        return true;
      } catch {
        return false;
      }
    }
  }
}

/** Compares the shards with what the clients were told. Every fault is over. */
export async function auditBank(ground: ChaosGround, bank: Bank): Promise<string[]> {
  const problems: string[] = [];
  let sum = 0;
  let ledgerSum = 0;
  const rows = new Map<string, number>();
  for (let source = 0; source < SHARDS; source += 1) {
    for (const [balance] of await ground.rowsOf(source, 'SELECT COALESCE(SUM(balance),0) FROM accounts'))
      sum += Number(balance);
    for (const [transfer, delta] of await ground.rowsOf(source, 'SELECT transfer, delta FROM ledger')) {
      rows.set(String(transfer), (rows.get(String(transfer)) ?? 0) + 1);
      ledgerSum += Number(delta);
    }
  }
  if (sum !== ACCOUNTS * OPENING) problems.push(`the sum is ${sum}, not ${ACCOUNTS * OPENING}`);
  if (ledgerSum !== 0) problems.push(`the ledger does not balance: ${ledgerSum}`);
  for (const { id, told } of bank.transfers) {
    const found = rows.get(id) ?? 0;
    if (told === 'committed' && found !== 2)
      problems.push(`${id} was acknowledged, and ${found} of its 2 rows are there`);
    if (told === 'refused' && found !== 0) problems.push(`${id} was refused, and ${found} of its rows are there`);
    if (told === 'unknown' && found === 1) problems.push(`${id} is half there`);
  }
  return problems;
}
