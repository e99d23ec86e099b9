/** Small questions about expressions that planning across shards asks. */
import type { Call, Expression, Literal, SelectBlock } from '../../sql/index.ts';
import { isAggregate, isRandom } from '../function-kinds.ts';
import { isQuery, someNode, visitBlock } from '../syntax-walk.ts';
import type { ColumnOrigin, ResolvedBlock, ResolvedStatement } from './types.ts';

/** The expression inside of parentheses. */
export function bare(expression: Expression): Expression {
  return expression.kind === 'paren' ? bare(expression.inner) : expression;
}

/** The conjuncts of a condition, at any depth of AND. */
export function conjuncts(condition: Expression | undefined): Expression[] {
  if (condition === undefined) return [];
  const inner = bare(condition);
  if (inner.kind === 'binary' && inner.operator === 'AND') return [...conjuncts(inner.left), ...conjuncts(inner.right)];
  return [condition];
}

/** The base column that an expression plainly is. */
export function plainColumn(expression: Expression, statement: ResolvedStatement): ColumnOrigin | undefined {
  const inner = bare(expression);
  if (inner.kind !== 'column') return undefined;
  const resolved = statement.columns.get(inner);
  return resolved?.kind === 'relation' ? resolved.origin : undefined;
}

/** An aggregate call without OVER. */
export function aggregateCall(expression: Expression): Call | undefined {
  const inner = bare(expression);
  return inner.kind === 'call' && inner.over === undefined && inner.schema === undefined && isAggregate(inner.name)
    ? inner
    : undefined;
}

export function sameColumn(a: ColumnOrigin, b: ColumnOrigin): boolean {
  return a.use === b.use && a.column.name === b.column.name;
}

/** An integer literal of ORDER BY or GROUP BY that means a place in the select list. */
export function positionLiteral(expression: Expression): Literal | undefined {
  return expression.kind === 'literal' && expression.literalKind === 'integer' ? expression : undefined;
}

/** ORDER BY NULL and other constants: no order at all. */
export function isConstantKey(expression: Expression): boolean {
  const inner = bare(expression);
  return inner.kind === 'literal' && positionLiteral(expression) === undefined;
}

export function hasQuery(root: unknown): boolean {
  let found = false;
  visitBlock(
    root,
    () => undefined,
    () => {
      found = true;
    },
  );
  return found;
}

/** Calls whose result is not the same everywhere, or that wait, lock or assign: not to be moved, repeated or compared between servers. */
export function isFickle(root: unknown): boolean {
  return someNode(root, (node) => {
    if (node.kind === 'userVariable' || node.kind === 'assignment' || node.kind === 'systemVariable') return true;
    if (node.kind !== 'call') return false;
    const call = node as unknown as Call;
    return call.schema !== undefined || isRandom(call.name) || call.name === 'SLEEP' || call.name === 'BENCHMARK';
  });
}

export function hasAggregate(root: unknown): boolean {
  let found = false;
  visitBlock(
    root,
    (node) => {
      if (node.kind === 'call' && aggregateCall(node as unknown as Call) !== undefined) found = true;
      return undefined;
    },
    () => undefined,
  );
  return found;
}

const integerFunctions = new Set([
  'YEAR',
  'MONTH',
  'DAY',
  'DAYOFMONTH',
  'DAYOFWEEK',
  'DAYOFYEAR',
  'WEEK',
  'WEEKDAY',
  'WEEKOFYEAR',
  'QUARTER',
  'HOUR',
  'MINUTE',
  'SECOND',
  'MICROSECOND',
  'YEARWEEK',
  'TO_DAYS',
  'TO_SECONDS',
  'UNIX_TIMESTAMP',
  'LENGTH',
  'OCTET_LENGTH',
  'CHAR_LENGTH',
  'CHARACTER_LENGTH',
  'BIT_LENGTH',
  'BIT_COUNT',
  'ASCII',
  'ORD',
  'CRC32',
  'SIGN',
  'LOCATE',
  'INSTR',
  'POSITION',
  'STRCMP',
  'FIELD',
  'FIND_IN_SET',
  'DATEDIFF',
  'TIMESTAMPDIFF',
  'EXTRACT',
  'TIME_TO_SEC',
  'PERIOD_ADD',
  'PERIOD_DIFF',
  'INET_ATON',
  'ISNULL',
]);
const numberFunctions = new Set([
  'ABS',
  'MOD',
  'FLOOR',
  'CEIL',
  'CEILING',
  'ROUND',
  'TRUNCATE',
  'SQRT',
  'POW',
  'POWER',
  'EXP',
  'LN',
  'LOG',
  'LOG2',
  'LOG10',
]);
const numberAggregates = new Set([
  'COUNT',
  'SUM',
  'AVG',
  'BIT_AND',
  'BIT_OR',
  'BIT_XOR',
  'STD',
  'STDDEV',
  'STDDEV_POP',
  'STDDEV_SAMP',
  'VARIANCE',
  'VAR_POP',
  'VAR_SAMP',
]);
const numberWindows = new Set(['ROW_NUMBER', 'RANK', 'DENSE_RANK', 'NTILE', 'PERCENT_RANK', 'CUME_DIST']);
const numberTypes = new Set([
  'tinyint',
  'smallint',
  'mediumint',
  'int',
  'integer',
  'bigint',
  'decimal',
  'numeric',
  'double',
]);

/** Whether the value is certainly a number that both protocols carry exactly: its order needs no server. FLOAT columns are not. */
export function isNumber(expression: Expression, statement: ResolvedStatement): boolean {
  const e = bare(expression);
  switch (e.kind) {
    case 'column': {
      const resolved = statement.columns.get(e);
      if (resolved?.kind === 'alias')
        return resolved.item.expression.kind !== 'star' && isNumber(resolved.item.expression, statement);
      const origin = plainColumn(e, statement);
      return origin !== undefined && numberTypes.has(origin.column.dataType);
    }
    case 'literal':
      return (
        e.literalKind === 'integer' ||
        e.literalKind === 'decimal' ||
        e.literalKind === 'float' ||
        e.literalKind === 'boolean'
      );
    case 'unary':
      return (
        e.operator === 'NOT' ||
        e.operator === '!' ||
        e.operator === '~' ||
        ((e.operator === '-' || e.operator === '+') && isNumber(e.operand, statement))
      );
    case 'binary':
      switch (e.operator) {
        case '+':
        case '-':
        case '*':
        case '/':
        case 'DIV':
        case '%':
          return isOperand(e.left, statement) && isOperand(e.right, statement);
        case '||':
        case '->':
        case '->>':
          return false;
        default:
          return true;
      }
    case 'between':
    case 'inList':
    case 'like':
    case 'is':
      return true;
    case 'call':
      if (e.schema !== undefined) return false;
      if (e.over !== undefined) return numberAggregates.has(e.name) || numberWindows.has(e.name);
      if (integerFunctions.has(e.name)) return true;
      if (numberFunctions.has(e.name)) return e.args.every((arg) => isNumber(arg, statement));
      if (numberAggregates.has(e.name)) return true;
      if (
        e.name === 'MIN' ||
        e.name === 'MAX' ||
        e.name === 'IFNULL' ||
        e.name === 'COALESCE' ||
        e.name === 'GREATEST' ||
        e.name === 'LEAST'
      ) {
        return e.args.every((arg) => isNumber(arg, statement));
      }
      if (e.name === 'IF') return e.args.slice(1).every((arg) => isNumber(arg, statement));
      return false;
    case 'case':
      return [...e.branches.map((branch) => branch.then), ...(e.otherwise === undefined ? [] : [e.otherwise])].every(
        (value) => isNumber(value, statement),
      );
    case 'cast':
      return /^(signed|unsigned|decimal|double|integer|int\b)/i.test(e.type.trim());
    default:
      return false;
  }
}

/** Arithmetic makes a number of any parameter. */
function isOperand(expression: Expression, statement: ResolvedStatement): boolean {
  return bare(expression).kind === 'parameter' || isNumber(expression, statement);
}

/** Whether any FLOAT or TIMESTAMP column is read: values that lose something on their way through an expression's text. */
export function readsFragile(root: unknown, statement: ResolvedStatement): boolean {
  return someNode(root, (node) => {
    if (node.kind !== 'column') return false;
    const resolved = statement.columns.get(node as never);
    const type = resolved?.kind === 'relation' ? resolved.origin?.column.dataType : undefined;
    return type === undefined || type === 'float' || type === 'timestamp' || type === 'json';
  });
}

/** Where a clause after FROM, WHERE, GROUP BY and HAVING may be put in. */
export function endOfHaving(select: SelectBlock): number {
  return Math.max(
    select.itemsSpan.end,
    select.from.at(-1)?.end ?? 0,
    select.where?.end ?? 0,
    select.groupBySpan?.end ?? 0,
    select.havingSpan?.end ?? 0,
    ...select.windows.map((window) => window.spec.end),
  );
}

/** The only block of a statement without set operations, VALUES and parentheses around it. */
export function soleBlock(statement: ResolvedStatement): ResolvedBlock | undefined {
  const { query } = statement;
  return query.query.body.kind === 'select' && query.blocks.length === 1 ? query.blocks[0] : undefined;
}

export { isQuery };
