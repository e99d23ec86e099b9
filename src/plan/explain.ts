/** What EXPLAIN FORMAT=MESH and `shardmesh explain` show of an action: one row per step. */
import { Buffer } from 'node:buffer';
import type { Action, LocalRows, MergeKey, MergeSpec, Route, ScratchSpec, ShardQuery } from './types.ts';

type Cell = string | bigint | null;

/** Columns: step, source, tables, route, reason, statement, merge. */
export function explainRows(action: Action): LocalRows {
  const rows: Cell[][] = [];
  const inner = action.kind === 'explain' ? action.of : action;
  describe(inner, rows);
  return {
    columns: [
      { name: 'step', type: 'integer' },
      { name: 'source', type: 'string' },
      { name: 'tables', type: 'string' },
      { name: 'route', type: 'string' },
      { name: 'reason', type: 'string' },
      { name: 'statement', type: 'text' },
      { name: 'merge', type: 'text' },
    ],
    rows: rows.map((row, index) => [BigInt(index + 1), ...row]),
  };
}

function describe(action: Action, rows: Cell[][]): void {
  switch (action.kind) {
    case 'forward':
    case 'pinned':
      queries([action.query], action.route, rows, action.kind === 'pinned' ? `pinned: ${action.pin}` : null);
      return;
    case 'scatter':
      queries(action.queries, action.route, rows, mergeText(action.merge));
      return;
    case 'write':
      queries(
        action.queries,
        action.route,
        rows,
        action.affected === 'sum' ? 'affected rows are added' : 'affected rows count once',
      );
      return;
    case 'ddl':
      queries(action.queries, action.route, rows, null);
      return;
    case 'load':
      queries(action.load.queries, action.route, rows, 'lines go to their nodes');
      return;
    case 'scratch':
      scratchRows(action.scratch, action.route, rows);
      return;
    case 'insertSelect':
      describe(action.read, rows);
      rows.push([null, null, null, null, 'the statement with the values that were read', null]);
      return;
    case 'selectInto':
      describe(action.read, rows);
      rows.push([
        null,
        null,
        null,
        null,
        `the row becomes ${action.variables.map((name) => `@${name}`).join(', ')}`,
        null,
      ]);
      return;
    case 'inspect':
      if (action.query === undefined) rows.push([null, null, 'none', null, null, 'answered by the mesh']);
      else
        rows.push([action.query.source, action.query.nodeTables.join(', '), 'one', null, textOf(action.query), null]);
      return;
    case 'refuse':
      rows.push([null, null, 'refused', action.error.code, null, action.error.clientMessage]);
      return;
    case 'explain':
      describe(action.of, rows);
      return;
    default:
      rows.push([null, null, 'none', null, null, `answered by the mesh (${action.kind})`]);
  }
}

function queries(list: readonly ShardQuery[], route: Route, rows: Cell[][], merge: string | null): void {
  for (const [index, query] of list.entries()) {
    rows.push([
      query.source,
      [...new Set(query.nodeTables)].join(', '),
      `${route.target} (${list.length}/${route.nodesTotal})`,
      route.detail === '' ? route.reason : `${route.reason}: ${route.detail}`,
      textOf(query),
      index === 0 ? merge : null,
    ]);
  }
}

function scratchRows(scratch: ScratchSpec, route: Route, rows: Cell[][]): void {
  for (const feed of scratch.feeds) {
    if (feed.rows.kind === 'queries')
      queries(feed.rows.queries, route, rows, `into temporary table ${feed.name} on ${scratch.source}`);
    else
      rows.push([
        null,
        `information_schema.${feed.rows.table}`,
        'all',
        null,
        null,
        `into temporary table ${feed.name} on ${scratch.source}`,
      ]);
  }
  rows.push([
    scratch.source,
    scratch.feeds.map((feed) => feed.name).join(', '),
    'one',
    'scratch',
    textOf(scratch.final),
    null,
  ]);
}

function textOf(query: ShardQuery): string {
  return Buffer.from(query.text).toString('utf8').trim();
}

/** A merge in words. */
export function mergeText(merge: MergeSpec): string {
  const parts: string[] = [];
  if (merge.inputOrder.length > 0) parts.push(`merge sorted by ${keys(merge.inputOrder)}`);
  else parts.push('concatenate');
  if (merge.group !== undefined) {
    const aggregates = merge.group.aggregates
      .map((aggregate) => `${aggregate.function}(#${aggregate.column + 1})`)
      .join(', ');
    parts.push(
      `group by ${merge.group.keys.length === 0 ? 'nothing' : keys(merge.group.keys)}${aggregates === '' ? '' : ` with ${aggregates}`}`,
    );
  }
  if (merge.outputOrder.length > 0) parts.push(`sort by ${keys(merge.outputOrder)}`);
  if (merge.offset > 0n) parts.push(`skip ${merge.offset}`);
  if (merge.limit !== undefined) parts.push(`at most ${merge.limit}`);
  return parts.join('; ');
}

function keys(list: readonly MergeKey[]): string {
  return list
    .map(
      (key) =>
        `#${key.column + 1}${key.weight === undefined ? '' : ` (weight #${key.weight + 1})`}${key.descending ? ' desc' : ''}`,
    )
    .join(', ');
}
