/** SHOW and DESCRIBE: logical tables, each once; what describes one table is asked from its first node. */
import { MeshError } from '../base/index.ts';
import type { ShowStatement, Span, Statement, TableName } from '../sql/index.ts';
import type { NodePlace, TableUse } from './across/types.ts';
import type { Binding } from './compiled-plan.ts';
import { likePattern } from './like-pattern.ts';
import { nameMap, type PlanBuilder } from './plan-builder.ts';
import type { Edit } from './rewrite.ts';
import { shardQuery } from './select.ts';
import { currentDatabase, lookUpTable, physicalName, systemSchema } from './table-lookup.ts';
import type { Action, LocalRows } from './types.ts';

type Describe = Extract<Statement, { kind: 'describe' }>;

const ofTable = new Set(['COLUMNS', 'FIELDS', 'INDEX', 'INDEXES', 'KEYS', 'CREATE TABLE', 'CREATE VIEW']);
/** The same on every server of the mesh: the default source answers. */
const ofServer = new Set(['VARIABLES', 'STATUS', 'ENGINES', 'STORAGE ENGINES', 'CHARACTER SET', 'CHARSET', 'COLLATION', 'PLUGINS', 'PRIVILEGES', 'CONTRIBUTORS', 'AUTHORS', 'PROFILES', 'PROFILE']);

export function compileShow(statement: ShowStatement | Describe, builder: PlanBuilder): Binding {
  if (statement.kind === 'describe') return inspectTable(statement.table, undefined, undefined, builder);
  const { what } = statement;
  if (ofTable.has(what) && statement.table !== undefined) return inspectTable(statement.table, statement, statement.schema, builder);
  if (what === 'TABLES') {
    const schema = statement.schema === undefined ? undefined : systemSchema(statement.schema.name);
    if (schema !== undefined) return fromDefault(statement, builder);
    return reply(showTables(statement, builder));
  }
  if (ofServer.has(what)) return fromDefault(statement, builder);
  return { kind: 'inspect', bind: () => ({ kind: 'inspect', show: statement, query: undefined, names: nameMap([], builder.environment) }) };
}

function reply(rows: LocalRows): Binding {
  const action: Action = { kind: 'reply', rows };
  return { kind: 'reply', bind: () => action };
}

function fromDefault(statement: ShowStatement, builder: PlanBuilder): Binding {
  const source = builder.environment.rules.defaultSource;
  const template = builder.text.whole([]);
  const names = nameMap([], builder.environment);
  return {
    kind: 'inspect',
    bind: (input) => ({ kind: 'inspect', show: statement, query: shardQuery(template, input, { source, tables: [] }), names }),
  };
}

/** SHOW COLUMNS, INDEX, CREATE TABLE, DESCRIBE. */
function inspectTable(written: TableName, show: ShowStatement | undefined, schema: ShowStatement['schema'], builder: PlanBuilder): Binding {
  const name: TableName = schema === undefined ? written : { ...written, schema };
  const found = lookUpTable(name, builder.environment);
  const use: TableUse = { index: 0, name, alias: written.table.name, factor: undefined, meaning: found.meaning, schema: found.schema };
  const source = found.meaning.kind === 'system' ? builder.environment.rules.defaultSource : found.meaning.logical.nodes[0]!.source;
  const place: NodePlace = { source, tables: [physicalName(found.meaning, 0, source)] };
  const edits: Edit[] = [];
  if (found.meaning.kind !== 'system') {
    const piece = written.schema === undefined
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

function showTables(statement: ShowStatement, builder: PlanBuilder): LocalRows {
  const { environment } = builder;
  const database = statement.schema?.name ?? currentDatabase(environment);
  if (database !== environment.rules.databaseName) {
    if (!environment.databases.has(database)) throw new MeshError('ER_BAD_DB_ERROR', { database });
    throw new MeshError('SM_UNSUPPORTED', { what: `SHOW TABLES of '${database}'`, reason: `use ${database} first` });
  }
  if (statement.where !== undefined) throw new MeshError('SM_UNSUPPORTED', { what: 'SHOW TABLES ... WHERE', reason: 'use LIKE, or information_schema.tables' });
  const { schema } = environment;
  if (schema.tables.size === 0 && schema.missing.size > 0) {
    const [source, reason] = [...schema.missing][0]!;
    throw new MeshError('SM_UNKNOWN_SCHEMA_STATE', { table: '*', reason: `source ${source}: ${reason}` });
  }
  const { matches, suffix } = filter(statement, builder);
  const names = [...schema.tables.keys()].filter(matches).sort();
  const columns: LocalRows['columns'][number][] = [{ name: `Tables_in_${database}${suffix}`, type: 'string' }];
  if (statement.full) columns.push({ name: 'Table_type', type: 'string' });
  return { columns, rows: names.map((name) => (statement.full ? [name, schema.tables.get(name)!.view ? 'VIEW' : 'BASE TABLE'] : [name])) };
}

function filter(statement: ShowStatement, builder: PlanBuilder): { readonly matches: (name: string) => boolean; readonly suffix: string } {
  if (statement.like === undefined) return { matches: () => true, suffix: '' };
  const value = builder.pin(statement.like);
  const pattern = value.kind === 'string' ? new TextDecoder().decode(value.bytes) : '';
  const expression = likePattern(pattern);
  return { matches: (name) => expression.test(name), suffix: ` (${pattern})` };
}
