/** What a probe asks a server: may it be written, does it replicate, how far is it, which epoch does its primary have. */
import type { BackendConnection } from './backend-connection.ts';
import { ServerError, type SmallResult } from './small-result.ts';

export interface SourceFacts {
  /** Tells servers apart: MySQL's UUID; MariaDB's server id, host name and port. */
  readonly identity: string;
  readonly mariadb: boolean;
  readonly readOnly: boolean;
  /** It is set up as somebody's replica, running or not. Undefined: the account may not ask. */
  readonly replicating: boolean | undefined;
  /** `host:port` it replicates from. */
  readonly follows: readonly string[];
  /** Both of its replication threads run. */
  readonly running: boolean;
  /** Seconds_Behind_Source; undefined: not known. */
  readonly lagSeconds: number | undefined;
  /** GTIDs that are readable for certain. */
  readonly applied: string;
  /** GTIDs that may be readable: at least all that is. Empty: the server keeps no log of what it applies. */
  readonly seen: string;
  /** The last write of some sequence was made on this very server. */
  readonly wrote: boolean;
  /** The highest epoch that the table of primaries tells, and who has it. */
  readonly epoch: number;
  readonly epochHolder: string;
}

/** Name of the mesh's table of primaries, in the schema of each source. */
export const PRIMARY_TABLE = 'shardmesh_primary';

/** What a read asks behind itself, to learn how much it may have seen and what is there for certain. */
export function seenSql(mariadb: boolean): string {
  return mariadb
    ? 'SELECT @@global.gtid_binlog_pos,@@global.gtid_slave_pos'
    : "SELECT CONCAT_WS(',',@@global.gtid_executed,NULLIF(@@global.gtid_owned,'')),@@global.gtid_executed";
}

/** What a read asks before itself: answers 0 when the position is readable. */
export function waitSql(mariadb: boolean, gtids: string, limitMs: number): string {
  const name = mariadb ? 'MASTER_GTID_WAIT' : 'WAIT_FOR_EXECUTED_GTID_SET';
  return `SELECT ${name}('${gtids}',${(limitMs / 1000).toFixed(3)})`;
}

/** One round trip. Rejects with ServerError or BackendFault. */
export async function probeSource(connection: BackendConnection, group: string): Promise<SourceFacts> {
  const { isMariaDB: mariadb } = connection;
  connection.cork();
  const asked = [
    connection.query(mariadb ? mariadbSql : mysqlSql),
    orError(connection.query(mariadb ? 'SHOW ALL SLAVES STATUS' : 'SHOW REPLICA STATUS')),
    orError(
      connection.query(
        `SELECT epoch,holder FROM ${PRIMARY_TABLE} WHERE group_name='${group.replaceAll(/['\\]/g, '')}'`,
      ),
    ),
    mariadb ? undefined : orError(connection.query(groupMemberSql)),
  ] as const;
  connection.uncork();
  const [own, replication, epochs, member] = await Promise.all(asked);
  const [readOnly, seen, applied, logs, identity, serverId] = own.rows[0] ?? [];
  const status = replication instanceof Error ? [] : named(replication);
  const lags = status.map((row) => row.get('Seconds_Behind_Master') ?? row.get('Seconds_Behind_Source') ?? null);
  const epoch = epochs instanceof Error ? undefined : epochs.rows[0];
  const grouped = member === undefined || member instanceof Error ? undefined : member.rows[0];
  return {
    identity: identity ?? '',
    mariadb,
    readOnly: readOnly !== '0' || (grouped !== undefined && (grouped[0] !== 'PRIMARY' || grouped[1] !== 'ONLINE')),
    replicating: replication instanceof Error ? undefined : status.length > 0,
    follows: status.map(
      (row) =>
        `${row.get('Master_Host') ?? row.get('Source_Host') ?? ''}:${row.get('Master_Port') ?? row.get('Source_Port') ?? ''}`,
    ),
    running: grouped?.[1] === 'ONLINE' || (status.length > 0 && status.every((row) => threadsRun(row))),
    lagSeconds:
      lags.length === 0 || lags.includes(null) ? undefined : Math.max(...lags.map((seconds) => Number(seconds))),
    applied: applied ?? '',
    seen: logs === '1' ? (seen ?? '') : '',
    wrote: (seen ?? '').split(',').some((gtid) => gtid.split('-')[1] === serverId) || !mariadb,
    epoch: Number(epoch?.[0] ?? 0),
    epochHolder: epoch?.[1] ?? '',
  };
}

const mariadbSql =
  "SELECT @@global.read_only,@@global.gtid_binlog_pos,@@global.gtid_slave_pos,@@global.log_bin AND @@global.log_slave_updates,CONCAT(@@global.server_id,'@',@@hostname,':',@@port),@@global.server_id";
const mysqlSql =
  "SELECT @@global.read_only OR @@global.super_read_only OR @@global.innodb_read_only,CONCAT_WS(',',@@global.gtid_executed,NULLIF(@@global.gtid_owned,'')),@@global.gtid_executed,1,@@global.server_uuid,@@global.server_id";
const groupMemberSql =
  'SELECT MEMBER_ROLE,MEMBER_STATE FROM performance_schema.replication_group_members WHERE MEMBER_ID=@@global.server_uuid';

/** A question that the account or the version may refuse: the refusal as a value. A lost connection stays an exception. */
async function orError(answer: Promise<SmallResult>): Promise<SmallResult | ServerError> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ServerError) return error;
    throw error;
  }
}

function named(result: SmallResult): ReadonlyMap<string, string | null>[] {
  return result.rows.map((row) => new Map(result.columns.map((column, index) => [column.name, row[index] ?? null])));
}

function threadsRun(row: ReadonlyMap<string, string | null>): boolean {
  const io = row.get('Slave_IO_Running') ?? row.get('Replica_IO_Running');
  const sql = row.get('Slave_SQL_Running') ?? row.get('Replica_SQL_Running');
  return io === 'Yes' && sql === 'Yes';
}
