/** Schema changes: one text per actual table, names and constraints made to fit each; what cannot be done on every node is refused. */
import { createHash } from 'node:crypto';
import { MeshError } from '../base/index.ts';
import { type LogicalTable, singleTable } from '../rules/index.ts';
import type { DdlStatement, Identifier, TableName } from '../sql/index.ts';
import type { NodePlace, ResolvedStatement } from './across/types.ts';
import type { Binding } from './compiled-plan.ts';
import { requireSingleSource } from './other-statements.ts';
import { Places } from './places.ts';
import { nameEdits, type PlanBuilder, textBytes } from './plan-builder.ts';
import { Resolver } from './resolve.ts';
import { type Edit, quoteName, render } from './rewrite.ts';
import { currentDatabase, systemSchema } from './table-lookup.ts';
import { compileTemporary, concernsTemporary } from './temporary-table.ts';
import type { NameMap, Route, ShardQuery } from './types.ts';

/** Plans DDL. Throws MeshError for what cannot be done. */
export function compileDdl(statement: DdlStatement, builder: PlanBuilder): Binding {
  if (concernsTemporary(statement, builder.environment)) return compileTemporary(statement, builder);
  switch (statement.object) {
    case 'TABLE':
      if (statement.verb === 'DROP') return dropTables(statement, builder);
      if (statement.verb === 'RENAME') return renameTables(statement, builder);
      if (statement.verb === 'CREATE') return createTable(statement, builder);
      return changeTable(statement, builder);
    case 'INDEX':
      return changeTable(statement, builder);
    case 'VIEW':
      return changeView(statement, builder);
    case 'DATABASE':
      throw new MeshError('SM_UNSUPPORTED', {
        what: `${statement.verb} DATABASE`,
        reason: 'logical databases are made by rules files, their schemas on the servers',
      });
    default:
      requireSingleSource(`${statement.verb} ${statement.object}`, builder);
      return everyPlace(
        statement,
        builder,
        [{ source: builder.environment.rules.defaultSource, table: '' }],
        () => [],
        'single source',
        new Map(),
      );
  }
}

interface Node {
  readonly source: string;
  readonly table: string;
}

/** What a table name stands for in DDL: also tables that do not exist yet. `known` false: neither in the rules nor on the sources. */
function tableOf(name: TableName, builder: PlanBuilder): { readonly logical: LogicalTable; readonly known: boolean } {
  const { environment } = builder;
  const database = name.schema?.name ?? currentDatabase(environment);
  if (systemSchema(database) !== undefined)
    throw new MeshError('SM_UNSUPPORTED', {
      what: `changing schema '${database}'`,
      reason: 'system schemas belong to the servers',
    });
  if (database !== environment.rules.databaseName) {
    if (environment.databases.has(database))
      throw new MeshError('SM_UNSUPPORTED', {
        what: `changing '${database}.${name.table.name}'`,
        reason: `use ${database} first`,
      });
    throw new MeshError('ER_BAD_DB_ERROR', { database });
  }
  const table = name.table.name;
  const ruled = environment.rules.tables.get(table);
  if (ruled !== undefined) return { logical: ruled, known: true };
  const source = environment.schema.singleTables.get(table);
  if (source === undefined) refusePhysicalName(table, builder);
  return { logical: singleTable(table, source ?? environment.rules.defaultSource), known: source !== undefined };
}

/** A part of a sharded table is no table of its own: DROP TABLE orders_1 must not reach it. */
function refusePhysicalName(table: string, builder: PlanBuilder): void {
  const lower = table.toLowerCase();
  for (const logical of builder.environment.rules.tables.values()) {
    if (logical.nodes.every((node) => node.table.toLowerCase() !== lower)) continue;
    throw new MeshError('SM_UNSUPPORTED', {
      what: `changing '${table}'`,
      reason: `it is a name of an actual table of '${logical.name}'; name that one`,
    });
  }
}

function nameEdit(name: TableName, physical: string): Edit {
  return { at: name.schema === undefined ? name.table : name, pieces: [{ kind: 'text', text: quoteName(physical) }] };
}

/** One text per node. */
function everyPlace(
  statement: DdlStatement,
  builder: PlanBuilder,
  nodes: readonly Node[],
  editsOf: (node: Node, index: number) => readonly Edit[],
  reason: Route['reason'],
  tables: ReadonlyMap<string, string>,
): Binding {
  const templates = nodes.map((node, index) => builder.text.whole(editsOf(node, index)));
  const names: NameMap = { database: builder.environment.rules.databaseName, tables };
  const route: Route = {
    target: nodes.length === 1 ? 'one' : 'all',
    role: 'primary',
    reason,
    detail: `${statement.verb} on every actual table`,
    nodes: nodes.map((node) => ({ source: node.source, tables: node.table === '' ? [] : [node.table] })),
    nodesTotal: nodes.length,
  };
  return {
    kind: 'ddl',
    bind(input) {
      const queries = nodes.map((node, index): ShardQuery => {
        const rendered = render(templates[index]!, input.tokens, input.fingerprint, []);
        return {
          source: node.source,
          text: rendered.text,
          parameters: rendered.parameters,
          nodeTables: node.table === '' ? [] : [node.table],
        };
      });
      return { kind: 'ddl', route, queries, names };
    },
    prepare(input) {
      const rendered = render(templates[0]!, input.tokens, input.fingerprint, []);
      const query = { source: nodes[0]!.source, text: rendered.text, parameters: rendered.parameters, nodeTables: [] };
      return { query, names };
    },
  };
}

function backNames(...tables: readonly LogicalTable[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const table of tables)
    for (const node of table.nodes) if (node.table !== table.name) names.set(node.table, table.name);
  return names;
}

function reasonOf(logical: LogicalTable): Route['reason'] {
  return logical.kind === 'broadcast' ? 'broadcast table' : logical.kind === 'single' ? 'single table' : 'all nodes';
}

/** Physical name of a table referred to from node `index` of another one; throws where it is not beside it. */
function besideNode(
  name: TableName,
  owner: LogicalTable,
  node: Node,
  index: number,
  builder: PlanBuilder,
  why: string,
): { readonly physical: string; readonly logical: LogicalTable } {
  const { logical } = tableOf(name, builder);
  if (logical.name === owner.name) return { physical: node.table, logical };
  const alike =
    logical.kind === 'sharded' &&
    owner.kind === 'sharded' &&
    logical.bindingGroup !== undefined &&
    logical.bindingGroup === owner.bindingGroup;
  if (alike) return { physical: logical.nodes[index]!.table, logical };
  const here = logical.nodes.filter((candidate) => candidate.source === node.source);
  if (logical.kind !== 'sharded' && here.length === 1) return { physical: here[0]!.table, logical };
  if (logical.kind === 'sharded' && logical.nodes.length === 1 && here.length === 1)
    return { physical: here[0]!.table, logical };
  // CREATE TABLE ... LIKE copies the columns only: any node beside it will do.
  if (why === 'LIKE' && here[0] !== undefined) return { physical: here[0].table, logical };
  throw new MeshError('SM_UNSUPPORTED', {
    what: `${why} '${name.table.name}' from '${owner.name}'`,
    reason: 'its rows are not on the same node; only binding, broadcast and same-source tables are',
  });
}

function constraintName(name: Identifier, physical: string): string {
  const long = `${name.name}_${physical}`;
  if (long.length <= 64) return long;
  return `${long.slice(0, 55)}_${createHash('sha256').update(long).digest('hex').slice(0, 8)}`;
}

/** CREATE TABLE: also LIKE and SELECT. */
function createTable(statement: DdlStatement, builder: PlanBuilder): Binding {
  const target = statement.targets[0];
  if (target === undefined)
    throw new MeshError('SM_UNSUPPORTED', { what: 'this CREATE TABLE', reason: 'it names no table' });
  const { logical } = tableOf(target, builder);
  if (statement.query !== undefined) return createFromQuery(statement, target, logical, builder);
  return onNodes(statement, target, logical, builder);
}

/** ALTER TABLE, TRUNCATE, CREATE INDEX, DROP INDEX. */
function changeTable(statement: DdlStatement, builder: PlanBuilder): Binding {
  const target = statement.targets[0];
  if (target === undefined)
    throw new MeshError('SM_UNSUPPORTED', { what: `this ${statement.verb}`, reason: 'it names no table' });
  const { logical, known } = tableOf(target, builder);
  if (!known && builder.environment.schema.missing.size > 0) throw unknownState(target, builder);
  if (statement.renames.length > 0) {
    if (logical.kind !== 'single')
      throw new MeshError('SM_UNSUPPORTED', {
        what: `renaming '${logical.name}'`,
        reason: 'the rules name its actual tables; change the rules instead',
      });
    checkNewNames(statement, builder);
  }
  return onNodes(statement, target, logical, builder);
}

function unknownState(target: TableName, builder: PlanBuilder): MeshError {
  const [source, reason] = [...builder.environment.schema.missing][0]!;
  return new MeshError('SM_UNKNOWN_SCHEMA_STATE', { table: target.table.name, reason: `source ${source}: ${reason}` });
}

function onNodes(statement: DdlStatement, target: TableName, logical: LogicalTable, builder: PlanBuilder): Binding {
  const back = backNames(logical);
  const references = [
    ...statement.references,
    ...statement.columns.flatMap((column) => (column.references === undefined ? [] : [column.references])),
  ];
  const isLike =
    statement.verb === 'CREATE' &&
    statement.object === 'TABLE' &&
    statement.columns.length === 0 &&
    statement.references.length === 1 &&
    statement.constraintNames.length === 0;
  const seen = new Set<number>();
  const once = references.filter((name) => !seen.has(name.start) && seen.add(name.start));
  const editsOf = (node: Node, index: number): Edit[] => {
    const edits: Edit[] = [];
    if (node.table !== target.table.name || target.schema !== undefined) edits.push(nameEdit(target, node.table));
    for (const name of once) {
      const beside = besideNode(name, logical, node, index, builder, isLike ? 'LIKE' : 'a reference to');
      if (beside.physical !== name.table.name || name.schema !== undefined) edits.push(nameEdit(name, beside.physical));
      for (const [physical, own] of backNames(beside.logical)) back.set(physical, own);
    }
    if (node.table !== logical.name) {
      for (const constraint of statement.constraintNames) {
        edits.push({
          at: constraint,
          pieces: [{ kind: 'text', text: quoteName(constraintName(constraint, node.table)) }],
        });
      }
    }
    for (const rename of statement.renames)
      if (rename.to.schema !== undefined) edits.push(nameEdit(rename.to, rename.to.table.name));
    return edits;
  };
  return everyPlace(statement, builder, logical.nodes, editsOf, reasonOf(logical), back);
}

function createFromQuery(
  statement: DdlStatement,
  target: TableName,
  logical: LogicalTable,
  builder: PlanBuilder,
): Binding {
  if (logical.kind !== 'single')
    throw new MeshError('SM_UNSUPPORTED', {
      what: `CREATE TABLE '${logical.name}' ... SELECT`,
      reason: 'create the table first, then INSERT ... SELECT',
    });
  const { resolved, place } = queryPlace(statement, builder, 'CREATE TABLE ... SELECT');
  const node = { source: logical.nodes[0]!.source, table: logical.name };
  if (
    resolved.uses.length > 0 &&
    place.source !== node.source &&
    resolved.uses.some((use) => use.meaning.kind !== 'broadcast')
  ) {
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'CREATE TABLE ... SELECT',
      reason: `new tables are made on ${node.source}, the rows are on ${place.source}; create the table first, then INSERT ... SELECT`,
    });
  }
  const edits = queryEdits(statement, resolved, place, builder);
  if (target.schema !== undefined) edits.push(nameEdit(target, target.table.name));
  return everyPlace(statement, builder, [node], () => edits, 'single table', new Map());
}

function queryPlace(
  statement: DdlStatement,
  builder: PlanBuilder,
  what: string,
): { resolved: ResolvedStatement; place: NodePlace } {
  const resolved = new Resolver(builder.environment).query(statement.query!);
  const places = new Places(resolved, builder);
  const sharded = resolved.uses.some((use) => use.meaning.kind === 'sharded' && use.meaning.logical.nodes.length > 1);
  const place = sharded
    ? undefined
    : places.single(resolved.uses.map((use) => (use.meaning.kind === 'sharded' ? [0] : undefined)));
  if (place === undefined)
    throw new MeshError('SM_UNSUPPORTED', { what: `${what} over several nodes`, reason: 'no server has all its rows' });
  return { resolved, place };
}

function queryEdits(
  statement: DdlStatement,
  resolved: ResolvedStatement,
  place: NodePlace,
  builder: PlanBuilder,
): Edit[] {
  return nameEdits(statement.query, resolved, builder)
    .filter((edit) => !edit.pieces.some((piece) => piece.kind === 'fact' || piece.kind === 'heading'))
    .flatMap((edit): Edit[] => {
      const piece = edit.pieces[0];
      if (piece?.kind !== 'table') return [edit];
      const physical = place.tables[piece.table]!;
      if (physical === piece.logical && piece.from !== undefined) return [];
      return [
        {
          at: edit.at,
          pieces: [{ kind: 'text', text: quoteName(physical) + (physical === piece.logical ? '' : piece.suffix) }],
        },
      ];
    });
}

function changeView(statement: DdlStatement, builder: PlanBuilder): Binding {
  if (statement.verb === 'DROP') return dropTables(statement, builder);
  const name = statement.name ?? statement.targets[0];
  if (name === undefined || statement.query === undefined)
    throw new MeshError('SM_UNSUPPORTED', { what: `this ${statement.verb} VIEW`, reason: 'it is not understood' });
  const { logical } = tableOf(name, builder);
  if (logical.kind !== 'single')
    throw new MeshError('SM_UNSUPPORTED', {
      what: `a view '${logical.name}'`,
      reason: 'the rules have a table of this name',
    });
  const { resolved, place } = queryPlace(statement, builder, `${statement.verb} VIEW`);
  const edits = queryEdits(statement, resolved, place, builder);
  if (name.schema !== undefined) edits.push(nameEdit(name, name.table.name));
  return everyPlace(
    statement,
    builder,
    [{ source: place.source, table: logical.name }],
    () => edits,
    'single table',
    new Map(),
  );
}

function dropTables(statement: DdlStatement, builder: PlanBuilder): Binding {
  const names = statement.targets.length > 0 ? statement.targets : statement.name === undefined ? [] : [statement.name];
  const found = names.map((name) => tableOf(name, builder));
  const nodes: { source: string; table: string; sql: string }[] = [];
  const back = backNames(...found.map((table) => table.logical));
  const missing = found.findIndex((table) => !table.known);
  if (missing >= 0 && builder.environment.schema.missing.size > 0) throw unknownState(names[missing]!, builder);
  for (const { logical } of found) {
    for (const node of logical.nodes) {
      nodes.push({
        ...node,
        sql: `DROP ${statement.object} ${statement.ifExists ? 'IF EXISTS ' : ''}${quoteName(node.table)}`,
      });
    }
  }
  const route: Route = {
    target: nodes.length === 1 ? 'one' : 'all',
    role: 'primary',
    reason: found[0] === undefined ? 'no table' : reasonOf(found[0].logical),
    detail: 'DROP on every actual table',
    nodes: nodes.map((node) => ({ source: node.source, tables: [node.table] })),
    nodesTotal: nodes.length,
  };
  const queries = nodes.map(
    (node): ShardQuery => ({
      source: node.source,
      text: textBytes(node.sql),
      parameters: undefined,
      nodeTables: [node.table],
    }),
  );
  return {
    kind: 'ddl',
    bind: () => ({
      kind: 'ddl',
      route,
      queries,
      names: { database: builder.environment.rules.databaseName, tables: back },
    }),
  };
}

function checkNewNames(statement: DdlStatement, builder: PlanBuilder): void {
  for (const rename of statement.renames) {
    const to = tableOf(rename.to, builder);
    if (to.logical.kind !== 'single' || builder.environment.rules.tables.has(rename.to.table.name)) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: `renaming to '${rename.to.table.name}'`,
        reason: 'the rules have a table of this name',
      });
    }
  }
}

function renameTables(statement: DdlStatement, builder: PlanBuilder): Binding {
  checkNewNames(statement, builder);
  const made = new Map<string, string>();
  const sources = new Set<string>();
  for (const rename of statement.renames) {
    const { logical } = tableOf(rename.from, builder);
    if (logical.kind !== 'single')
      throw new MeshError('SM_UNSUPPORTED', {
        what: `renaming '${logical.name}'`,
        reason: 'the rules name its actual tables; change the rules instead',
      });
    const source = made.get(rename.from.table.name) ?? logical.nodes[0]!.source;
    made.set(rename.to.table.name, source);
    sources.add(source);
  }
  if (sources.size !== 1)
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'RENAME TABLE over several sources',
      reason: 'it would not be one step; rename one table at a time',
    });
  const edits: Edit[] = [];
  for (const rename of statement.renames) {
    for (const name of [rename.from, rename.to])
      if (name.schema !== undefined) edits.push(nameEdit(name, name.table.name));
  }
  return everyPlace(
    statement,
    builder,
    [{ source: [...sources][0]!, table: statement.renames[0]!.from.table.name }],
    () => edits,
    'single table',
    new Map(),
  );
}
