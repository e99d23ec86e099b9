/** A table's columns as keys: type, collation and how the algorithms that read them take strings. */
import type { Column } from '../catalog/index.ts';
import type { LogicalTable, ShardingStrategy } from '../rules/index.ts';
import type { TableUse } from './across/types.ts';
import type { KeyColumn } from './key-value.ts';
import type { PlanEnvironment } from './types.ts';

/** The key view of a column of a use. */
export function keyColumnOf(use: TableUse, column: Column, environment: PlanEnvironment): KeyColumn {
  return {
    column,
    collation: column.collation === undefined ? undefined : environment.schema.collations.get(column.collation),
    keyForm: keyForm(use, column),
  };
}

function keyForm(use: TableUse, column: Column): 'value' | 'collation' {
  if (use.meaning.kind !== 'sharded') return 'value';
  const { databaseStrategy, tableStrategy } = use.meaning.logical;
  const forms = [databaseStrategy, tableStrategy]
    .filter((strategy) => readsColumn(strategy, column.name))
    .map((strategy) => (strategy.kind === 'none' ? 'value' : strategy.algorithm.keyForm));
  return forms.length > 0 && forms.every((form) => form === 'collation') ? 'collation' : 'value';
}

function readsColumn(strategy: ShardingStrategy, name: string): boolean {
  return strategyColumns(strategy).includes(name.toLowerCase());
}

/** Lower-cased columns of a strategy in its own order. */
export function strategyColumns(strategy: ShardingStrategy): string[] {
  switch (strategy.kind) {
    case 'none':
    case 'hint':
      return [];
    case 'standard':
      return [strategy.column.toLowerCase()];
    case 'complex':
      return strategy.columns.map((column) => column.toLowerCase());
  }
}

/** Pairs of sharding columns that must be equal for rows of two tables to live on nodes of the same number; undefined: never provable. */
export function bindingColumns(a: LogicalTable, b: LogicalTable): (readonly [string, string])[] | undefined {
  const alike = a === b || a.name === b.name || (a.bindingGroup !== undefined && a.bindingGroup === b.bindingGroup);
  if (!alike) return undefined;
  const pairs: (readonly [string, string])[] = [];
  for (const [x, y] of [
    [a.databaseStrategy, b.databaseStrategy],
    [a.tableStrategy, b.tableStrategy],
  ] as const) {
    if (x.kind === 'hint' || y.kind === 'hint') return undefined;
    const [left, right] = [strategyColumns(x), strategyColumns(y)];
    if (left.length !== right.length) return undefined;
    for (const [index, column] of left.entries()) pairs.push([column, right[index]!]);
  }
  return pairs.length === 0 ? undefined : pairs;
}
