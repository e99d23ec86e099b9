/** Queries: WITH, set operations with their precedence, and what belongs to which of them. */
import type {
  CommonTable,
  ParenthesisedQuery,
  QueryBody,
  QueryExpression,
  Row,
  SelectBlock,
  SetOperation,
  TableBlock,
  ValuesBlock,
} from '../ast.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseIdentifier, parseNameList, parseTableName } from './names.ts';
import { parseColumnInput } from './primary.ts';
import { parseInto, parseLimit, parseLocks, parseOrderBy, startsLimit } from './query-tail.ts';
import { parseSelect } from './select.ts';

type DraftBody =
  | Draft<SelectBlock>
  | Draft<ValuesBlock>
  | Draft<TableBlock>
  | Draft<SetOperation>
  | Draft<ParenthesisedQuery>;

/** Whether a query begins here; a `(` is not looked into. */
export function startsQuery(cursor: Cursor): boolean {
  const symbol = cursor.symbol();
  if (symbol === 'SELECT' || symbol === 'WITH') return true;
  if (symbol === 'TABLE') return true;
  return symbol === 'VALUES' && (cursor.symbol(1) === 'ROW' || (cursor.symbol(1) === '(' && cursor.mode.mariadb));
}

/** Whether what stands here continues a query whose first operand was `( query )`. */
export function continuesQuery(cursor: Cursor): boolean {
  const symbol = cursor.symbol();
  return isSetOperator(symbol) || symbol === 'ORDER' || startsLimit(cursor);
}

function isSetOperator(symbol: string): boolean {
  return symbol === 'UNION' || symbol === 'EXCEPT' || symbol === 'INTERSECT';
}

/** Reads `[WITH ...] body`. `first` is a first operand that was read already. */
export function parseQueryExpression(cursor: Cursor, first?: ParenthesisedQuery): QueryExpression {
  cursor.enter();
  const start = first?.start ?? cursor.start;
  const tables = first === undefined ? parseWith(cursor) : { with: [], recursive: false };
  const body = parseBody(cursor, first);
  cursor.leave();
  return { start, end: body.end, ...tables, body };
}

/** `WITH [RECURSIVE] name [(columns)] AS (query), ...`; empty when none stands here. */
export function parseWith(cursor: Cursor): { with: CommonTable[]; recursive: boolean } {
  if (!cursor.accept('WITH')) return { with: [], recursive: false };
  const recursive = cursor.accept('RECURSIVE');
  const tables: CommonTable[] = [];
  do {
    const name = parseIdentifier(cursor);
    const columns = cursor.is('(') ? parseNameList(cursor) : [];
    cursor.expect('AS');
    cursor.expect('(');
    const query = parseQueryExpression(cursor);
    cursor.expect(')');
    if (cursor.accept('CYCLE')) {
      do parseIdentifier(cursor);
      while (cursor.accept(','));
      cursor.expect('RESTRICT');
    }
    tables.push({ start: name.start, end: cursor.end, name, columns, query });
  } while (cursor.accept(','));
  return { with: tables, recursive };
}

/** Operands and set operators, then the tail, which belongs to the whole. */
function parseBody(cursor: Cursor, first?: ParenthesisedQuery): QueryBody {
  const body = parseUnions(cursor, first);
  parseTail(cursor, body);
  return body;
}

/** UNION and EXCEPT, from left to right. */
function parseUnions(cursor: Cursor, first?: ParenthesisedQuery): DraftBody {
  let left: QueryBody = parseIntersections(cursor, first);
  let operands = 1;
  for (;;) {
    const operator = cursor.acceptOne('UNION', 'EXCEPT');
    if (operator === undefined) return left;
    if (++operands > 500) throw cursor.problem('too many operands of UNION');
    const all = parseSetQuantifier(cursor);
    left = setOperation(operator === 'UNION' ? 'UNION' : 'EXCEPT', all, left, parseIntersections(cursor));
    refuseInto(cursor, left);
  }
}

/** INTERSECT binds tighter. */
function parseIntersections(cursor: Cursor, first?: ParenthesisedQuery): DraftBody {
  let left: QueryBody = first ?? parseOperand(cursor);
  let operands = 1;
  while (cursor.accept('INTERSECT')) {
    if (++operands > 500) throw cursor.problem('too many operands of INTERSECT');
    const all = parseSetQuantifier(cursor);
    left = setOperation('INTERSECT', all, left, parseOperand(cursor));
    refuseInto(cursor, left);
  }
  return left;
}

function parseSetQuantifier(cursor: Cursor): boolean {
  const quantifier = cursor.acceptOne('ALL', 'DISTINCT');
  return quantifier === 'ALL';
}

function setOperation(
  operator: SetOperation['operator'],
  all: boolean,
  left: QueryBody,
  right: QueryBody,
): SetOperation {
  return { kind: 'setOperation', start: left.start, end: right.end, operator, all, left, right, orderBy: [] };
}

/** INTO inside an operand would belong to the whole: not understood. */
function refuseInto(cursor: Cursor, operation: SetOperation): void {
  for (const operand of [operation.left, operation.right]) {
    if (operand.kind === 'select' && operand.into !== undefined)
      throw cursor.problem('INTO inside UNION is not understood');
  }
}

function parseOperand(cursor: Cursor): DraftBody {
  const { start } = cursor;
  switch (cursor.symbol()) {
    case 'SELECT':
      return parseSelect(cursor);
    case 'TABLE': {
      cursor.advance();
      const name = parseTableName(cursor);
      return { kind: 'tableBlock', start, end: cursor.end, name, orderBy: [] };
    }
    case 'VALUES':
      return parseValues(cursor);
    case '(': {
      cursor.advance();
      const query = parseQueryExpression(cursor);
      cursor.expect(')');
      return { kind: 'parenQuery', start, end: cursor.end, query, orderBy: [] };
    }
    default:
      throw cursor.unexpected();
  }
}

/** `VALUES ROW(1, 2), ROW(3, 4)`; MariaDB writes no ROW. */
function parseValues(cursor: Cursor): Draft<ValuesBlock> {
  const { start } = cursor;
  cursor.expect('VALUES');
  const rows: Row[] = [];
  do {
    const from = cursor.start;
    if (!cursor.accept('ROW') && !cursor.mode.mariadb) throw cursor.unexpected();
    cursor.expect('(');
    const items = [];
    do items.push(parseColumnInput(cursor));
    while (cursor.accept(','));
    cursor.expect(')');
    rows.push({ kind: 'row', start: from, end: cursor.end, items });
  } while (cursor.accept(','));
  return { kind: 'values', start, end: cursor.end, rows, orderBy: [] };
}

/** ORDER BY, LIMIT, locks and INTO after the last operand. */
function parseTail(cursor: Cursor, body: DraftBody): void {
  if (cursor.is('ORDER')) {
    const { start } = cursor;
    body.orderBy = parseOrderBy(cursor);
    body.orderBySpan = { start, end: cursor.end };
  }
  if (startsLimit(cursor)) {
    body.limit = parseLimit(cursor);
    body.limitSpan = { start: body.limit.start, end: body.limit.end };
  }
  if (cursor.are('PROCEDURE', 'ANALYSE')) throw cursor.unexpected();
  parseTailInto(cursor, body);
  const lock = parseLocks(cursor);
  if (lock !== undefined) {
    if (body.kind !== 'select' && body.kind !== 'setOperation')
      throw cursor.problem('lock clause is not understood here');
    body.lock = lock;
  }
  parseTailInto(cursor, body);
  body.end = cursor.end;
}

function parseTailInto(cursor: Cursor, body: DraftBody): void {
  if (!cursor.is('INTO')) return;
  if (body.kind !== 'select' || body.into !== undefined) throw cursor.unexpected();
  body.into = parseInto(cursor);
}
