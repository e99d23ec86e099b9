/** Makes the logical schema of one database from the physical schemas of its sources. Pure. */
import type { Collation, Column, SchemaSnapshot, TableSchema } from '../catalog/index.ts';
import { type LogicalTable, physicalTablesOf, type RuleSet, singleTableAllowed } from '../rules/index.ts';
import type { PhysicalSchema, PhysicalTable } from './physical-schema.ts';

/** Something about the servers' tables that an operator should know; statements go on. */
export interface SchemaWarning {
  readonly kind: 'node missing' | 'nodes differ' | 'ambiguous single table' | 'mixed servers';
  /** Logical table, or '' when it is about a source. */
  readonly table: string;
  readonly source: string;
  readonly message: string;
}

/** What to say of the servers while none has ever answered. */
export interface ServerFallback {
  readonly mariadb: boolean;
  readonly serverVersion: number;
  readonly defaultCollation: string;
}
export const defaultServerFallback: ServerFallback = {
  mariadb: true,
  serverVersion: 101100,
  defaultCollation: 'utf8mb4_general_ci',
};

/** Tables of our own in the physical schemas: no part of any logical database. */
export const ownTables: ReadonlySet<string> = new Set(['shardmesh_worker', 'shardmesh_identity']);

export interface BuiltSnapshot {
  /** Without a version: the loader numbers it when it differs from the last. */
  readonly content: Omit<SchemaSnapshot, 'version'>;
  readonly warnings: readonly SchemaWarning[];
}

/** `schemas` by shard source; `missing` says why a shard source is not among them. */
export function buildSnapshot(
  rules: RuleSet,
  schemas: ReadonlyMap<string, PhysicalSchema>,
  missing: ReadonlyMap<string, string>,
  fallback: ServerFallback = defaultServerFallback,
): BuiltSnapshot {
  const warnings: SchemaWarning[] = [];
  const tables = new Map<string, TableSchema>();
  for (const table of rules.tables.values()) {
    const described = describe(table, schemas, warnings);
    if (described !== undefined) tables.set(table.name, described);
  }
  const singleTables = findSingles(rules, schemas, tables, warnings);

  const server = schemas.get(rules.defaultSource) ?? [...schemas.values()][0];
  for (const [source, schema] of schemas) {
    if (server !== undefined && schema.mariadb !== server.mariadb) {
      warnings.push({
        kind: 'mixed servers',
        table: '',
        source,
        message: `source '${source}' is ${schema.version}, others are ${server.version}: MariaDB and MySQL in one database may sort and round differently`,
      });
    }
  }
  const collations = new Map<string, Collation>();
  const routines = new Set<string>();
  for (const schema of schemas.values()) {
    for (const [name, collation] of schema.collations) if (!collations.has(name)) collations.set(name, collation);
    for (const name of schema.routines) routines.add(name);
  }
  return {
    content: {
      tables,
      singleTables,
      collations,
      missing: new Map(missing),
      mariadb: server?.mariadb ?? fallback.mariadb,
      serverVersion: server?.serverVersion ?? fallback.serverVersion,
      defaultCollation: server?.collationDatabase ?? fallback.defaultCollation,
      routines,
    },
    warnings,
  };
}

/** A table of the rules, from its first node that is there; the other nodes are compared with it. */
function describe(
  table: LogicalTable,
  schemas: ReadonlyMap<string, PhysicalSchema>,
  warnings: SchemaWarning[],
): TableSchema | undefined {
  let first: { readonly physical: PhysicalTable; readonly label: string } | undefined;
  const absent: { source: string; label: string }[] = [];
  for (const node of table.nodes) {
    const schema = schemas.get(node.source);
    if (schema === undefined) continue;
    const label = `${node.source}.${node.table}`;
    const physical = findPhysical(schema, node.table);
    if (physical === undefined) {
      absent.push({ source: node.source, label });
    } else if (first === undefined) {
      first = { physical, label };
    } else {
      const difference = tableDifference(first.physical, physical);
      if (difference !== undefined) {
        warnings.push({
          kind: 'nodes differ',
          table: table.name,
          source: node.source,
          message: `'${label}' differs from '${first.label}': ${difference}`,
        });
      }
    }
  }
  if (first === undefined) return undefined;
  for (const { source, label } of absent) {
    warnings.push({
      kind: 'node missing',
      table: table.name,
      source,
      message: `'${label}' does not exist, '${first.label}' does`,
    });
  }
  return logicalTable(table.name, first.physical);
}

function findSingles(
  rules: RuleSet,
  schemas: ReadonlyMap<string, PhysicalSchema>,
  tables: Map<string, TableSchema>,
  warnings: SchemaWarning[],
): Map<string, string> {
  const singles = new Map<string, string>();
  for (const table of rules.tables.values()) {
    const source = table.nodes[0]?.source;
    if (table.kind === 'single' && source !== undefined && tables.has(table.name)) singles.set(table.name, source);
  }
  const found = new Map<string, { readonly sources: string[]; readonly physical: PhysicalTable }>();
  for (const source of rules.shardSources) {
    const schema = schemas.get(source);
    if (schema === undefined) continue;
    const nodes = physicalTablesOf(rules, source);
    const nodesLower = schema.caseSensitive ? undefined : new Set([...nodes.keys()].map((name) => name.toLowerCase()));
    for (const physical of schema.tables.values()) {
      const { name } = physical;
      if (nodes.has(name) || nodesLower?.has(name.toLowerCase()) || ownTables.has(name.toLowerCase())) continue;
      // A leftover table under a name that the rules give to a logical table stays hidden.
      if (rules.tables.has(name) || !singleTableAllowed(rules, source, name)) continue;
      const known = found.get(name);
      if (known === undefined) found.set(name, { sources: [source], physical });
      else known.sources.push(source);
    }
  }
  for (const [name, { sources, physical }] of found) {
    const source = sources[0];
    if (source === undefined) continue;
    if (sources.length > 1) {
      warnings.push({
        kind: 'ambiguous single table',
        table: name,
        source,
        message: `table '${name}' is on ${sources.join(', ')}: which one is meant is not known, so it is hidden; name one under !SINGLE, or declare it under !BROADCAST or !SHARDING`,
      });
      continue;
    }
    singles.set(name, source);
    tables.set(name, logicalTable(name, physical));
  }
  return singles;
}

function findPhysical(schema: PhysicalSchema, name: string): PhysicalTable | undefined {
  const exact = schema.tables.get(name);
  if (exact !== undefined || schema.caseSensitive) return exact;
  const lower = name.toLowerCase();
  for (const table of schema.tables.values()) if (table.name.toLowerCase() === lower) return table;
  return undefined;
}

function logicalTable(name: string, physical: PhysicalTable): TableSchema {
  return Object.freeze({
    name,
    view: physical.view,
    columns: Object.freeze([...physical.columns]),
    columnsByName: new Map(physical.columns.map((column) => [column.name.toLowerCase(), column])),
    primaryKey: physical.primaryKey,
    uniqueKeys: physical.uniqueKeys,
  });
}

/** The first difference that could change an answer (columns, order, types, collations, keys), or undefined. */
export function tableDifference(a: PhysicalTable, b: PhysicalTable): string | undefined {
  if (a.view !== b.view) return b.view ? 'it is a view' : 'it is not a view';
  for (const [index, column] of a.columns.entries()) {
    const other = b.columns[index];
    if (other === undefined) return `column '${column.name}' is missing`;
    if (other.name.toLowerCase() !== column.name.toLowerCase()) {
      const elsewhere = b.columns.some((candidate) => candidate.name.toLowerCase() === column.name.toLowerCase());
      return elsewhere
        ? `column ${index + 1} is '${other.name}', not '${column.name}'`
        : `column '${column.name}' is missing`;
    }
    const difference = columnDifference(column, other);
    if (difference !== undefined) return `column '${column.name}' ${difference}`;
  }
  const extra = b.columns[a.columns.length];
  if (extra !== undefined) return `column '${extra.name}' is additional`;
  if (keyText(a.primaryKey) !== keyText(b.primaryKey))
    return `primary key is (${b.primaryKey.join(', ')}), not (${a.primaryKey.join(', ')})`;
  const keys = (table: PhysicalTable): string => table.uniqueKeys.map(keyText).sort().join(' ');
  if (keys(a) !== keys(b)) return `unique keys are ${keys(b) || 'none'}, not ${keys(a) || 'none'}`;
  return undefined;
}

function columnDifference(a: Column, b: Column): string | undefined {
  if (a.columnType.toLowerCase() !== b.columnType.toLowerCase()) return `has type ${b.columnType}, not ${a.columnType}`;
  if (a.collation !== b.collation) return `has collation ${b.collation ?? 'none'}, not ${a.collation ?? 'none'}`;
  if (a.nullable !== b.nullable) return b.nullable ? 'is nullable' : 'is NOT NULL';
  if (a.autoIncrement !== b.autoIncrement) return b.autoIncrement ? 'is AUTO_INCREMENT' : 'is not AUTO_INCREMENT';
  if (a.generated !== b.generated) return b.generated ? 'is generated' : 'is not generated';
  if (a.hasDefault !== b.hasDefault) return b.hasDefault ? 'has a default' : 'has no default';
  if (a.invisible !== b.invisible) return b.invisible ? 'is invisible' : 'is visible';
  return undefined;
}

function keyText(columns: readonly string[]): string {
  return `(${columns.map((column) => column.toLowerCase()).join(', ')})`;
}
