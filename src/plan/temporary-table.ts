/** DDL of temporary tables: they live on one source, on the session's own connection there. */
import { MeshError } from '../base/index.ts';
import { physicalTablesOf } from '../rules/index.ts';
import type { DdlStatement, TableName } from '../sql/index.ts';
import type { Binding } from './compiled-plan.ts';
import { Places } from './places.ts';
import { nameEdits, type PlanBuilder } from './plan-builder.ts';
import { Resolver } from './resolve.ts';
import { type Edit, quoteName } from './rewrite.ts';
import { shardQuery } from './shard-query.ts';
import { currentDatabase, findTable, lookUpTable, physicalName } from './table-lookup.ts';
import type { PlanEnvironment, Route } from './types.ts';

/** Whether a schema change is one of the session's temporary tables. */
export function concernsTemporary(statement: DdlStatement, environment: PlanEnvironment): boolean {
  if (statement.temporary) return true;
  if (environment.temporary === undefined || (statement.object !== 'TABLE' && statement.object !== 'INDEX'))
    return false;
  if (statement.verb === 'CREATE' && statement.object === 'TABLE') return false;
  return statement.targets.some((name) => isTemporary(name, environment));
}

export function isTemporary(name: TableName, environment: PlanEnvironment): boolean {
  const { temporary, rules } = environment;
  if (temporary === undefined || !temporary.tables.has(name.table.name)) return false;
  return (name.schema?.name ?? environment.database) === rules.databaseName;
}

/** Throws MeshError for what cannot be done. */
export function compileTemporary(statement: DdlStatement, builder: PlanBuilder): Binding {
  const { environment } = builder;
  for (const name of statement.targets) if (!statement.temporary) requireAll(name, statement, environment);
  if (statement.renames.length > 0)
    throw new MeshError('SM_UNSUPPORTED', { what: 'RENAME of a temporary table', reason: 'make a new one' });
  const { edits, source } =
    statement.verb === 'CREATE' && statement.object === 'TABLE'
      ? creation(statement, builder)
      : ofTargets(statement, environment);
  const template = builder.text.whole(edits);
  const names = { database: environment.rules.databaseName, tables: new Map<string, string>() };
  const place = { source, tables: [] };
  const route: Route = {
    target: 'one',
    role: 'primary',
    reason: 'pinned',
    detail: 'temporary table',
    nodes: [place],
    nodesTotal: 1,
  };
  return {
    kind: 'pinned',
    bind: (input) => ({
      kind: 'pinned',
      pin: 'temporary table',
      ends: false,
      names,
      route,
      query: shardQuery(template, input, place),
    }),
  };
}

/** Temporary and other tables in one statement: the others may lie elsewhere. */
function requireAll(name: TableName, statement: DdlStatement, environment: PlanEnvironment): void {
  if (isTemporary(name, environment)) return;
  throw new MeshError('SM_UNSUPPORTED', {
    what: `${statement.verb} of temporary and other tables at once`,
    reason: `'${name.table.name}' is none; name it in a statement of its own`,
  });
}

function ofTargets(statement: DdlStatement, environment: PlanEnvironment): { edits: Edit[]; source: string } {
  for (const name of statement.references) throw referring(name);
  return {
    edits: statement.targets.map((name) => plainName(name, environment)),
    source: environment.temporary?.source ?? environment.rules.defaultSource,
  };
}

function creation(statement: DdlStatement, builder: PlanBuilder): { edits: Edit[]; source: string } {
  const { environment } = builder;
  const [target] = statement.targets;
  if (target === undefined) throw new MeshError('SM_INTERNAL', { message: 'CREATE TABLE without a name' });
  requireFree(target, environment);
  const edits = [plainName(target, environment)];
  let source = environment.temporary?.source;
  const at = (wanted: string, what: string): void => {
    source ??= wanted;
    if (source !== wanted)
      throw new MeshError('SM_PIN_ELSEWHERE', {
        pinned: source,
        reason: 'temporary table',
        wanted: `${wanted} (${what})`,
      });
  };
  for (const name of statement.references) {
    const { meaning } = lookUpTable(name, environment);
    // Any node tells what a table is like.
    if (meaning.kind === 'system') throw referring(name);
    const node =
      meaning.logical.nodes.find((candidate) => candidate.source === (source ?? environment.rules.defaultSource)) ??
      meaning.logical.nodes[0]!;
    at(node.source, name.table.name);
    const physical = meaning.kind === 'sharded' ? node.table : physicalName(meaning, 0, node.source);
    edits.push({
      at: name.schema === undefined ? name.table : name,
      pieces: [{ kind: 'text', text: quoteName(physical) }],
    });
  }
  if (statement.query !== undefined) {
    const resolved = new Resolver(environment).query(statement.query);
    const sharded = resolved.uses.some((use) => use.meaning.kind === 'sharded');
    const place =
      resolved.uses.length === 0
        ? { source: source ?? environment.rules.defaultSource, tables: [] }
        : sharded
          ? undefined
          : new Places(resolved, builder).single([]);
    if (place === undefined)
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'CREATE TEMPORARY TABLE ... SELECT of rows of several nodes',
        reason: 'create it with its columns, then fill it by INSERT ... SELECT',
      });
    at(place.source, 'the query');
    edits.push(...nameEdits(statement.query, resolved, builder).map((edit) => fixed(edit, place.tables)));
  }
  return { edits, source: source ?? environment.rules.defaultSource };
}

/** Names of one place are known while planning. */
function fixed(edit: Edit, tables: readonly string[]): Edit {
  return {
    at: edit.at,
    pieces: edit.pieces.map((piece) => {
      if (piece.kind === 'table')
        return {
          kind: 'text',
          text: quoteName(tables[piece.table]!) + (tables[piece.table] === piece.logical ? '' : piece.suffix),
        };
      if (piece.kind === 'alias')
        return { kind: 'text', text: tables[piece.table] === piece.logical ? '' : piece.text };
      return piece;
    }),
  };
}

/** A temporary table hides what has its name on the server: actual tables of others among them. */
function requireFree(name: TableName, environment: PlanEnvironment): void {
  const { rules, temporary } = environment;
  const table = name.table.name;
  if (isTemporary(name, environment)) return;
  const found = findTable(name, environment) !== undefined || rules.tables.has(table);
  const lower = table.toLowerCase();
  const actual = rules.shardSources.some((source) =>
    [...physicalTablesOf(rules, source).keys()].some((physical) => physical.toLowerCase() === lower),
  );
  if (!found && !actual && !lower.startsWith('shardmesh') && !lower.startsWith('_shardmesh')) return;
  throw new MeshError('SM_UNSUPPORTED', {
    what: `a temporary table named '${table}'`,
    reason: `it would hide a table${temporary === undefined ? '' : ' of the database'}; take another name`,
  });
}

function referring(name: TableName): MeshError {
  return new MeshError('SM_UNSUPPORTED', {
    what: `a temporary table that refers to '${name.table.name}'`,
    reason: 'only LIKE and SELECT may name other tables',
  });
}

/** The lease stands in the source's schema. */
function plainName(name: TableName, environment: PlanEnvironment): Edit {
  const database = name.schema?.name ?? currentDatabase(environment);
  if (database !== environment.rules.databaseName) throw new MeshError('ER_BAD_DB_ERROR', { database });
  return {
    at: name.schema === undefined ? name.table : name,
    pieces: [{ kind: 'text', text: quoteName(name.table.name) }],
  };
}
