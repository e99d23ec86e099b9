/** From a table's name as written to what it stands for: the rules first, then the catalog, then MySQL's own error. */
import { MeshError } from '../base/index.ts';
import type { TableSchema } from '../catalog/index.ts';
import { singleTable } from '../rules/index.ts';
import type { TableName } from '../sql/index.ts';
import type { TableMeaning } from './across/types.ts';
import type { PlanEnvironment } from './types.ts';

const systemSchemas = new Set(['information_schema', 'performance_schema', 'mysql', 'sys']);

/** Lower-cased system schema, or undefined. */
export function systemSchema(name: string): string | undefined {
  const lower = name.toLowerCase();
  return systemSchemas.has(lower) ? lower : undefined;
}

/** The logical database that a name without schema belongs to. Throws 1046. */
export function currentDatabase(environment: PlanEnvironment): string {
  if (environment.database === undefined) throw new MeshError('ER_NO_DB_ERROR');
  return environment.database;
}

export interface FoundTable {
  readonly meaning: TableMeaning;
  readonly schema: TableSchema | undefined;
}

/** What a table name means. Throws MeshError with MySQL's wording (1046, 1049, 1146), or ours where the schema is not known yet. */
export function lookUpTable(name: TableName, environment: PlanEnvironment): FoundTable {
  const found = findTable(name, environment);
  if (found !== undefined) return found;
  const table = name.table.name;
  const missing = environment.schema.missing;
  if (missing.size > 0) {
    const [source, reason] = [...missing][0]!;
    throw new MeshError('SM_UNKNOWN_SCHEMA_STATE', { table, reason: `source ${source}: ${reason}` });
  }
  throw new MeshError('ER_NO_SUCH_TABLE', { database: name.schema?.name ?? currentDatabase(environment), table });
}

/** The same without an error for a table that does not exist. Names of databases that do not exist still throw. */
export function findTable(name: TableName, environment: PlanEnvironment): FoundTable | undefined {
  const { rules, schema } = environment;
  const table = name.table.name;
  const database = name.schema?.name ?? currentDatabase(environment);
  const system = systemSchema(database);
  if (system !== undefined) return { meaning: { kind: 'system', schema: system, table }, schema: undefined };
  if (database !== rules.databaseName) {
    if (environment.databases.has(database)) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: `the name '${database}.${table}'`,
        reason: `the statement is planned in database '${rules.databaseName}'; use ${database} first`,
      });
    }
    if (environment.schema.mariadb) throw new MeshError('ER_NO_SUCH_TABLE', { database, table });
    throw new MeshError('ER_BAD_DB_ERROR', { database });
  }
  const temporary = environment.temporary?.tables.get(table);
  if (temporary !== undefined) {
    const { source } = environment.temporary!;
    return {
      meaning: { kind: 'single', logical: singleTable(table, source), source, temporary: true },
      schema: temporary,
    };
  }
  const ruled = rules.tables.get(table);
  const described = schema.tables.get(table);
  if (ruled !== undefined) {
    if (described === undefined) return undefined;
    if (ruled.kind === 'single')
      return { meaning: { kind: 'single', logical: ruled, source: ruled.nodes[0]!.source }, schema: described };
    return { meaning: { kind: ruled.kind, logical: ruled }, schema: described };
  }
  const source = schema.singleTables.get(table);
  if (source === undefined) return undefined;
  return { meaning: { kind: 'single', logical: singleTable(table, source), source }, schema: described };
}

/** The physical name of a use on node or source: sharded by node index, all others by source. */
export function physicalName(meaning: TableMeaning, node: number, source: string): string {
  switch (meaning.kind) {
    case 'sharded':
      return meaning.logical.nodes[node]!.table;
    case 'broadcast':
      return meaning.logical.nodes.find((candidate) => candidate.source === source)?.table ?? meaning.logical.name;
    case 'single':
      return meaning.logical.nodes[0]!.table;
    case 'system':
      return meaning.table;
  }
}
