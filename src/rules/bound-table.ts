/** A logical table with its algorithms bound to the distinct sources and table names of its nodes; made once per table. */
import type {
  BoundAlgorithm,
  BoundComplexAlgorithm,
  BoundHintAlgorithm,
  LogicalTable,
  LookupTable,
  ShardingStrategy,
} from './types.ts';

export type BoundStrategy =
  | { readonly kind: 'none' }
  | { readonly kind: 'standard'; readonly columnKey: string; readonly column: string; readonly bound: BoundAlgorithm }
  | {
      readonly kind: 'lookup';
      readonly columnKey: string;
      readonly column: string;
      readonly lookup: LookupTable;
      readonly targets: ReadonlyMap<string, number>;
    }
  | {
      readonly kind: 'complex';
      readonly columnKeys: readonly string[];
      readonly columns: readonly string[];
      readonly bound: BoundComplexAlgorithm;
    }
  | { readonly kind: 'hint'; readonly bound: BoundHintAlgorithm };

/** Sources and tables are numbered in the order of their first node. */
export interface BoundTable {
  readonly sources: readonly string[];
  readonly tables: readonly string[];
  readonly database: BoundStrategy;
  readonly table: BoundStrategy;
  /** `sourceIndex * tables.length + tableIndex` -> node index, or -1. */
  readonly nodeOf: Int32Array;
  readonly allNodes: readonly number[];
}

const boundTables = new WeakMap<LogicalTable, BoundTable>();

export function bindTable(table: LogicalTable): BoundTable {
  const known = boundTables.get(table);
  if (known !== undefined) return known;
  const sources = [...new Set(table.nodes.map((node) => node.source))];
  const tables = [...new Set(table.nodes.map((node) => node.table))];
  const nodeOf = new Int32Array(sources.length * tables.length).fill(-1);
  for (const [index, node] of table.nodes.entries()) {
    nodeOf[sources.indexOf(node.source) * tables.length + tables.indexOf(node.table)] = index;
  }
  const bound: BoundTable = {
    sources,
    tables,
    database: bindStrategy(table.databaseStrategy, sources),
    table: bindStrategy(table.tableStrategy, tables),
    nodeOf,
    allNodes: Object.freeze(table.nodes.map((_, index) => index)),
  };
  boundTables.set(table, bound);
  return bound;
}

export function bindStrategy(strategy: ShardingStrategy, targets: readonly string[]): BoundStrategy {
  switch (strategy.kind) {
    case 'none':
      return strategy;
    case 'standard': {
      const { column, algorithm } = strategy;
      const columnKey = column.toLowerCase();
      if (algorithm.kind === 'lookup') {
        return {
          kind: 'lookup',
          column,
          columnKey,
          lookup: algorithm.lookup,
          targets: new Map(targets.map((name, index) => [name, index])),
        };
      }
      return { kind: 'standard', column, columnKey, bound: algorithm.bind(targets) };
    }
    case 'complex':
      return {
        kind: 'complex',
        columns: strategy.columns,
        columnKeys: strategy.columns.map((column) => column.toLowerCase()),
        bound: strategy.algorithm.bind(targets, strategy.columns),
      };
    case 'hint':
      return { kind: 'hint', bound: strategy.algorithm.bind(targets) };
  }
}
