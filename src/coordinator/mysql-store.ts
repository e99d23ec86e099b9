/** Transactions in a MySQL or MariaDB schema: leases by its clock, epochs as fences, claims that skip locked rows. */
import mysql, { type Pool, type PoolOptions, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import type { BranchDefinition, TransactionDefinition } from './definition.ts';
import { GroupCommit } from './group-commit.ts';
import type { Phase, Progress } from './progress.ts';
import {
  type AuditEntry,
  type Change,
  type ListFilter,
  type StoredTransaction,
  StoreUnavailable,
  type TransactionStore,
  type TransactionSummary,
} from './store.ts';

/** UTC, so that neither time zones nor summer time matter. */
const now = 'UTC_TIMESTAMP(3)';

/** The schema of the store. */
export const mysqlTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS service_transaction (
  gid VARBINARY(128) NOT NULL PRIMARY KEY,
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  phase VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  owner VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  due_at DATETIME(3) NULL COMMENT 'when any sidecar may take it',
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  parent VARBINARY(128) NULL,
  definition LONGBLOB NOT NULL,
  progress LONGBLOB NOT NULL,
  KEY due (due_at),
  KEY phase (phase, created_at),
  KEY created (created_at),
  KEY parent (parent)
) ENGINE=InnoDB COMMENT='Shardmesh: transactions across services'`,
  `CREATE TABLE IF NOT EXISTS service_branch (
  gid VARBINARY(128) NOT NULL,
  branch_id VARBINARY(128) NOT NULL,
  seq BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  definition LONGBLOB NOT NULL,
  PRIMARY KEY (gid, branch_id),
  KEY seq (seq)
) ENGINE=InnoDB COMMENT='Shardmesh: branches that applications registered'`,
  `CREATE TABLE IF NOT EXISTS service_audit (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at DATETIME(3) NOT NULL,
  gid VARBINARY(128) NOT NULL,
  wanted VARCHAR(200) CHARACTER SET utf8mb4 NOT NULL,
  who VARCHAR(200) CHARACTER SET utf8mb4 NOT NULL,
  reason VARCHAR(1000) CHARACTER SET utf8mb4 NOT NULL,
  KEY gid (gid)
) ENGINE=InnoDB COMMENT='Shardmesh: orders of operators'`,
];

const sessionSql = `SET SESSION sql_mode='STRICT_TRANS_TABLES', time_zone='+00:00', innodb_lock_wait_timeout=5, TRANSACTION_ISOLATION='READ-COMMITTED'`;
const mariadbSessionSql = `SET SESSION sql_mode='STRICT_TRANS_TABLES', time_zone='+00:00', innodb_lock_wait_timeout=5, tx_isolation='READ-COMMITTED'`;
const unknownVariable = 1193;
const unknownDatabase = 1049;
const deadlock = 1213;

export interface MysqlStoreOptions {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
  readonly user: string;
  readonly password: string;
  readonly schema: string;
  readonly ssl?: NonNullable<PoolOptions['ssl']>;
  /** Written beside what this sidecar owns; ASCII, at most 128 characters. */
  readonly owner: string;
  readonly connections?: number;
}

export function mysqlStore(options: MysqlStoreOptions): TransactionStore {
  const pool = openPool(options, options.schema);
  const owner = literal(options.owner);
  const group = new GroupCommit(runGroup);
  /** Store time less local time. */
  let ahead = 0;

  async function runGroup(statements: readonly string[]): Promise<readonly number[]> {
    // One statement is a transaction by itself.
    const text = statements.length === 1 ? (statements[0] as string) : `BEGIN;${statements.join(';')};COMMIT`;
    const [answer] = await query<ResultSetHeader | ResultSetHeader[]>(text);
    if (!Array.isArray(answer)) return [answer.affectedRows];
    return answer.slice(1, -1).map(({ affectedRows }) => affectedRows);
  }

  /** Lost connections and deadlocks are told as StoreUnavailable; errors of the server stay as they are. */
  async function query<T extends ResultSetHeader | ResultSetHeader[] | RowDataPacket[] | RowDataPacket[][]>(
    text: string,
  ): Promise<[T]> {
    let connection: Awaited<ReturnType<Pool['getConnection']>>;
    try {
      connection = await pool.getConnection();
    } catch (cause) {
      throw new StoreUnavailable(reason(cause), { cause });
    }
    try {
      const [answer] = await connection.query({ sql: text, timeout: 15_000 });
      connection.release();
      return [answer as T];
    } catch (cause) {
      // A group that failed half-way leaves its transaction open: it ends with the connection.
      connection.destroy();
      const { errno, sqlState } = cause as { errno?: number; sqlState?: string };
      const serverSaid = sqlState !== undefined && errno !== undefined && errno !== deadlock && errno < 2000;
      if (serverSaid && errno !== 1205 && errno !== 1053 && errno !== 1290 && errno !== 1836) throw cause;
      throw new StoreUnavailable(reason(cause), { cause });
    }
  }

  const dueSql = (dueInMs: number | undefined): string =>
    dueInMs === undefined ? 'NULL' : `${now} + INTERVAL ${Math.max(0, Math.round(dueInMs)) * 1000} MICROSECOND`;

  const changeSql = (change: Change, raise: 0 | 1): string =>
    `UPDATE service_transaction SET phase=${literal(change.progress.phase)}, progress=${blob(change.progress)}, due_at=${dueSql(change.dueInMs)}, updated_at=${now}, epoch=epoch+${raise}${raise === 1 ? `, owner=${owner}` : ''} WHERE gid=${literal(change.gid)} AND epoch=${change.epoch}`;

  async function branchesOf(gids: readonly string[]): Promise<Map<string, BranchDefinition[]>> {
    const known = new Map<string, BranchDefinition[]>();
    if (gids.length === 0) return known;
    const [rows] = await query<RowDataPacket[]>(
      `SELECT gid, definition FROM service_branch WHERE gid IN (${gids.map(literal).join(',')}) ORDER BY gid, seq`,
    );
    for (const row of rows) {
      const gid = String(row['gid']);
      const list = known.get(gid) ?? [];
      list.push(JSON.parse(String(row['definition'])) as BranchDefinition);
      known.set(gid, list);
    }
    return known;
  }

  async function complete(rows: readonly RowDataPacket[]): Promise<StoredTransaction[]> {
    const parsed = rows.map((row) => ({
      row,
      definition: JSON.parse(String(row['definition'])) as TransactionDefinition,
    }));
    const registered = await branchesOf(
      parsed.filter(({ definition }) => definition.external).map(({ row }) => String(row['gid'])),
    );
    return parsed.map(({ row, definition }) => ({
      gid: String(row['gid']),
      definition: definition.external
        ? { ...definition, branches: [...definition.branches, ...(registered.get(String(row['gid'])) ?? [])] }
        : definition,
      progress: JSON.parse(String(row['progress'])) as Progress,
      epoch: Number(row['epoch']),
      owner: String(row['owner']),
      updatedAt: Number(row['updated_ms']),
    }));
  }

  const milliseconds = (column: string): string => `CAST(UNIX_TIMESTAMP(${column})*1000 AS UNSIGNED)`;
  const columns = `gid, definition, progress, epoch, owner, ${milliseconds('updated_at')} AS updated_ms`;

  return {
    name: `MySQL schema ${options.schema} on ${options.socketPath ?? `${options.host}:${options.port}`}`,

    async open() {
      try {
        for (const table of mysqlTables) await query(table);
      } catch (error) {
        const cause = error instanceof StoreUnavailable ? error.cause : error;
        if ((cause as { errno?: number })?.errno !== unknownDatabase) throw error;
        await createSchema(options);
        for (const table of mysqlTables) await query(table);
      }
      const before = Date.now();
      const [[row]] = await query<RowDataPacket[]>(`SELECT ${milliseconds(now)} AS now_ms`);
      const after = Date.now();
      ahead = Number(row?.['now_ms']) - (before + after) / 2;
    },

    now: () => Math.round(Date.now() + ahead),

    async create({ gid, definition, progress }, dueInMs) {
      const parent = definition.parent === undefined ? 'NULL' : literal(definition.parent);
      const [affected] = await group.write(
        `INSERT IGNORE INTO service_transaction (gid, kind, phase, epoch, owner, due_at, created_at, updated_at, parent, definition, progress) VALUES (${literal(gid)}, ${literal(definition.kind)}, ${literal(progress.phase)}, 1, ${owner}, ${dueSql(dueInMs)}, ${now}, ${now}, ${parent}, ${blob(definition)}, ${blob(progress)})`,
      );
      return affected === 1;
    },

    async addBranch(gid, branch) {
      // Whoever submits or aborts meanwhile has read an older epoch, and reads again: no branch is overlooked.
      const [, affected] = await group.write(
        `UPDATE service_transaction SET epoch=epoch+1 WHERE gid=${literal(gid)} AND phase='prepared'`,
        `INSERT IGNORE INTO service_branch (gid, branch_id, definition) SELECT gid, ${literal(branch.id)}, ${blob(branch)} FROM service_transaction WHERE gid=${literal(gid)} AND phase='prepared'`,
      );
      if (affected === 1) return 'added';
      const [[row]] = await query<RowDataPacket[]>(
        `SELECT phase, EXISTS(SELECT 1 FROM service_branch WHERE gid=${literal(gid)} AND branch_id=${literal(branch.id)}) AS known FROM service_transaction WHERE gid=${literal(gid)}`,
      );
      if (row === undefined) return 'unknown';
      return row['phase'] === 'prepared' && Number(row['known']) === 1 ? 'added' : (row['phase'] as Phase);
    },

    change: async (change) => (await group.write(changeSql(change, 0)))[0] === 1,
    takeOver: async (change) => (await group.write(changeSql(change, 1)))[0] === 1,

    async claim(limit, leaseMs) {
      const connection = await pool.getConnection().catch((cause: unknown) => {
        throw new StoreUnavailable(reason(cause), { cause });
      });
      let rows: RowDataPacket[];
      try {
        await connection.query('BEGIN');
        [rows] = await connection.query<RowDataPacket[]>(
          `SELECT ${columns} FROM service_transaction WHERE due_at <= ${now} ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`,
        );
        if (rows.length > 0) {
          const gids = rows.map((row) => literal(String(row['gid']))).join(',');
          await connection.query(
            `UPDATE service_transaction SET epoch=epoch+1, owner=${owner}, due_at=${dueSql(leaseMs)} WHERE gid IN (${gids})`,
          );
        }
        await connection.query('COMMIT');
        connection.release();
      } catch (cause) {
        connection.destroy();
        throw new StoreUnavailable(reason(cause), { cause });
      }
      return (await complete(rows)).map((transaction) => ({
        ...transaction,
        epoch: transaction.epoch + 1,
        owner: options.owner,
      }));
    },

    async renew(held, leaseMs) {
      if (held.length === 0) return [];
      const pairs = held.map(({ gid, epoch }) => `(${literal(gid)},${epoch})`).join(',');
      await query(
        `UPDATE service_transaction SET due_at=${dueSql(leaseMs)} WHERE (gid, epoch) IN (${pairs}) AND due_at IS NOT NULL`,
      );
      const [rows] = await query<RowDataPacket[]>(
        `SELECT gid FROM service_transaction WHERE (gid, epoch) IN (${pairs})`,
      );
      const kept = new Set(rows.map((row) => String(row['gid'])));
      return held.filter(({ gid }) => !kept.has(gid)).map(({ gid }) => gid);
    },

    async read(gid) {
      const [rows] = await query<RowDataPacket[]>(
        `SELECT ${columns} FROM service_transaction WHERE gid=${literal(gid)}`,
      );
      return (await complete(rows))[0];
    },

    async list(filter) {
      const where = conditions(filter);
      const [rows] = await query<RowDataPacket[]>(
        `SELECT gid, kind, phase, owner, parent, ${milliseconds('created_at')} AS created_ms, ${milliseconds('updated_at')} AS updated_ms, JSON_UNQUOTE(JSON_EXTRACT(CONVERT(progress USING utf8mb4), '$.reason')) AS reason FROM service_transaction${where} ORDER BY created_at DESC, gid DESC LIMIT ${filter.limit + 1}`,
      );
      const transactions = rows.slice(0, filter.limit).map(
        (row): TransactionSummary => ({
          gid: String(row['gid']),
          kind: row['kind'],
          phase: row['phase'],
          owner: row['owner'],
          createdAt: Number(row['created_ms']),
          updatedAt: Number(row['updated_ms']),
          ...(row['reason'] === null ? {} : { reason: String(row['reason']) }),
          ...(row['parent'] === null ? {} : { parent: String(row['parent']) }),
        }),
      );
      const last = transactions.at(-1);
      return rows.length > filter.limit && last !== undefined
        ? { transactions, next: `${last.createdAt}:${last.gid}` }
        : { transactions };
    },

    async counts() {
      const [rows] = await query<RowDataPacket[]>(
        `SELECT phase, COUNT(*) AS n FROM service_transaction WHERE phase IN ('prepared','forward','complete','undo','suspended') GROUP BY phase`,
      );
      return Object.fromEntries(rows.map((row) => [row['phase'], Number(row['n'])]));
    },

    async audit({ gid, order, by, reason: why }) {
      await group.write(
        `INSERT INTO service_audit (at, gid, wanted, who, reason) VALUES (${now}, ${literal(gid)}, ${literal(order.slice(0, 200))}, ${literal(by.slice(0, 200))}, ${literal(why.slice(0, 1000))})`,
      );
    },

    async auditOf(gid) {
      const [rows] = await query<RowDataPacket[]>(
        `SELECT gid, wanted, who, reason, ${milliseconds('at')} AS at_ms FROM service_audit WHERE gid=${literal(gid)} ORDER BY id DESC LIMIT 100`,
      );
      return rows.map(
        (row): AuditEntry => ({
          at: Number(row['at_ms']),
          gid: String(row['gid']),
          order: row['wanted'],
          by: row['who'],
          reason: row['reason'],
        }),
      );
    },

    async prune(endedBeforeMs) {
      const [rows] = await query<RowDataPacket[]>(
        `SELECT gid FROM service_transaction WHERE phase IN ('succeeded','failed') AND due_at IS NULL AND created_at < ${now} - INTERVAL ${endedBeforeMs * 1000} MICROSECOND AND updated_at < ${now} - INTERVAL ${endedBeforeMs * 1000} MICROSECOND LIMIT 500`,
      );
      if (rows.length === 0) return 0;
      const gids = rows.map((row) => literal(String(row['gid']))).join(',');
      await query(`DELETE FROM service_branch WHERE gid IN (${gids})`);
      await query(`DELETE FROM service_transaction WHERE gid IN (${gids})`);
      return rows.length;
    },

    close: () => pool.end(),
  };
}

function conditions(filter: ListFilter): string {
  const parts: string[] = [];
  if (filter.phase !== undefined) parts.push(`phase=${literal(filter.phase)}`);
  if (filter.kind !== undefined) parts.push(`kind=${literal(filter.kind)}`);
  if (filter.parent !== undefined) parts.push(`parent=${literal(filter.parent)}`);
  if (filter.from !== undefined) parts.push(`created_at >= FROM_UNIXTIME(${Number(filter.from) / 1000})`);
  if (filter.to !== undefined) parts.push(`created_at < FROM_UNIXTIME(${Number(filter.to) / 1000})`);
  const after = /^(\d+):(.+)$/s.exec(filter.after ?? '');
  if (after !== null)
    parts.push(`(created_at, gid) < (FROM_UNIXTIME(${Number(after[1]) / 1000}), ${literal(after[2] as string)})`);
  return parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`;
}

function openPool(options: MysqlStoreOptions, schema: string | undefined): Pool {
  const pool = mysql.createPool({
    ...(options.socketPath === undefined
      ? { host: options.host ?? '127.0.0.1', port: options.port ?? 3306 }
      : { socketPath: options.socketPath }),
    user: options.user,
    password: options.password,
    ...(schema === undefined ? {} : { database: schema }),
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    charset: 'utf8mb4',
    connectTimeout: 5000,
    connectionLimit: options.connections ?? 6,
    queueLimit: 10_000,
    multipleStatements: true,
    dateStrings: true,
    supportBigNumbers: true,
    connectAttributes: { program_name: 'shardmesh-coordinator' },
  });
  pool.on('connection', (connection) => {
    const raw = connection as unknown as {
      query(sql: string, done: (error: { errno?: number } | null) => void): void;
      on(event: 'error', listener: () => void): void;
      destroy(): void;
    };
    raw.on('error', () => {});
    // Commands of a connection run in order, so these come before the first that it is lent for.
    raw.query(mariadbSessionSql, (error) => {
      if (error?.errno !== unknownVariable) {
        if (error !== null) raw.destroy();
        return;
      }
      raw.query(sessionSql, (second) => {
        if (second !== null) raw.destroy();
      });
    });
  });
  return pool;
}

async function createSchema(options: MysqlStoreOptions): Promise<void> {
  const pool = openPool({ ...options, connections: 1 }, undefined);
  try {
    await pool.query(`CREATE DATABASE IF NOT EXISTS \`${options.schema.replaceAll('`', '``')}\` CHARACTER SET utf8mb4`);
  } catch (cause) {
    throw new StoreUnavailable(reason(cause), { cause });
  } finally {
    await pool.end().catch(() => {});
  }
}

function literal(text: string): string {
  return mysql.escape(text);
}

function blob(value: unknown): string {
  return mysql.escape(JSON.stringify(value));
}

function reason(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return reason(cause.errors[0]);
  if (!(cause instanceof Error)) return String(cause);
  return cause.message === '' ? ((cause as NodeJS.ErrnoException).code ?? cause.name) : cause.message;
}
