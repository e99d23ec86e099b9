/** From the sharding values of one row to the one node that stores it. */
import { MeshError } from '../base/index.ts';
import { type BoundStrategy, bindTable } from './bound-table.ts';
import { describeKey } from './key-value.ts';
import { hintValues, lookupPlacement } from './route-nodes.ts';
import type { Hints, KeyValue, LogicalTable, LookupAnswers, LookupRequest, Placement } from './types.ts';

export type RowRoute =
  | { readonly kind: 'node'; readonly node: number }
  | { readonly kind: 'needsKeys'; readonly requests: readonly LookupRequest[] };

const noAnswers: LookupAnswers = new Map();

/**
 * The node index for a row of a sharded table (INSERT, REPLACE, LOAD DATA). `values` by lower-cased column name, as the columns store them.
 * Throws MeshError SM_SHARDING_KEY_MISSING when a sharding column or a hint has no value, SM_NO_SHARD_FOR_VALUE when no node takes it (NULL too).
 * Not for broadcast tables (they go to all nodes); a single table answers node 0.
 */
export function routeRow(
  table: LogicalTable,
  values: ReadonlyMap<string, KeyValue>,
  hints: Hints,
  answers: LookupAnswers = noAnswers,
): RowRoute {
  if (table.kind === 'single') return { kind: 'node', node: 0 };
  const bound = bindTable(table);
  const requests: LookupRequest[] = [];
  const source = place(bound.database, 'database', bound.sources.length);
  const target = place(bound.table, 'table', bound.tables.length);
  if (requests.length > 0) return { kind: 'needsKeys', requests };

  const sources = source === undefined ? bound.sources.map((_, index) => index) : [source];
  const tables = target === undefined ? bound.tables.map((_, index) => index) : [target];
  const nodes = sources
    .flatMap((s) => tables.map((t) => bound.nodeOf[s * bound.tables.length + t]!))
    .filter((node) => node >= 0);
  if (nodes.length === 1) return { kind: 'node', node: nodes[0]! };
  throw new MeshError('SM_NO_SHARD_FOR_VALUE', {
    table: table.name,
    value: describeValues(table, values),
    reason:
      nodes.length === 0
        ? `its strategies lead to ${sources.map((s) => bound.sources[s]).join(', ')} and ${tables.map((t) => bound.tables[t]).join(', ')}, which is not among the actual data nodes`
        : 'the strategies leave more than one node to choose from',
  });

  /** A target index; undefined: this level does not choose. */
  function place(strategy: BoundStrategy, level: 'database' | 'table', targetCount: number): number | undefined {
    switch (strategy.kind) {
      case 'none':
        return targetCount === 1 ? 0 : undefined;
      case 'hint': {
        const hinted = hintValues(level, table, hints);
        if (hinted.length !== 1) {
          if (targetCount === 1) return 0;
          throw new MeshError('SM_SHARDING_KEY_MISSING', {
            table: table.name,
            column: level === 'database' ? 'hint SHARDING_DATABASE_VALUE' : 'hint SHARDING_TABLE_VALUE',
          });
        }
        return settled(
          strategy.bound.placeHint(hinted[0]!),
          `hint '${hinted[0]}'`,
          'the hint algorithm leads to no target',
        );
      }
      case 'standard':
        return settled(
          strategy.bound.placeValue(rowValue(strategy.column, strategy.columnKey)),
          described(strategy.columnKey),
          'its algorithm leads to no target',
        );
      case 'lookup': {
        const value = rowValue(strategy.column, strategy.columnKey);
        const placement = lookupPlacement(strategy, value, answers, requests);
        if (placement === undefined) return undefined;
        return settled(
          placement,
          described(strategy.columnKey),
          `lookup table '${strategy.lookup.table}' has no usable target for it`,
        );
      }
      case 'complex': {
        const row = strategy.columnKeys.map((key, index) => rowValue(strategy.columns[index]!, key));
        return settled(
          strategy.bound.placeRow(row),
          row.map(describeKey).join(', '),
          'its algorithm leads to no target',
        );
      }
    }
  }

  function rowValue(column: string, columnKey: string): KeyValue {
    const value = values.get(columnKey);
    if (value === undefined) throw new MeshError('SM_SHARDING_KEY_MISSING', { table: table.name, column });
    return value;
  }

  function described(columnKey: string): string {
    return describeKey(values.get(columnKey) ?? { kind: 'null' });
  }

  function settled(placement: Placement, value: string, reason: string): number {
    if (typeof placement === 'number') return placement;
    throw new MeshError('SM_NO_SHARD_FOR_VALUE', {
      table: table.name,
      value,
      reason: value === 'NULL' ? 'a sharding column cannot be NULL' : reason,
    });
  }
}

function describeValues(table: LogicalTable, values: ReadonlyMap<string, KeyValue>): string {
  return table.shardingColumns
    .map((column) => `${column}=${describeKey(values.get(column) ?? { kind: 'null' })}`)
    .join(', ');
}
