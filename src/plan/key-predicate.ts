/** Conditions on one table's sharding columns: built from expressions once, evaluated to node sets at each execution. */
import { type Hints, type KeyCondition, type KeyValue, type LogicalTable, routeNodes } from '../rules/index.ts';
import type { BinaryOperator, ColumnRef, Expression } from '../sql/index.ts';
import type { NodeSet } from './across/types.ts';
import { boundedKey, comparedKey, type KeyColumn } from './key-value.ts';
import { askLookups } from './lookups.ts';
import { strip } from './parentheses.ts';
import type { PlanBuilder } from './plan-builder.ts';
import type { BindInput } from './types.ts';
import { elementRanges, readValue, scalarAt, type ValueSource, valueSource } from './value-source.ts';

/** A sharding column that a column of the statement stands for. */
export interface ColumnTarget {
  /** Lower-cased. */
  readonly name: string;
  readonly key: KeyColumn;
}

export type KeyPredicate =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'and'; readonly parts: readonly KeyPredicate[] }
  | { readonly kind: 'or'; readonly parts: readonly KeyPredicate[] }
  | {
      readonly kind: 'in';
      readonly target: ColumnTarget;
      readonly values: readonly ValueSource[] /** `<=>`: NULL is a value. */;
      readonly nullSafe?: boolean;
    }
  | {
      readonly kind: 'bound';
      readonly target: ColumnTarget;
      readonly value: ValueSource;
      readonly below: boolean;
      readonly inclusive: boolean;
    };

const all: KeyPredicate = { kind: 'all' };
const nothing: KeyPredicate = { kind: 'none' };

/** What an expression demands; `target` says which columns are sharding columns of the table in question. */
export function predicateOf(
  expression: Expression,
  target: (ref: ColumnRef) => ColumnTarget | undefined,
  builder: PlanBuilder,
  negate = false,
): KeyPredicate {
  const build = (inner: Expression, flip = negate): KeyPredicate => predicateOf(inner, target, builder, flip);
  switch (expression.kind) {
    case 'paren':
      return build(expression.inner);
    case 'unary':
      return expression.operator === 'NOT' || expression.operator === '!' ? build(expression.operand, !negate) : all;
    case 'literal':
      return constantPredicate(expression, builder, negate);
    case 'binary':
      switch (expression.operator) {
        case 'AND':
          return negate
            ? union([build(expression.left), build(expression.right)])
            : intersection([build(expression.left), build(expression.right)]);
        case 'OR':
          return negate
            ? intersection([build(expression.left), build(expression.right)])
            : union([build(expression.left), build(expression.right)]);
        case '=':
        case '<=>':
        case '<>':
        case '<':
        case '<=':
        case '>':
        case '>=':
          return comparison(expression.operator, expression.left, expression.right, target, builder, negate);
        default:
          return all;
      }
    case 'between': {
      const column = columnTarget(expression.operand, target);
      const [low, high] = [valueSource(expression.low, builder.text), valueSource(expression.high, builder.text)];
      if (column === undefined || low === undefined || high === undefined) return all;
      if (expression.not !== negate) {
        return union([
          { kind: 'bound', target: column, value: low, below: true, inclusive: false },
          { kind: 'bound', target: column, value: high, below: false, inclusive: false },
        ]);
      }
      return intersection([
        { kind: 'bound', target: column, value: low, below: false, inclusive: true },
        { kind: 'bound', target: column, value: high, below: true, inclusive: true },
      ]);
    }
    case 'inList': {
      if (expression.not !== negate) return all;
      const operand = strip(expression.operand);
      if (operand.kind === 'row') {
        return union(expression.items.map((item) => rowComparison(operand.items, strip(item), target, builder)));
      }
      const column = columnTarget(operand, target);
      if (column === undefined) return all;
      if (expression.listSlot >= 0)
        return { kind: 'in', target: column, values: [{ kind: 'list', slot: expression.listSlot }] };
      const values = expression.items.map((item) => valueSource(item, builder.text));
      return values.some((value) => value === undefined)
        ? all
        : { kind: 'in', target: column, values: values as ValueSource[] };
    }
    default:
      return all;
  }
}

/** TRUE, FALSE and numbers as a condition. */
function constantPredicate(expression: Expression, builder: PlanBuilder, negate: boolean): KeyPredicate {
  if (expression.kind !== 'literal') return all;
  if (expression.literalKind === 'null') return nothing;
  if (expression.literalKind !== 'integer' && expression.literalKind !== 'boolean') return all;
  const value = builder.pin(expression);
  const truth = value.kind === 'boolean' ? value.value : value.kind === 'integer' && value.value !== 0n;
  return truth === negate ? nothing : all;
}

const opposite: Partial<Record<BinaryOperator, BinaryOperator>> = {
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
  '<>': '=',
  '=': '<>',
};
const mirrored: Partial<Record<BinaryOperator, BinaryOperator>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '=': '=',
  '<=>': '<=>',
  '<>': '<>',
};

function comparison(
  operator: BinaryOperator,
  leftExpression: Expression,
  rightExpression: Expression,
  target: (ref: ColumnRef) => ColumnTarget | undefined,
  builder: PlanBuilder,
  negate: boolean,
): KeyPredicate {
  let [left, right] = [strip(leftExpression), strip(rightExpression)];
  if (negate) {
    const other = opposite[operator];
    if (other === undefined) return all;
    operator = other;
  }
  if (left.kind === 'row' && right.kind === 'row')
    return operator === '=' ? rowComparison(left.items, right, target, builder) : all;
  if (left.kind !== 'column' && right.kind === 'column') {
    [left, right] = [right, left];
    operator = mirrored[operator]!;
  }
  if (left.kind === 'literal' && right.kind === 'literal') return constantComparison(operator, left, right, builder);
  const column = columnTarget(left, target);
  const value = valueSource(right, builder.text);
  if (column === undefined || value === undefined) return all;
  switch (operator) {
    case '=':
      return { kind: 'in', target: column, values: [value] };
    case '<=>':
      return { kind: 'in', target: column, values: [value], nullSafe: true };
    case '<':
    case '<=':
      return { kind: 'bound', target: column, value, below: true, inclusive: operator === '<=' };
    case '>':
    case '>=':
      return { kind: 'bound', target: column, value, below: false, inclusive: operator === '>=' };
    default:
      return all;
  }
}

/** `1 = 0` and the like: integers only. */
function constantComparison(
  operator: BinaryOperator,
  left: Expression,
  right: Expression,
  builder: PlanBuilder,
): KeyPredicate {
  if (
    left.kind !== 'literal' ||
    right.kind !== 'literal' ||
    left.literalKind !== 'integer' ||
    right.literalKind !== 'integer'
  )
    return all;
  const [a, b] = [builder.pin(left), builder.pin(right)];
  if (a.kind !== 'integer' || b.kind !== 'integer') return all;
  const truth =
    operator === '=' || operator === '<=>'
      ? a.value === b.value
      : operator === '<>'
        ? a.value !== b.value
        : operator === '<'
          ? a.value < b.value
          : operator === '<='
            ? a.value <= b.value
            : operator === '>'
              ? a.value > b.value
              : operator === '>='
                ? a.value >= b.value
                : true;
  return truth ? all : nothing;
}

function rowComparison(
  items: readonly Expression[],
  value: Expression,
  target: (ref: ColumnRef) => ColumnTarget | undefined,
  builder: PlanBuilder,
): KeyPredicate {
  if (value.kind !== 'row' || value.items.length !== items.length) return all;
  return intersection(items.map((item, index) => comparison('=', item, value.items[index]!, target, builder, false)));
}

function columnTarget(
  expression: Expression,
  target: (ref: ColumnRef) => ColumnTarget | undefined,
): ColumnTarget | undefined {
  const ref = strip(expression);
  return ref.kind === 'column' ? target(ref) : undefined;
}

function intersection(parts: readonly KeyPredicate[]): KeyPredicate {
  if (parts.some((part) => part.kind === 'none')) return nothing;
  const rest = parts
    .filter((part) => part.kind !== 'all')
    .flatMap((part) => (part.kind === 'and' ? part.parts : [part]));
  return rest.length === 0 ? all : rest.length === 1 ? rest[0]! : { kind: 'and', parts: rest };
}

function union(parts: readonly KeyPredicate[]): KeyPredicate {
  if (parts.some((part) => part.kind === 'all')) return all;
  const rest = parts
    .filter((part) => part.kind !== 'none')
    .flatMap((part) => (part.kind === 'or' ? part.parts : [part]));
  return rest.length === 0 ? nothing : rest.length === 1 ? rest[0]! : { kind: 'or', parts: rest };
}

// ---- evaluation ---------------------------------------------------------------------------------------------

/** How a node set came about. */
export interface Narrowing {
  /** A key value or hint narrowed it. */
  narrowed: boolean;
  /** Some condition on the key was there, but not exact. */
  inexact: boolean;
  hint: boolean;
}

/** Nodes of `table` that may hold rows which satisfy the predicate. */
export function evaluate(
  predicate: KeyPredicate,
  table: LogicalTable,
  input: BindInput,
  hints: Hints,
  charset: 'utf8' | 'latin1',
  narrowing: Narrowing,
): NodeSet {
  switch (predicate.kind) {
    case 'none':
      narrowing.narrowed = true;
      return [];
    case 'or': {
      const nodes = new Set<number>();
      for (const part of predicate.parts)
        for (const node of evaluate(part, table, input, hints, charset, narrowing)) nodes.add(node);
      return [...nodes].sort((a, b) => a - b);
    }
    case 'and': {
      const conditions = new Map<string, KeyCondition>();
      let nodes: NodeSet | undefined;
      for (const part of predicate.parts) {
        if (part.kind === 'in' || part.kind === 'bound') {
          const condition = conditionOf(part, input, charset, narrowing);
          if (condition === 'none') return [];
          if (condition === 'all') continue;
          const merged = mergeConditions(conditions.get(part.target.name), condition);
          if (merged === 'none') return [];
          if (merged !== undefined) conditions.set(part.target.name, merged);
          else nodes = both(nodes, routed(table, new Map([[part.target.name, condition]]), hints, narrowing, input));
        } else {
          nodes = both(nodes, evaluate(part, table, input, hints, charset, narrowing));
        }
      }
      return both(nodes, routed(table, conditions, hints, narrowing, input));
    }
    case 'all':
      return routed(table, noConditions, hints, narrowing, input);
    case 'in':
    case 'bound': {
      const condition = conditionOf(predicate, input, charset, narrowing);
      if (condition === 'none') {
        narrowing.narrowed = true;
        return [];
      }
      return routed(
        table,
        condition === 'all' ? noConditions : new Map([[predicate.target.name, condition]]),
        hints,
        narrowing,
        input,
      );
    }
  }
}

const noConditions: ReadonlyMap<string, KeyCondition> = new Map();

function routed(
  table: LogicalTable,
  conditions: ReadonlyMap<string, KeyCondition>,
  hints: Hints,
  narrowing: Narrowing,
  input: BindInput,
): NodeSet {
  const route = routeNodes(table, conditions, hints, input.lookups);
  if (route.kind === 'needsKeys') {
    askLookups(route.requests, input);
    // Nobody to ask: every node is a right answer.
    return table.nodes.map((_, index) => index);
  }
  if (route.by === 'hint') narrowing.hint = true;
  if (route.by === 'key') narrowing.narrowed = true;
  return route.nodes;
}

function both(a: NodeSet | undefined, b: NodeSet): NodeSet {
  if (a === undefined) return b;
  return a.filter((node) => b.includes(node));
}

function conditionOf(
  predicate: Extract<KeyPredicate, { kind: 'in' | 'bound' }>,
  input: BindInput,
  charset: 'utf8' | 'latin1',
  narrowing: Narrowing,
): KeyCondition | 'all' | 'none' {
  const { key } = predicate.target;
  if (predicate.kind === 'bound') {
    const bound = boundedKey(key, readValue(predicate.value, input, charset), predicate.below, predicate.inclusive);
    if (bound.kind === 'all') narrowing.inexact = true;
    if (bound.kind !== 'bound') return bound.kind;
    return predicate.below
      ? { kind: 'range', high: bound.value, highInclusive: bound.inclusive, lowInclusive: false }
      : { kind: 'range', low: bound.value, lowInclusive: bound.inclusive, highInclusive: false };
  }
  const values: KeyValue[] = [];
  for (const source of predicate.values) {
    const ranges = source.kind === 'list' ? elementRanges(input.tokens, input.fingerprint, source.slot) : undefined;
    const count = ranges === undefined ? 1 : ranges.length / 2;
    for (let element = 0; element < count; element++) {
      const scalar =
        ranges === undefined ? readValue(source, input, charset) : scalarAt(input, ranges, element, charset);
      if (predicate.nullSafe === true && scalar.kind === 'null') return 'all';
      const compared = comparedKey(key, scalar);
      if (compared.kind === 'all') {
        narrowing.inexact = true;
        return 'all';
      }
      if (compared.kind === 'value') values.push(compared.value);
    }
  }
  return values.length === 0 ? 'none' : { kind: 'values', values };
}

/** The condition that both demand; undefined: keep them apart. */
function mergeConditions(a: KeyCondition | undefined, b: KeyCondition): KeyCondition | 'none' | undefined {
  if (a === undefined) return b;
  if (a.kind === 'range' && b.kind === 'range') {
    if (a.low !== undefined && b.low !== undefined) return undefined;
    if (a.high !== undefined && b.high !== undefined) return undefined;
    const low = a.low === undefined ? b : a;
    const high = a.high === undefined ? b : a;
    return {
      kind: 'range',
      lowInclusive: low.lowInclusive,
      highInclusive: high.highInclusive,
      ...(low.low === undefined ? {} : { low: low.low }),
      ...(high.high === undefined ? {} : { high: high.high }),
    };
  }
  return undefined;
}
