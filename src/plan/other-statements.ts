/** Statements that are no queries: transactions, SET, USE, KILL, CALL, DO, table maintenance, administration. */
import { MeshError } from '../base/index.ts';
import type { OtherStatement, Statement, TableName } from '../sql/index.ts';
import type { NodePlace, TableUse } from './across/types.ts';
import type { Binding } from './compiled-plan.ts';
import { forwardAsIs } from './hinted.ts';
import { nameMap, type PlanBuilder } from './plan-builder.ts';
import { shardQuery } from './shard-query.ts';
import { isQuery, someNode } from './syntax-walk.ts';
import { lookUpTable, physicalName } from './table-lookup.ts';
import type { Action, PinKind, SessionEffects } from './types.ts';
import { readValue, valueSource } from './value-source.ts';

const fixed = (kind: string, action: Action): Binding => ({ kind, bind: () => action });

export function compileOther(statement: Statement, builder: PlanBuilder, effects: SessionEffects): Binding {
  switch (statement.kind) {
    case 'transaction':
      return fixed('control', { kind: 'control', statement });
    case 'set':
      if (statement.forStatement !== undefined)
        throw new MeshError('SM_UNSUPPORTED', {
          what: 'SET STATEMENT ... FOR',
          reason: 'set the variable for the session instead',
        });
      return fixed('set', { kind: 'set', items: statement.items });
    case 'diagnostics':
      return fixed('session', { kind: 'session' });
    case 'use':
      return fixed('use', { kind: 'use', database: statement.schema.name });
    case 'reload':
      return fixed('reload', { kind: 'reload' });
    case 'resolve':
      return fixed('resolve', { kind: 'resolve' });
    case 'empty':
      return { kind: 'reply', bind: ({ tokens }) => ({ kind: 'reply', affected: answeredNothing(tokens.text) }) };
    case 'kill': {
      const source = valueSource(statement.id, builder.text);
      if (source === undefined)
        throw new MeshError('SM_UNSUPPORTED', { what: 'KILL with an expression', reason: 'give the id as a number' });
      const { target } = statement;
      return {
        kind: 'kill',
        bind(input) {
          const id = readValue(source, input, builder.charset);
          if (id.kind !== 'integer') throw new MeshError('ER_NO_SUCH_THREAD', { id: '0' });
          return { kind: 'kill', target, id: id.value };
        },
      };
    }
    case 'do':
      if (someNode(statement.expressions, (node) => isQuery((node as { query?: unknown }).query))) {
        throw new MeshError('SM_UNSUPPORTED', { what: 'DO with a subquery', reason: 'use SELECT' });
      }
      return forwardAsIs(builder.environment.rules.defaultSource, 'read', builder, effects, {
        reason: 'no table',
        detail: 'the default data source answers',
      });
    case 'call':
      requireSingleSource('CALL', builder);
      return forwardAsIs(builder.environment.rules.defaultSource, 'write', builder, effects, {
        reason: 'single source',
        detail: 'the database has one source',
      });
    case 'other':
      return compileListed(statement, builder, effects);
    default:
      throw new MeshError('SM_UNSUPPORTED', { what: statement.kind, reason: 'it is not planned by this version' });
  }
}

/** A text of comments only is answered, an empty one is an error; they have one shape. */
function answeredNothing(text: Uint8Array): bigint {
  if (!/\S/.test(Buffer.from(text).toString('latin1').replaceAll(';', ''))) throw new MeshError('ER_EMPTY_QUERY');
  return 0n;
}

/** Whether the database is one plain server: exactly one source and no sharded, broadcast or replicated table. */
export function isSingleSource(builder: PlanBuilder): boolean {
  const { rules } = builder.environment;
  if (rules.shardSources.length !== 1 || rules.groups.size > 0) return false;
  for (const table of rules.tables.values()) if (table.kind !== 'single') return false;
  return true;
}

/** Throws unless one server is all there is: otherwise a statement would only reach a part. */
export function requireSingleSource(what: string, builder: PlanBuilder): void {
  if (!isSingleSource(builder))
    throw new MeshError('SM_UNSUPPORTED', {
      what,
      reason: 'the database has several sources or sharded tables; run it on the servers themselves',
    });
}

function compileListed(statement: OtherStatement, builder: PlanBuilder, effects: SessionEffects): Binding {
  const source = builder.environment.rules.defaultSource;
  switch (statement.verb) {
    case 'ANALYZE':
    case 'CHECK':
    case 'OPTIMIZE':
    case 'REPAIR':
      return maintenance(statement, builder);
    case 'LOCK TABLES':
      return pinnedTables(statement, 'lock tables', builder);
    case 'HANDLER':
      return statement.handler === 'open'
        ? pinnedTables(statement, 'handler', builder)
        : onPin('handler', false, builder);
    case 'UNLOCK TABLES':
      return onPin('lock tables', true, builder);
    case 'PREPARE':
    case 'EXECUTE':
    case 'DEALLOCATE':
      return fixed('session', { kind: 'session' });
    case 'HELP':
    case 'SIGNAL':
      return forwardAsIs(source, 'read', builder, effects, {
        reason: 'no table',
        detail: 'the default data source answers',
      });
    default:
      requireSingleSource(statement.verb, builder);
      return forwardAsIs(source, 'write', builder, effects, {
        reason: 'single source',
        detail: 'the database has one source',
      });
  }
}

function usesOf(names: readonly TableName[], builder: PlanBuilder): TableUse[] {
  return names.map((name, index) => {
    const found = lookUpTable(name, builder.environment);
    return { index, name, alias: name.table.name, factor: undefined, meaning: found.meaning, schema: found.schema };
  });
}

function tableEdits(uses: readonly TableUse[], builder: PlanBuilder, suffix: (use: TableUse) => string) {
  return uses
    .filter((use) => use.meaning.kind !== 'system')
    .map((use) => {
      const logical = use.name.table.name;
      const piece =
        use.name.schema === undefined
          ? builder.text.tablePiece(use.index, logical, suffix(use), use.name.table)
          : ({ kind: 'table', table: use.index, logical, suffix: suffix(use) } as const);
      return { at: use.name.schema === undefined ? use.name.table : use.name, pieces: [piece] };
    });
}

/** ANALYZE TABLE and the like: each node's answer, one after another. */
function maintenance(statement: OtherStatement, builder: PlanBuilder): Binding {
  const uses = usesOf(statement.tables, builder);
  const template = builder.text.whole(tableEdits(uses, builder, () => ''));
  const names = nameMap(uses, builder.environment);
  const places = commonPlaces(uses, statement.verb);
  return {
    kind: 'maintenance',
    bind(input) {
      const queries = places.map((place) => shardQuery(template, input, place));
      return { kind: 'inspect', show: undefined, query: queries[0], more: queries.slice(1), names };
    },
  };
}

/** Places of all nodes; several tables must be alike. */
function commonPlaces(uses: readonly TableUse[], what: string): NodePlace[] {
  const first = uses[0];
  if (first === undefined || first.meaning.kind === 'system')
    throw new MeshError('SM_UNSUPPORTED', { what, reason: 'it names no table of this database' });
  if (
    uses.length > 1 &&
    uses.some(
      (use) =>
        use.meaning.kind !== 'single' || first.meaning.kind !== 'single' || use.meaning.source !== first.meaning.source,
    )
  ) {
    throw new MeshError('SM_UNSUPPORTED', { what: `${what} of several tables`, reason: 'name one table at a time' });
  }
  return first.meaning.logical.nodes.map((node, index) => ({
    source: node.source,
    tables: uses.map((use) => physicalName(use.meaning, index, node.source)),
  }));
}

/** LOCK TABLES and HANDLER: tables of one source only. */
function pinnedTables(statement: OtherStatement, pin: PinKind, builder: PlanBuilder): Binding {
  const uses = usesOf(statement.tables, builder);
  if (uses.some((use) => use.meaning.kind === 'sharded' && use.meaning.logical.nodes.length > 1)) {
    throw new MeshError('SM_UNSUPPORTED', {
      what: `${statement.verb} of a sharded table`,
      reason: 'its nodes can not be locked as one; use transactions',
    });
  }
  if (uses.some((use) => use.meaning.kind === 'broadcast'))
    throw new MeshError('SM_UNSUPPORTED', {
      what: `${statement.verb} of a broadcast table`,
      reason: 'it lives on every source',
    });
  const sources = new Set(
    uses.flatMap((use) => (use.meaning.kind === 'system' ? [] : [use.meaning.logical.nodes[0]!.source])),
  );
  if (sources.size > 1)
    throw new MeshError('SM_UNSUPPORTED', { what: statement.verb, reason: 'the tables live on several sources' });
  const place: NodePlace = {
    source: [...sources][0] ?? builder.environment.rules.defaultSource,
    tables: uses.map((use) => physicalName(use.meaning, 0, '')),
  };
  const template = builder.text.whole(tableEdits(uses, builder, () => ''));
  const names = nameMap(uses, builder.environment);
  return {
    kind: 'pinned',
    bind: (input) => ({
      kind: 'pinned',
      pin,
      ends: false,
      names,
      query: shardQuery(template, input, place),
      route: { target: 'one', role: 'primary', reason: 'pinned', detail: pin, nodes: [place], nodesTotal: 1 },
    }),
  };
}

/** A statement about what is pinned already: wherever that is (see run-action), else the default source says that there is nothing. */
function onPin(pin: PinKind, ends: boolean, builder: PlanBuilder): Binding {
  const source = builder.environment.rules.defaultSource;
  const template = builder.text.whole([]);
  const names = nameMap([], builder.environment);
  return {
    kind: 'pinned',
    bind: (input) => ({
      kind: 'pinned',
      pin,
      ends,
      names,
      query: shardQuery(template, input, { source, tables: [] }),
      route: {
        target: 'one',
        role: 'primary',
        reason: 'pinned',
        detail: pin,
        nodes: [{ source, tables: [] }],
        nodesTotal: 1,
      },
    }),
  };
}
