/** What a server says of itself, and whether XA may be trusted to it. */
import { BackendConnection, type ConnectOptions, ServerError } from '../../backend/index.ts';
import { meshSchema } from '../tables.ts';

/** A primary, its replicas, and how to reach them. */
export interface ServerTarget {
  /** `host:port` or a socket's path: what leases are told apart by. */
  readonly address: string;
  readonly connect: ConnectOptions;
  readonly replicas: readonly ConnectOptions[];
}

export interface ServerFacts {
  readonly address: string;
  /** Of its `identity` table; empty if there is none. */
  readonly identity: string;
  /** When the server was started: eight characters, the same until it is restarted. Connection ids mean nothing beyond. */
  readonly incarnation: string;
  /** Why no XA transaction may commit here, and what to do; undefined: nothing speaks against it. */
  readonly problem: string | undefined;
  /** What an operator should know, though it works. */
  readonly warnings: readonly string[];
}

export function addressOf(options: {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
}): string {
  return options.socketPath ?? `${options.host ?? '127.0.0.1'}:${options.port ?? 3306}`;
}

/** A connection for internal statements, which never waits for long and knows no time zone. */
export async function openInternal(connect: ConnectOptions): Promise<BackendConnection> {
  const { database: _, ...rest } = connect;
  return await BackendConnection.connect({
    ...rest,
    class: { foundRows: false, deprecateEof: true },
    initSql: "SET SESSION innodb_lock_wait_timeout=1, time_zone='+00:00', autocommit=1",
    attributes: { program_name: 'shardmesh-recovery' },
  });
}

export interface ReplicationDemand {
  /** The group has replicas that could take over. */
  readonly replicated: boolean;
  readonly unsafe: 'refuse' | 'warn';
}

/** Asks on an internal connection. Rejects with ServerError or BackendFault only if the server cannot be asked at all. */
export async function readFacts(
  connection: BackendConnection,
  address: string,
  demand: ReplicationDemand,
): Promise<ServerFacts> {
  const clock = await connection.query('SELECT UNIX_TIMESTAMP(SYSDATE())');
  const status = await connection.query("SHOW GLOBAL STATUS LIKE 'Uptime'");
  const started = Math.max(0, Math.round(Number(clock.rows[0]?.[0] ?? 0) - Number(status.rows[0]?.[1] ?? 0)));
  const warnings: string[] = [];
  const version = versionProblem(connection);
  if (version.warning !== undefined) warnings.push(version.warning);
  const galera = await variables(connection, ['wsrep_on']);
  const { identity, missing } = await readIdentity(connection);
  const replication = demand.replicated ? await replicationProblem(connection) : undefined;
  if (replication !== undefined && demand.unsafe === 'warn') warnings.push(replication);
  const problem =
    version.problem ??
    (/^(1|on)$/i.test(galera.get('wsrep_on') ?? '') ? 'Galera clusters have no XA' : undefined) ??
    missing ??
    (demand.unsafe === 'refuse' && replication !== undefined
      ? `${replication} (transaction.unsafeReplication: warn accepts that)`
      : undefined);
  return { address, identity, incarnation: started.toString(36).padStart(8, '0'), problem, warnings };
}

/** Two start times of one server may differ by a second of rounding. */
export function sameIncarnation(a: string, b: string): boolean {
  return Math.abs(Number.parseInt(a, 36) - Number.parseInt(b, 36)) <= 2;
}

async function readIdentity(
  connection: BackendConnection,
): Promise<{ readonly identity: string; readonly missing: string | undefined }> {
  const remedy = 'run: shardmesh init-transactions';
  try {
    const { rows } = await connection.query(
      `SELECT server FROM ${meshSchema}.identity WHERE k=1 AND EXISTS (SELECT 1 FROM ${meshSchema}.fence WHERE slot=0)` +
        ` AND (SELECT COUNT(*) FROM ${meshSchema}.decision WHERE gid='')>=0 AND (SELECT COUNT(*) FROM ${meshSchema}.mark WHERE gid='')>=0` +
        ` AND (SELECT COUNT(*) FROM ${meshSchema}.node WHERE node='')>=0`,
    );
    const identity = rows[0]?.[0] ?? '';
    if (/^[0-9a-z]{8}$/.test(identity)) return { identity, missing: undefined };
    return { identity: '', missing: `the tables of schema ${meshSchema} are incomplete; ${remedy}` };
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    return { identity: '', missing: `the tables of schema ${meshSchema} cannot be used (${error.message}); ${remedy}` };
  }
}

function versionProblem(connection: BackendConnection): { readonly problem?: string; readonly warning?: string } {
  return judgeVersion(connection.serverVersion, connection.isMariaDB);
}

/** Which servers keep a prepared branch whatever happens. */
export function judgeVersion(text: string, mariadb: boolean): { readonly problem?: string; readonly warning?: string } {
  const [, major = 0, minor = 0, patch = 0] = (/^(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).map(Number);
  const number = major * 10_000 + minor * 100 + patch;
  if (mariadb)
    return number < 100_500
      ? { problem: `MariaDB ${text} rolls prepared branches back at disconnect; 10.5 is the oldest` }
      : {};
  if (number < 50_707)
    return { problem: `MySQL ${text} loses prepared branches; 5.7.7 is the oldest, 8.0.30 recommended` };
  if (number < 80_030)
    return {
      warning: `MySQL ${text} may part binary log and data if it crashes inside of XA PREPARE or XA COMMIT; 8.0.30 does not`,
    };
  return {};
}

/** Whether a failover could lose what XA PREPARE has promised. */
async function replicationProblem(connection: BackendConnection): Promise<string | undefined> {
  const values = await variables(connection, [
    'rpl_semi_sync_master_enabled',
    'rpl_semi_sync_master_wait_point',
    'rpl_semi_sync_master_wait_no_slave',
    'rpl_semi_sync_source_enabled',
    'rpl_semi_sync_source_wait_point',
    'rpl_semi_sync_source_wait_no_replica',
    'innodb_flush_log_at_trx_commit',
    'sync_binlog',
  ]);
  const either = (what: string, other: string): string =>
    (values.get(`rpl_semi_sync_master_${what}`) ?? values.get(`rpl_semi_sync_source_${other}`) ?? '').toUpperCase();
  if (!/^(1|ON)$/.test(either('enabled', 'enabled')))
    return 'its replicas are asynchronous: a failover can lose prepared branches and decisions';
  if (either('wait_point', 'wait_point') !== 'AFTER_SYNC')
    return 'semi-synchronous replication waits too late: set rpl_semi_sync_master_wait_point=AFTER_SYNC';
  if (!/^(1|ON)$/.test(either('wait_no_slave', 'wait_no_replica')))
    return 'semi-synchronous replication does not wait without replicas: set rpl_semi_sync_master_wait_no_slave=ON';
  if (values.get('innodb_flush_log_at_trx_commit') !== '1' || values.get('sync_binlog') !== '1')
    return 'commits are not flushed: set innodb_flush_log_at_trx_commit=1 and sync_binlog=1';
  const status = await connection.query("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_%_status'");
  const on = status.rows.some((row) => /master_status|source_status/i.test(row[0] ?? '') && /^on$/i.test(row[1] ?? ''));
  return on ? undefined : 'semi-synchronous replication has fallen back to asynchronous';
}

async function variables(
  connection: BackendConnection,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const list = names.map((name) => `'${name}'`).join(',');
  const { rows } = await connection.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${list})`);
  return new Map(rows.map((row) => [(row[0] ?? '').toLowerCase(), row[1] ?? '']));
}
