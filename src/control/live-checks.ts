/** `check --connect`: what the live servers say to the rules. */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { SchemaSnapshot, TableSchema } from '../catalog/index.ts';
import {
  type DataSource,
  equalityKeepsShard,
  type LogicalTable,
  type ProblemCode,
  primaryOf,
  type RuleProblem,
  type RuleSet,
  replicasOf,
  type ShardingStrategy,
} from '../rules/index.ts';
import { buildSnapshot } from './build-snapshot.ts';
import { lacking, schemaPrivileges } from './grants.ts';
import { type PhysicalSchema, readPhysicalSchema } from './physical-schema.ts';
import { type Position, RulePositions } from './rule-position.ts';
import { reasonOf, withSource } from './source-connection.ts';

const checkTimeoutMs = 20_000;
/** A replica further behind is told of. */
const lagMaxSeconds = 60;

/** Asks every server of the rules; resolves with what was found, in the order of the file. Never rejects for a server. */
export async function checkLive(rules: RuleSet): Promise<readonly RuleProblem[]> {
  const problems: RuleProblem[] = [];
  const positions = new RulePositions(rules.file);
  const report = (
    at: Position,
    code: ProblemCode,
    severity: RuleProblem['severity'],
    message: string,
    suggestion?: string,
  ): void => {
    problems.push({
      file: rules.file,
      ...at,
      code,
      severity,
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  };

  const schemas = new Map<string, PhysicalSchema>();
  const missing = new Map<string, string>();
  const replicas = new Set([...rules.groups.values()].flatMap((group) => group.replicas));
  const read = new Map<string, PhysicalSchema>();
  await Promise.all(
    [...rules.dataSources.values()].map(async (source) => {
      const at = positions.source(source.name);
      const tell = (code: ProblemCode, severity: RuleProblem['severity'], message: string, suggestion?: string): void =>
        report(at, code, severity, message, suggestion);
      try {
        await withSource(
          source,
          async (connection) => {
            read.set(source.name, await readPhysicalSchema(connection));
            await checkServer(connection, source, read.get(source.name)!, replicas.has(source.name), tell);
            if (replicas.has(source.name)) await checkReplica(connection, source, tell);
          },
          checkTimeoutMs,
        );
      } catch (error) {
        tell(
          'SM_LIVE_SERVER',
          'error',
          `source '${source.name}' (${address(source)}) does not answer: ${reasonOf(error)}`,
        );
      }
    }),
  );
  for (const name of rules.shardSources) {
    const schema = read.get(primaryOf(rules, name)?.name ?? '');
    if (schema === undefined) missing.set(name, 'it does not answer');
    else schemas.set(name, schema);
  }

  const { content, warnings } = buildSnapshot(rules, schemas, missing);
  for (const { kind, table, source, message } of warnings) {
    if (kind === 'mixed servers') report(positions.source(source), 'SM_LIVE_VERSION', 'warning', message);
    else if (kind === 'ambiguous single table') report(positions.source(source), 'SM_LIVE_TABLE', 'warning', message);
    else
      report(positions.table(table), kind === 'node missing' ? 'SM_LIVE_TABLE' : 'SM_LIVE_COLUMNS', 'error', message);
  }
  for (const table of rules.tables.values()) {
    const schema = content.tables.get(table.name);
    const at = positions.table(table.name);
    if (schema === undefined) {
      const asked = table.nodes.some((node) => schemas.has(node.source));
      if (asked)
        report(
          at,
          'SM_LIVE_TABLE',
          'warning',
          `table '${table.name}' exists on none of its nodes yet`,
          'create it through the mesh',
        );
      continue;
    }
    if (table.kind === 'sharded')
      checkSharded(table, schema, content, (code, severity, message, suggestion) =>
        report(at, code, severity, message, suggestion),
      );
  }
  checkReplicasAlike(rules, read, (replica, message) =>
    report(positions.source(replica), 'SM_LIVE_REPLICA', 'warning', message),
  );
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

type Tell = (code: ProblemCode, severity: RuleProblem['severity'], message: string, suggestion?: string) => void;

async function checkServer(
  connection: Connection,
  source: DataSource,
  schema: PhysicalSchema,
  replica: boolean,
  tell: Tell,
): Promise<void> {
  const oldest = schema.mariadb ? 100600 : 80000;
  if (schema.serverVersion < oldest) {
    tell(
      'SM_LIVE_VERSION',
      'warning',
      `source '${source.name}' is ${schema.version}; MariaDB 10.6 and MySQL 8.0 are the oldest that Shardmesh is made for`,
    );
  }
  const [rows] = await connection.query<RowDataPacket[]>('SHOW GRANTS');
  const grants = rows.map((row) => String(Object.values(row)[0]));
  const wanted = replica ? ['SELECT'] : ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
  const lacks = lacking(schemaPrivileges(grants, source.database), wanted);
  // A role's grants are only shown where it is active: a doubt is no error.
  if (lacks.length > 0) {
    tell(
      'SM_LIVE_PRIVILEGES',
      'warning',
      `account '${source.username}' has no ${lacks.join(', ')} on schema '${source.database}' of '${source.name}'`,
      `GRANT ${lacks.join(', ')} ON \`${source.database}\`.* TO '${source.username}'@'%'`,
    );
  }
  if (grants.some((grant) => /^GRANT .*\b(SUPER|ALL PRIVILEGES)\b.* ON \*\.\*/i.test(grant))) {
    tell(
      'SM_LIVE_PRIVILEGES',
      'warning',
      `account '${source.username}' of '${source.name}' may administrate the server; Shardmesh needs no more than its own schema`,
    );
  }
}

async function checkReplica(connection: Connection, source: DataSource, tell: Tell): Promise<void> {
  let rows: RowDataPacket[];
  try {
    rows = await replicaStatus(connection);
  } catch (error) {
    tell(
      'SM_LIVE_REPLICA',
      'warning',
      `whether '${source.name}' replicates cannot be seen: ${reasonOf(error)}`,
      'grant REPLICATION CLIENT (MariaDB: SLAVE MONITOR)',
    );
    return;
  }
  const [row] = rows;
  if (row === undefined) {
    tell('SM_LIVE_REPLICA', 'error', `'${source.name}' is listed as a replica and replicates from nowhere`);
    return;
  }
  const value = (...names: readonly string[]): string =>
    String(names.map((name) => row[name]).find((found) => found !== undefined && found !== null) ?? '');
  const io = value('Slave_IO_Running', 'Replica_IO_Running');
  const sql = value('Slave_SQL_Running', 'Replica_SQL_Running');
  if (io !== 'Yes' || sql !== 'Yes') {
    const reason = value('Last_SQL_Error') || value('Last_IO_Error') || `receiver ${io}, applier ${sql}`;
    tell('SM_LIVE_REPLICA', 'error', `replication of '${source.name}' has stopped: ${reason}`);
  }
  const lag = Number(value('Seconds_Behind_Master', 'Seconds_Behind_Source'));
  if (lag > lagMaxSeconds) tell('SM_LIVE_REPLICA', 'warning', `'${source.name}' is ${lag} s behind its primary`);
  const [[server]] = await connection.query<RowDataPacket[]>('SELECT @@global.read_only AS read_only');
  if (Number(server?.['read_only']) === 0)
    tell(
      'SM_LIVE_REPLICA',
      'warning',
      `replica '${source.name}' is not read_only: a stray write would part it from its primary`,
    );
}

/** MySQL 8.4 knows the new words only, MariaDB and older servers the old ones. */
async function replicaStatus(connection: Connection): Promise<RowDataPacket[]> {
  try {
    return (await connection.query<RowDataPacket[]>('SHOW REPLICA STATUS'))[0];
  } catch (error) {
    if ((error as { errno?: number }).errno !== 1064) throw error;
    return (await connection.query<RowDataPacket[]>('SHOW SLAVE STATUS'))[0];
  }
}

function checkSharded(
  table: LogicalTable,
  schema: TableSchema,
  snapshot: Pick<SchemaSnapshot, 'collations'>,
  tell: Tell,
): void {
  const absent = table.shardingColumns.filter((column) => !schema.columnsByName.has(column));
  if (absent.length > 0) {
    tell(
      'SM_LIVE_COLUMNS',
      'error',
      `table '${table.name}' has no column '${absent.join("', '")}', by which it is sharded`,
    );
    return;
  }
  for (const strategy of [table.databaseStrategy, table.tableStrategy])
    checkStringKeys(table, strategy, schema, snapshot, tell);
  if (table.nodes.length < 2) return;

  const generated = table.keyGenerate?.column.toLowerCase();
  const keys = [...(schema.primaryKey.length > 0 ? [schema.primaryKey] : []), ...schema.uniqueKeys];
  for (const key of keys) {
    const columns = new Set(key.map((column) => column.toLowerCase()));
    if (generated !== undefined && columns.has(generated)) continue;
    if (table.shardingColumns.length > 0 && table.shardingColumns.every((column) => columns.has(column))) continue;
    tell(
      'SM_LIVE_UNIQUE_KEY',
      'warning',
      `the unique key (${key.join(', ')}) of '${table.name}' does not hold its sharding columns (${table.shardingColumns.join(', ')}): it is unique on each node only`,
    );
  }
  const increment = schema.columns.find((column) => column.autoIncrement);
  if (increment !== undefined && increment.name.toLowerCase() !== generated) {
    tell(
      'SM_LIVE_AUTO_INCREMENT',
      'warning',
      `'${table.name}.${increment.name}' is AUTO_INCREMENT: each node counts by itself, and ids repeat`,
      'give the table a keyGenerateStrategy for this column',
    );
  }
}

/** sql.md's first rule, said here: equal strings must mean equal shards, or = and IN must ask all of them. */
function checkStringKeys(
  table: LogicalTable,
  strategy: ShardingStrategy,
  schema: TableSchema,
  snapshot: Pick<SchemaSnapshot, 'collations'>,
  tell: Tell,
): void {
  const columns =
    strategy.kind === 'standard' ? [strategy.column] : strategy.kind === 'complex' ? strategy.columns : [];
  for (const name of columns) {
    const column = schema.columnsByName.get(name.toLowerCase());
    if (column?.collation === undefined) continue;
    const collation = snapshot.collations.get(column.collation);
    if (collation !== undefined && equalityKeepsShard(strategy, collation)) continue;
    tell(
      'SM_LIVE_STRING_KEY',
      'warning',
      `sharding column '${table.name}.${column.name}' has collation ${column.collation}, under which different texts are equal; the algorithm may put them on different shards, so = and IN ask all shards`,
      "make the column binary without padding (utf8mb4_nopad_bin or VARBINARY), or for new data set the algorithm's keyForm to collation",
    );
  }
}

function checkReplicasAlike(
  rules: RuleSet,
  read: ReadonlyMap<string, PhysicalSchema>,
  tell: (replica: string, message: string) => void,
): void {
  for (const group of rules.groups.values()) {
    const primary = read.get(group.primary);
    for (const replica of replicasOf(rules, group.name)) {
      const schema = read.get(replica.name);
      if (primary === undefined || schema === undefined) continue;
      const absent = [...primary.tables.keys()].filter((name) => !schema.tables.has(name));
      if (absent.length > 0)
        tell(
          replica.name,
          `replica '${replica.name}' lacks ${absent.length === 1 ? 'table' : 'tables'} ${absent.slice(0, 5).join(', ')}${absent.length > 5 ? ', ...' : ''} of its primary '${group.primary}'`,
        );
    }
  }
}

function address(source: DataSource): string {
  return source.socketPath ?? `${source.host}:${source.port}`;
}
