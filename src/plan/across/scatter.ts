/** SELECTs whose rows each shard can compute alone and whose order, groups and limit a stream merge completes. */
import type { Call, Expression, OrderItem } from '../../sql/index.ts';
import { someNode, visitBlock } from '../syntax-walk.ts';
import type { AggregateSpec, BindInput, MergeKey, MergeSpec, Route } from '../types.ts';
import { bindLimit } from './bound-limit.ts';
import { columnOrder } from './column-order.ts';
import { HiddenColumns, type KeyPlace, type KeyTarget, pinLiterals } from './hidden-columns.ts';
import {
  aggregateCall,
  endOfHaving,
  hasAggregate,
  isConstantKey,
  isNumber,
  plainColumn,
  sameColumn,
  soleBlock,
} from './syntax.ts';
import type {
  AcrossBuilder,
  AcrossPlan,
  ColumnOrigin,
  Edit,
  NodePlace,
  OutputColumn,
  Piece,
  ResolvedBlock,
  ResolvedStatement,
  RoutedUses,
} from './types.ts';

/** How a block is merged. `orderBy`: what the shards sort by instead of the user's ORDER BY; undefined: they keep it. */
interface MergeShape {
  readonly inputOrder: readonly MergeKey[];
  readonly group?: NonNullable<MergeSpec['group']>;
  readonly outputOrder: readonly MergeKey[];
  readonly orderBy: readonly { readonly position: number; readonly descending: boolean }[] | undefined;
  /** Shards may stop at offset + limit rows. */
  readonly limitPushed: boolean;
}

/** Undefined: not of this form. */
export function planScatter(statement: ResolvedStatement, builder: AcrossBuilder): AcrossPlan | undefined {
  const block = soleBlock(statement);
  if (!builder.shardLocal || builder.leader < 0 || block?.output === undefined || block.select.rollup) return undefined;
  const hidden = new HiddenColumns(statement, builder, block, block.output);
  const shape = shapeOf(statement, builder, block, block.output, hidden);
  if (shape === undefined) return undefined;

  const { select } = block;
  const whole = statement.query.query;
  const edits: Edit[] = [...builder.nameEdits(whole), ...builder.factEdits(whole)];
  if (hidden.pieces.length > 0) edits.push({ at: at(select.itemsSpan.end), pieces: hidden.pieces });
  if (shape.orderBy !== undefined) {
    const keys = shape.orderBy.map((key) => `${key.position}${key.descending ? ' DESC' : ''}`).join(', ');
    const pieces: Piece[] =
      keys === ''
        ? []
        : [{ kind: 'text', text: select.orderBySpan === undefined ? ` ORDER BY ${keys}` : `ORDER BY ${keys}` }];
    if (select.orderBySpan !== undefined) edits.push({ at: select.orderBySpan, pieces });
    else if (pieces.length > 0) edits.push({ at: at(endOfHaving(select)), pieces });
  }
  // What the limit leaves out is counted here: no shard may stop at it.
  const countsAll = select.options.includes('SQL_CALC_FOUND_ROWS');
  if (select.limitSpan !== undefined) {
    const pieces: Piece[] =
      shape.limitPushed && !countsAll
        ? [
            { kind: 'text', text: 'LIMIT ' },
            { kind: 'computed', index: 0 },
          ]
        : [];
    edits.push({ at: select.limitSpan, pieces });
  }
  const template = builder.text.whole(edits);

  return {
    weight: 400 + template.pieces.length * 100,
    bind(input: BindInput, routed: RoutedUses) {
      const { offset, limit, shard } = bindLimit(select.limit, builder, input);
      const nodes = routed.nodesOf(builder.leader);
      // No node at all: one of them still tells the columns, and has no row that matches.
      const places = builder.places(builder.leader, nodes.length === 0 ? [0] : nodes);
      const merge: MergeSpec = {
        visible: hidden.visible,
        inputOrder: shape.inputOrder,
        ...(shape.group === undefined ? {} : { group: shape.group }),
        outputOrder: shape.outputOrder,
        offset,
        limit,
        ...(countsAll ? { countsAll } : {}),
      };
      const queries = places.map((place) => builder.query(template, input, place, [shard]));
      return {
        kind: 'scatter',
        route: routeTo(places, nodes.length, statement, builder, routed),
        queries,
        merge,
        names: builder.names,
      };
    },
  };
}

/** The route that EXPLAIN shows. */
export function routeTo(
  places: readonly NodePlace[],
  nodes: number,
  statement: ResolvedStatement,
  builder: AcrossBuilder,
  routed: RoutedUses,
): Route {
  const meaning = statement.uses[builder.leader]?.meaning;
  const total = meaning?.kind === 'sharded' ? meaning.logical.nodes.length : places.length;
  return {
    target: nodes === 0 ? 'none' : nodes === 1 ? 'one' : nodes === total ? 'all' : 'some',
    role: 'primary',
    reason: routed.reason,
    detail: routed.detail,
    nodes: places.map((place) => ({ source: place.source, tables: place.tables })),
    nodesTotal: total,
  };
}

function at(offset: number) {
  return { start: offset, end: offset };
}

function shapeOf(
  statement: ResolvedStatement,
  builder: AcrossBuilder,
  block: ResolvedBlock,
  output: readonly OutputColumn[],
  hidden: HiddenColumns,
): MergeShape | undefined {
  const { select } = block;
  const groupsLocal =
    !block.aggregated || select.groupBy.some((item) => isLocalKey(item.expression, statement, builder, hidden));
  const distinctLocal =
    !select.distinct || output.some((column, index) => isLocalOutput(column, index, statement, builder));
  const windowsLocal = !block.windowed || partitionsLocal(statement, builder, block, hidden);
  if (!windowsLocal) return undefined;
  if (groupsLocal && distinctLocal) return rowsShape(block, hidden);
  if (block.windowed) return undefined;
  if (block.aggregated)
    return select.distinct || select.having !== undefined
      ? undefined
      : groupsShape(statement, builder, block, output, hidden);
  return distinctShape(block, output, hidden);
}

/** Equal values of the column are on one node only. Not on the inner side of an outer join: its NULLs are everywhere. */
function isLocalColumn(origin: ColumnOrigin | undefined, nullable: boolean, builder: AcrossBuilder): boolean {
  return origin !== undefined && !nullable && builder.isShardingKey(origin);
}

function isLocalKey(
  expression: Expression,
  statement: ResolvedStatement,
  builder: AcrossBuilder,
  hidden: HiddenColumns,
): boolean {
  const target = hidden.target(expression);
  if (target?.origin === undefined || target.collation !== undefined) return false;
  const written = target.expression === undefined ? undefined : target.expression;
  return isLocalColumn(target.origin, written === undefined || nullableColumn(written, statement), builder);
}

function nullableColumn(expression: Expression, statement: ResolvedStatement): boolean {
  const inner = expression.kind === 'paren' ? expression.inner : expression;
  const resolved = inner.kind === 'column' ? statement.columns.get(inner) : undefined;
  return !(resolved?.kind === 'relation' && resolved.relation.kind === 'table' && !resolved.relation.nullable);
}

function isLocalOutput(
  column: OutputColumn,
  _index: number,
  statement: ResolvedStatement,
  builder: AcrossBuilder,
): boolean {
  if (column.relation !== undefined)
    return isLocalColumn(column.origin, column.relation.nullable || column.relation.kind !== 'table', builder);
  return (
    column.item.expression.kind !== 'star' &&
    isLocalColumn(column.origin, nullableColumn(column.item.expression, statement), builder)
  );
}

function partitionsLocal(
  statement: ResolvedStatement,
  builder: AcrossBuilder,
  block: ResolvedBlock,
  hidden: HiddenColumns,
): boolean {
  let local = true;
  visitBlock(
    [block.select.items, block.select.orderBy],
    (node) => {
      const over = node.kind === 'call' ? (node as unknown as Call).over : undefined;
      if (
        over !== undefined &&
        (over.name !== undefined ||
          !over.partitionBy.some((key) => key.kind === 'column' && isLocalKey(key, statement, builder, hidden)))
      )
        local = false;
      return undefined;
    },
    () => undefined,
  );
  return local;
}

/** Rows (or groups, or distinct rows) that are each on one shard: the user's own order is merged. */
function rowsShape(block: ResolvedBlock, hidden: HiddenColumns): MergeShape | undefined {
  const inputOrder: MergeKey[] = [];
  for (const item of block.select.orderBy) {
    if (isConstantKey(item.expression)) continue;
    const target = hidden.target(item.expression);
    const place = target === undefined ? undefined : hidden.place(target, 'sort', false);
    if (place === undefined) return undefined;
    inputOrder.push(keyAt(place, item.descending));
  }
  return { inputOrder, outputOrder: [], orderBy: undefined, limitPushed: true };
}

function keyAt(place: KeyPlace, descending: boolean): MergeKey {
  return { ...place, descending };
}

/** DISTINCT: shards send their distinct rows sorted by all columns, the user's order first. */
function distinctShape(
  block: ResolvedBlock,
  output: readonly OutputColumn[],
  hidden: HiddenColumns,
): MergeShape | undefined {
  const places: KeyPlace[] = [];
  for (let index = 0; index < output.length; index += 1) {
    const place = hidden.place(hidden.outputTarget(index)!, 'group', true);
    if (place === undefined) return undefined;
    places.push(place.weight === undefined ? { column: index } : { column: index, weight: place.weight });
  }
  return sortedGroups(block.select.orderBy, hidden, places, (target) => target.output, []);
}

/** The order of the shards and of the merge for groups with these keys: the user's keys first, the others after them. */
function sortedGroups(
  orderBy: readonly OrderItem[],
  hidden: HiddenColumns,
  places: readonly KeyPlace[],
  keyOf: (target: KeyTarget) => number,
  aggregates: readonly AggregateSpec[],
): MergeShape | undefined {
  const inputOrder: MergeKey[] = [];
  const used = new Set<number>();
  for (const item of orderBy) {
    if (isConstantKey(item.expression)) continue;
    const target = hidden.target(item.expression);
    const index = target === undefined || target.collation !== undefined ? -1 : keyOf(target);
    const place = places[index];
    if (place === undefined) return undefined;
    if (used.has(index)) continue;
    used.add(index);
    inputOrder.push(keyAt(place, item.descending));
  }
  places.forEach((place, index) => {
    if (!used.has(index)) inputOrder.push(keyAt(place, false));
  });
  return {
    inputOrder,
    group: { keys: places.map((place) => keyAt(place, false)), aggregates, always: false },
    outputOrder: [],
    orderBy: inputOrder.map((key) => ({ position: key.column + 1, descending: key.descending })),
    limitPushed: true,
  };
}

/** GROUP BY over groups that lie on several shards, with nothing but group keys and bare aggregates. */
function groupsShape(
  statement: ResolvedStatement,
  builder: AcrossBuilder,
  block: ResolvedBlock,
  output: readonly OutputColumn[],
  hidden: HiddenColumns,
): MergeShape | undefined {
  const { select } = block;
  const targets: KeyTarget[] = [];
  const places: KeyPlace[] = [];
  for (const item of select.groupBy) {
    const target = item.descending ? undefined : hidden.target(item.expression);
    if (target === undefined || target.collation !== undefined) return undefined;
    if (
      target.origin === undefined &&
      (target.expression === undefined || hasAggregate(target.expression) || !pinLiterals(target.expression, builder))
    )
      return undefined;
    const place = hidden.place(target, 'group', true);
    if (place === undefined) return undefined;
    targets.push(target);
    places.push(place);
  }
  const aggregates: AggregateSpec[] = [];
  for (let index = 0; index < output.length; index += 1) {
    const { expression } = output[index]!.item;
    const call = expression.kind === 'star' ? undefined : aggregateCall(expression);
    if (call === undefined) {
      if (expression.kind !== 'star' && hasAggregate(expression)) return undefined;
      if (places.length === 0) aggregates.push({ column: index, function: 'ANY' });
      continue;
    }
    const spec = aggregateSpec(call, index, statement, builder, hidden);
    if (spec === undefined) return undefined;
    aggregates.push(spec);
  }
  if (places.length === 0) {
    return {
      inputOrder: [],
      group: { keys: [], aggregates, always: true },
      outputOrder: [],
      orderBy: [],
      limitPushed: false,
    };
  }
  const keyOf = (target: KeyTarget): number =>
    targets.findIndex((key) =>
      key.origin !== undefined && target.origin !== undefined
        ? sameColumn(key.origin, target.origin)
        : key.output >= 0 && key.output === target.output,
    );
  const sorted = sortedGroups(select.orderBy, hidden, places, keyOf, aggregates);
  if (sorted !== undefined) return sorted;
  // The order is that of aggregates: sorted again after grouping.
  const outputOrder: MergeKey[] = [];
  for (const item of select.orderBy) {
    if (isConstantKey(item.expression)) continue;
    const target = hidden.target(item.expression);
    if (target === undefined || target.collation !== undefined) return undefined;
    const key = keyOf(target);
    const aggregate = aggregates.find((spec) => spec.column === target.output);
    if (key >= 0) outputOrder.push(keyAt(places[key]!, item.descending));
    else if (aggregate === undefined) return undefined;
    else
      outputOrder.push({
        column: aggregate.column,
        ...(aggregate.weight === undefined ? {} : { weight: aggregate.weight }),
        descending: item.descending,
      });
  }
  return { ...sortedGroups([], hidden, places, keyOf, aggregates)!, outputOrder, limitPushed: false };
}

/** How a bare aggregate is put together again; undefined if it can't be from its partial values. */
function aggregateSpec(
  call: Call,
  column: number,
  statement: ResolvedStatement,
  builder: AcrossBuilder,
  hidden: HiddenColumns,
): AggregateSpec | undefined {
  const argument = call.args[0];
  const extreme = call.name === 'MIN' || call.name === 'MAX';
  if (call.distinct && !extreme) return undefined;
  if (call.args.length !== 1 && !call.star) return undefined;
  switch (call.name) {
    case 'COUNT':
    case 'SUM':
    case 'BIT_AND':
    case 'BIT_OR':
    case 'BIT_XOR':
      return { column, function: call.name };
    case 'AVG': {
      if (argument === undefined || someNode(argument, (node) => node.kind === 'parameter')) return undefined;
      const text = hidden.textOf(argument);
      // Equal texts may hold different literals in the next statement of this shape: each argument is its own.
      const identity = String(argument.start);
      const sum = hidden.add(`SUM ${identity}`, [{ kind: 'text', text: 'SUM(' }, ...text, { kind: 'text', text: ')' }]);
      const count = hidden.add(`COUNT ${identity}`, [
        { kind: 'text', text: 'COUNT(' },
        ...text,
        { kind: 'text', text: ')' },
      ]);
      return { column, function: 'AVG', sum, count };
    }
    case 'MIN':
    case 'MAX': {
      if (argument === undefined) return undefined;
      const origin = plainColumn(argument, statement);
      if (origin === undefined) return isNumber(argument, statement) ? { column, function: call.name } : undefined;
      const order = columnOrder(origin.column, builder.environment.schema, 'extreme');
      if (order === undefined) return undefined;
      if (order.kind === 'direct') return { column, function: call.name };
      const identity = `${call.name} ${order.before} ${origin.use.index}.${origin.column.name} ${order.after}`;
      const weight = hidden.add(identity, [
        { kind: 'text', text: `${call.name}(${order.before}` },
        ...hidden.textOf(argument),
        { kind: 'text', text: `${order.after})` },
      ]);
      return { column, function: call.name, weight };
    }
    default:
      return undefined;
  }
}
