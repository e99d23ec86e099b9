/** From what a statement demands of a table's sharding columns to the nodes that it must reach. */
import { type BoundStrategy, type BoundTable, bindTable } from './bound-table.ts';
import { lookupKey } from './lookup.ts';
import type {
  Hints,
  KeyCondition,
  KeyConditions,
  KeyValue,
  LogicalTable,
  LookupAnswers,
  LookupRequest,
  LookupTable,
  NodeRoute,
  Placement,
  RoutedBy,
  TargetSet,
} from './types.ts';

/** Above this many combinations of values a complex strategy answers all targets. */
const COMBINATIONS_MAX = 4096;

const noAnswers: LookupAnswers = new Map();

/**
 * The nodes of `table` that may hold rows which satisfy `conditions`: always a superset of the nodes that do.
 * Values that an algorithm cannot place (NULL, not a number, outside the targets) reach every node of that level.
 * A condition on a column that is no sharding column is ignored. Never throws.
 *
 * `answers` hold what LOOKUP tables said; when one is missing the result is `needsKeys` (see `resolveLookups`).
 */
export function routeNodes(
  table: LogicalTable,
  conditions: KeyConditions,
  hints: Hints,
  answers: LookupAnswers = noAnswers,
): NodeRoute {
  const bound = bindTable(table);
  if (table.kind !== 'sharded') return { kind: 'nodes', nodes: bound.allNodes, by: 'all' };
  const requests: LookupRequest[] = [];
  const shared = sharedColumn(bound);
  const condition = shared === undefined ? undefined : conditions.get(shared);
  if (condition?.kind === 'values') {
    const only = condition.values.length === 1 ? nodeOfValue(bound, condition.values[0]!) : undefined;
    if (only !== undefined) return { kind: 'nodes', nodes: [only], by: 'key' };
    // Both levels read the same column: each value decides source and table together.
    const nodes = new Set<number>();
    for (const value of condition.values) {
      const one: KeyCondition = { kind: 'values', values: [value] };
      const single: KeyConditions = new Map([[shared!, one]]);
      const sources = targetsOf(bound.database, 'database', table, single, hints, answers, requests);
      const tables = targetsOf(bound.table, 'table', table, single, hints, answers, requests);
      collectNodes(bound, sources, tables, nodes);
    }
    if (requests.length > 0) return { kind: 'needsKeys', requests };
    return {
      kind: 'nodes',
      nodes: sorted(nodes),
      by: nodes.size === bound.allNodes.length && nodes.size > 1 ? 'all' : 'key',
    };
  }
  const sources = targetsOf(bound.database, 'database', table, conditions, hints, answers, requests);
  const tables = targetsOf(bound.table, 'table', table, conditions, hints, answers, requests);
  if (requests.length > 0) return { kind: 'needsKeys', requests };
  if (sources === 'all' && tables === 'all') return { kind: 'nodes', nodes: bound.allNodes, by: 'all' };
  const byHint =
    (sources !== 'all' && bound.database.kind === 'hint') || (tables !== 'all' && bound.table.kind === 'hint');
  const by: RoutedBy = byHint ? 'hint' : 'key';
  if (sources.length === 1 && tables.length === 1 && sources !== 'all' && tables !== 'all') {
    const node = bound.nodeOf[sources[0]! * bound.tables.length + tables[0]!]!;
    return { kind: 'nodes', nodes: node >= 0 ? [node] : [], by };
  }
  const nodes = new Set<number>();
  collectNodes(bound, sources, tables, nodes);
  return { kind: 'nodes', nodes: sorted(nodes), by };
}

/** Where both levels put a value of the one column that they read, if that is certain: the usual case, without sets. */
function nodeOfValue({ database, table, nodeOf, tables }: BoundTable, value: KeyValue): number | undefined {
  if (database.kind !== 'standard' || table.kind !== 'standard') return undefined;
  const source = database.bound.placeValue(value);
  const target = table.bound.placeValue(value);
  if (typeof source !== 'number' || typeof target !== 'number') return undefined;
  const node = nodeOf[source * tables.length + target]!;
  return node >= 0 ? node : undefined;
}

/** Hint values of one level for a table: those that name it, else the one for every table. */
export function hintValues(level: 'database' | 'table', table: LogicalTable, hints: Hints): readonly string[] {
  const named = (level === 'database' ? hints.databaseValues : hints.tableValues).get(table.name.toLowerCase());
  if (named !== undefined) return named;
  const general = level === 'database' ? hints.databaseValue : hints.tableValue;
  return general === undefined ? [] : [general];
}

/** What a lookup says of one value, or undefined if it has not been asked; the missing value is added to `requests`. */
export function lookupPlacement(
  strategy: Extract<BoundStrategy, { kind: 'lookup' }>,
  value: KeyValue,
  answers: LookupAnswers,
  requests: LookupRequest[],
): Placement | undefined {
  if (value.kind === 'null') return 'unknown';
  const key = lookupKey(strategy.lookup, value);
  if (!answers.has(key)) {
    addRequest(strategy.lookup, value, requests);
    return undefined;
  }
  const target = answers.get(key);
  if (target === undefined) return 'nowhere';
  return strategy.targets.get(target) ?? 'unknown';
}

function addRequest(lookup: LookupTable, value: KeyValue, requests: LookupRequest[]): void {
  const index = requests.findIndex((request) => request.lookup === lookup);
  const known = requests[index];
  if (known === undefined) requests.push({ lookup, values: [value] });
  else requests[index] = { lookup, values: [...known.values, value] };
}

/** The one column that both levels read, if so. */
function sharedColumn(bound: BoundTable): string | undefined {
  const database = bound.database;
  const table = bound.table;
  if (database.kind !== 'standard' && database.kind !== 'lookup') return undefined;
  if (table.kind !== 'standard' && table.kind !== 'lookup') return undefined;
  return database.columnKey === table.columnKey ? database.columnKey : undefined;
}

function targetsOf(
  strategy: BoundStrategy,
  level: 'database' | 'table',
  table: LogicalTable,
  conditions: KeyConditions,
  hints: Hints,
  answers: LookupAnswers,
  requests: LookupRequest[],
): TargetSet {
  switch (strategy.kind) {
    case 'none':
      return 'all';
    case 'hint': {
      const values = hintValues(level, table, hints);
      return values.length === 0 ? 'all' : unite(values.map((value) => strategy.bound.placeHint(value)));
    }
    case 'standard': {
      const condition = conditions.get(strategy.columnKey);
      if (condition === undefined) return 'all';
      if (condition.kind === 'range') return strategy.bound.placeRange(condition);
      if (condition.values.length === 1) {
        const placement = strategy.bound.placeValue(condition.values[0]!);
        if (typeof placement === 'number') return [placement];
      }
      return unite(condition.values.map((value) => strategy.bound.placeValue(value)));
    }
    case 'lookup': {
      const condition = conditions.get(strategy.columnKey);
      if (condition === undefined || condition.kind === 'range') return 'all';
      const placements = condition.values.map((value) => lookupPlacement(strategy, value, answers, requests));
      return unite(placements.map((placement) => placement ?? 'unknown'));
    }
    case 'complex': {
      const lists: (readonly KeyValue[])[] = [];
      let combinations = 1;
      for (const columnKey of strategy.columnKeys) {
        const condition = conditions.get(columnKey);
        if (condition?.kind !== 'values') return 'all';
        lists.push(condition.values);
        combinations *= condition.values.length;
      }
      if (combinations > COMBINATIONS_MAX) return 'all';
      return unite(products(lists).map((values) => strategy.bound.placeRow(values)));
    }
  }
}

function unite(placements: readonly Placement[]): TargetSet {
  const targets = new Set<number>();
  for (const placement of placements) {
    if (placement === 'unknown') return 'all';
    if (placement !== 'nowhere') targets.add(placement);
  }
  return sorted(targets);
}

function collectNodes(bound: BoundTable, sources: TargetSet, tables: TargetSet, into: Set<number>): void {
  const width = bound.tables.length;
  const sourceCount = sources === 'all' ? bound.sources.length : sources.length;
  const tableCount = tables === 'all' ? width : tables.length;
  for (let s = 0; s < sourceCount; s++) {
    const source = sources === 'all' ? s : sources[s]!;
    for (let t = 0; t < tableCount; t++) {
      const node = bound.nodeOf[source * width + (tables === 'all' ? t : tables[t]!)]!;
      if (node >= 0) into.add(node);
    }
  }
}

function products(lists: readonly (readonly KeyValue[])[]): KeyValue[][] {
  return lists.reduce<KeyValue[][]>((rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])), [[]]);
}

function sorted(numbers: ReadonlySet<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}
