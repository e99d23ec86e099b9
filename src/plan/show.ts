/** SHOW and DESCRIBE: logical tables, each once; what describes one table is asked from its first node. */
import { MeshError } from '../base/index.ts';
import type { ShowStatement, Span, Statement, TableName } from '../sql/index.ts';
import type { NodePlace, TableUse } from './across/types.ts';
import type { Binding } from './compiled-plan.ts';
import { likePattern } from './like-pattern.ts';
import { nameMap, type PlanBuilder } from './plan-builder.ts';
import { type Edit, quoteName } from './rewrite.ts';
import { shardQuery } from './shard-query.ts';
import { currentDatabase, lookUpTable, physicalName, systemSchema } from './table-lookup.ts';
import type { Action, LocalRows } from './types.ts';

type Describe = Extract<Statement, { kind: 'describe' }>;

const ofTable = new Set(['COLUMNS', 'FIELDS', 'INDEX', 'INDEXES', 'KEYS', 'CREATE TABLE', 'CREATE VIEW']);
/** The same on every server of the mesh: the default source answers. */
const ofServer = new Set([
  'VARIABLES',
  'STATUS',
  'ENGINES',
  'STORAGE ENGINES',
  'CHARACTER SET',
  'CHARSET',
  'COLLATION',
  'PLUGINS',
  'PRIVILEGES',
  'CONTRIBUTORS',
  'AUTHORS',
  'PROFILES',
  'PROFILE',
]);

/** Plans a SELECT of ours in place of the statement. */
export type CompileText = (sql: string) => Binding;

export function compileShow(
  statement: ShowStatement | Describe,
  builder: PlanBuilder,
  compileText: CompileText,
): Binding {
  if (statement.kind === 'describe') return inspectTable(statement.table, undefined, undefined, builder);
  const { what } = statement;
  if (ofTable.has(what) && statement.table !== undefined)
    return inspectTable(statement.table, statement, statement.schema, builder);
  if (what === 'TABLES') {
    const schema = statement.schema === undefined ? undefined : systemSchema(statement.schema.name);
    if (schema !== undefined) return fromDefault(statement, builder);
    return statement.where === undefined
      ? reply(showTables(statement, builder))
      : compileText(tablesQuery(statement, builder));
  }
  if (what === 'TABLE STATUS') return compileText(statusQuery(statement, builder));
  const listed = objectLists[what];
  if (listed !== undefined) return compileText(listQuery(statement, listed, builder));
  if (what === 'CREATE DATABASE') return compileText(createDatabaseQuery(statement, builder));
  if (ofServer.has(what)) return fromDefault(statement, builder);
  const like = patternOf(statement, builder);
  return {
    kind: 'inspect',
    bind: () => ({
      kind: 'inspect',
      show: statement,
      query: undefined,
      names: nameMap([], builder.environment),
      ...(like === undefined ? {} : { like }),
    }),
  };
}

function reply(rows: LocalRows): Binding {
  const action: Action = { kind: 'reply', rows };
  return { kind: 'reply', bind: () => action };
}

function fromDefault(statement: ShowStatement, builder: PlanBuilder): Binding {
  const source = builder.environment.rules.defaultSource;
  const template = builder.text.whole([]);
  const names = nameMap([], builder.environment);
  const like = statement.what === 'VARIABLES' ? patternOf(statement, builder) : undefined;
  return {
    kind: 'inspect',
    bind: (input) => ({
      kind: 'inspect',
      show: statement,
      query: shardQuery(template, input, { source, tables: [] }),
      names,
      ...(like === undefined ? {} : { like }),
    }),
  };
}

/** SHOW COLUMNS, INDEX, CREATE TABLE, DESCRIBE. */
function inspectTable(
  written: TableName,
  show: ShowStatement | undefined,
  schema: ShowStatement['schema'],
  builder: PlanBuilder,
): Binding {
  const name: TableName = schema === undefined ? written : { ...written, schema };
  const found = lookUpTable(name, builder.environment);
  const use: TableUse = {
    index: 0,
    name,
    alias: written.table.name,
    factor: undefined,
    meaning: found.meaning,
    schema: found.schema,
  };
  const source =
    found.meaning.kind === 'system' ? builder.environment.rules.defaultSource : found.meaning.logical.nodes[0]!.source;
  const place: NodePlace = { source, tables: [physicalName(found.meaning, 0, source)] };
  const edits: Edit[] = [];
  if (found.meaning.kind !== 'system') {
    const piece =
      written.schema === undefined
        ? builder.text.tablePiece(0, written.table.name, '', written.table)
        : ({ kind: 'table', table: 0, logical: written.table.name, suffix: '' } as const);
    edits.push({ at: written.schema === undefined ? written.table : written, pieces: [piece] });
    if (schema !== undefined) edits.push({ at: fromClause(schema, builder), pieces: [] });
  }
  const template = builder.text.whole(edits);
  const names = nameMap([use], builder.environment);
  return {
    kind: 'inspect',
    bind: (input) => ({ kind: 'inspect', show, query: shardQuery(template, input, place), names }),
  };
}

/** `FROM schema` with the word before the name. */
function fromClause(schema: Span, builder: PlanBuilder): Span {
  const token = builder.text.tokenAt(schema.start);
  return { start: builder.text.tokens.starts[token - 1]!, end: schema.end };
}

/** The logical database that SHOW asks for; only the current one is planned. */
function shownDatabase(statement: ShowStatement, builder: PlanBuilder): string {
  const { environment } = builder;
  const database = statement.schema?.name ?? currentDatabase(environment);
  if (database !== environment.rules.databaseName) {
    if (!environment.databases.has(database)) throw new MeshError('ER_BAD_DB_ERROR', { database });
    throw new MeshError('SM_UNSUPPORTED', {
      what: `SHOW ${statement.what} of '${database}'`,
      reason: `use ${database} first`,
    });
  }
  return database;
}

const textOf = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function tablesQuery(statement: ShowStatement, builder: PlanBuilder): string {
  const database = shownDatabase(statement, builder);
  const heading = quoteName(`Tables_in_${database}`);
  const inner = `SELECT TABLE_NAME AS ${heading}, TABLE_TYPE AS \`Table_type\` FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${textOf(database)}`;
  const list = statement.full ? `${heading}, \`Table_type\`` : heading;
  return `SELECT ${list} FROM (${inner}) AS shown WHERE ${builder.text.slice(statement.where!)} ORDER BY 1`;
}

const statusColumns = [
  'Name=TABLE_NAME',
  'Engine',
  'Version',
  'Row_format',
  'Rows=TABLE_ROWS',
  'Avg_row_length',
  'Data_length',
  'Max_data_length',
  'Index_length',
  'Data_free',
  'Auto_increment',
  'Create_time',
  'Update_time',
  'Check_time',
  'Collation=TABLE_COLLATION',
  'Checksum',
  'Create_options',
  'Comment=TABLE_COMMENT',
];

function statusQuery(statement: ShowStatement, builder: PlanBuilder): string {
  const database = shownDatabase(statement, builder);
  const columns = (
    builder.environment.schema.mariadb ? [...statusColumns, 'Max_index_length', 'Temporary'] : statusColumns
  ).map((column) => {
    const [name, from = name] = column.split('=') as [string, string?];
    return `${from.toUpperCase()} AS ${quoteName(name)}`;
  });
  const inner = `SELECT ${columns.join(', ')} FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${textOf(database)}`;
  if (statement.where !== undefined)
    return `SELECT * FROM (${inner}) AS shown WHERE ${builder.text.slice(statement.where)} ORDER BY 1`;
  const like = statement.like === undefined ? '' : ` AND TABLE_NAME LIKE ${builder.text.slice(statement.like)}`;
  return `${inner}${like} ORDER BY 1`;
}

/** As MariaDB writes it. */
function createDatabaseQuery(statement: ShowStatement, builder: PlanBuilder): string {
  const database = shownDatabase(statement, builder);
  const head = textOf(`CREATE DATABASE ${quoteName(database)} /*!40100 DEFAULT CHARACTER SET `);
  const text = `CONCAT(${head}, DEFAULT_CHARACTER_SET_NAME, ' COLLATE ', DEFAULT_COLLATION_NAME, ' */')`;
  return `SELECT SCHEMA_NAME AS \`Database\`, ${text} AS \`Create Database\` FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${textOf(database)}`;
}

/** SHOW of objects that information_schema lists: `Heading=COLUMN`, or the heading alone where both are alike. */
interface ObjectList {
  readonly table: string;
  readonly columns: readonly string[];
  readonly schema: string;
  /** What LIKE compares. */
  readonly name: string;
  /** Only these. */
  readonly where?: string;
}

const origin = ['character_set_client', 'collation_connection', 'Database Collation=DATABASE_COLLATION'];
const routines = (type: string): ObjectList => ({
  table: 'ROUTINES',
  columns: [
    'Db=ROUTINE_SCHEMA',
    'Name=ROUTINE_NAME',
    'Type=ROUTINE_TYPE',
    'Definer',
    'Modified=LAST_ALTERED',
    'Created',
    'Security_type',
    'Comment=ROUTINE_COMMENT',
    ...origin,
  ],
  schema: 'ROUTINE_SCHEMA',
  name: 'ROUTINE_NAME',
  where: `ROUTINE_TYPE = '${type}'`,
});

const objectLists: Readonly<Record<string, ObjectList>> = {
  TRIGGERS: {
    table: 'TRIGGERS',
    columns: [
      'Trigger=TRIGGER_NAME',
      'Event=EVENT_MANIPULATION',
      'Table=EVENT_OBJECT_TABLE',
      'Statement=ACTION_STATEMENT',
      'Timing=ACTION_TIMING',
      'Created',
      'sql_mode',
      'Definer',
      ...origin,
    ],
    schema: 'TRIGGER_SCHEMA',
    name: 'EVENT_OBJECT_TABLE',
  },
  EVENTS: {
    table: 'EVENTS',
    columns: [
      'Db=EVENT_SCHEMA',
      'Name=EVENT_NAME',
      'Definer',
      'Time zone=TIME_ZONE',
      'Type=EVENT_TYPE',
      'Execute at=EXECUTE_AT',
      'Interval value=INTERVAL_VALUE',
      'Interval field=INTERVAL_FIELD',
      'Starts',
      'Ends',
      'Status',
      'Originator',
      ...origin,
    ],
    schema: 'EVENT_SCHEMA',
    name: 'EVENT_NAME',
  },
  'PROCEDURE STATUS': routines('PROCEDURE'),
  'FUNCTION STATUS': routines('FUNCTION'),
};

function listQuery(statement: ShowStatement, list: ObjectList, builder: PlanBuilder): string {
  const database = shownDatabase(statement, builder);
  const columns = list.columns.map((column) => {
    const [name, from = name] = column.split('=') as [string, string?];
    return `${from.toUpperCase()} AS ${quoteName(name)}`;
  });
  const only = list.where === undefined ? '' : ` AND ${list.where}`;
  const inner = `SELECT ${columns.join(', ')} FROM information_schema.${list.table} WHERE ${list.schema} = ${textOf(database)}${only}`;
  if (statement.where !== undefined)
    return `SELECT * FROM (${inner}) AS shown WHERE ${builder.text.slice(statement.where)} ORDER BY 1, 2`;
  const like = statement.like === undefined ? '' : ` AND ${list.name} LIKE ${builder.text.slice(statement.like)}`;
  return `${inner}${like} ORDER BY 1, 2`;
}

function showTables(statement: ShowStatement, builder: PlanBuilder): LocalRows {
  const { environment } = builder;
  const database = shownDatabase(statement, builder);
  const { schema } = environment;
  if (schema.tables.size === 0 && schema.missing.size > 0) {
    const [source, reason] = [...schema.missing][0]!;
    throw new MeshError('SM_UNKNOWN_SCHEMA_STATE', { table: '*', reason: `source ${source}: ${reason}` });
  }
  const { matches, suffix } = filter(statement, builder);
  const names = [...schema.tables.keys()].filter(matches).sort();
  const columns: LocalRows['columns'][number][] = [{ name: `Tables_in_${database}${suffix}`, type: 'string' }];
  if (statement.full) columns.push({ name: 'Table_type', type: 'string' });
  return {
    columns,
    rows: names.map((name) =>
      statement.full ? [name, schema.tables.get(name)!.view ? 'VIEW' : 'BASE TABLE'] : [name],
    ),
  };
}

function filter(
  statement: ShowStatement,
  builder: PlanBuilder,
): { readonly matches: (name: string) => boolean; readonly suffix: string } {
  const pattern = patternOf(statement, builder);
  if (pattern === undefined) return { matches: () => true, suffix: '' };
  const expression = likePattern(pattern);
  return { matches: (name) => expression.test(name), suffix: ` (${pattern})` };
}

/** The text of LIKE; the plan is for this text only. */
function patternOf(statement: ShowStatement, builder: PlanBuilder): string | undefined {
  if (statement.like === undefined) return undefined;
  const value = builder.pin(statement.like);
  return value.kind === 'string' ? new TextDecoder().decode(value.bytes) : '';
}
