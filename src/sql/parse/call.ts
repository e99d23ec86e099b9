/** Function calls, with the argument syntaxes that some functions have to themselves. */
import type { Call, Expression, Identifier, OrderItem } from '../ast.ts';
import { Keyword } from '../keywords.ts';
import { isReserved } from '../reserved-words.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor, Draft } from './cursor.ts';
import { isIntervalUnit, parseBitExpression, parseExpression } from './expression.ts';
import { parseStringLiteral } from './literal.ts';
import { parseAnyIdentifier, parseTableName } from './names.ts';
import { parseLimit, parseOrderBy } from './query-tail.ts';
import { parseOver } from './window.ts';

/** Reserved words that are functions all the same when `(` follows. */
const callableReserved: ReadonlySet<string> = new Set(
  `CHAR CUME_DIST CURRENT_DATE CURRENT_ROLE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DATABASE DENSE_RANK FIRST_VALUE GROUPING
  IF INSERT INTERVAL LAG LAST_VALUE LEAD LEFT LOCALTIME LOCALTIMESTAMP MOD NTH_VALUE NTILE PERCENT_RANK RANK REPEAT REPLACE
  RIGHT ROW_NUMBER SCHEMA UTC_DATE UTC_TIME UTC_TIMESTAMP`.split(/\s+/),
);

/** Functions that are written without parentheses too. */
const bareFunctions: ReadonlySet<string> = new Set(
  `CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER LOCALTIME LOCALTIMESTAMP UTC_DATE UTC_TIME UTC_TIMESTAMP`.split(
    ' ',
  ),
);

/** Whether the current name can be called. In quotes COUNT is no aggregate but some stored function: not understood. */
export function isCallable(cursor: Cursor): boolean {
  if (cursor.kind() === TokenKind.quotedName) {
    const name = cursor.tokenText(cursor.at).slice(1, -1);
    return !Object.hasOwn(Keyword, name.toUpperCase());
  }
  return !isReserved(cursor.tokens.ids[cursor.at]!, cursor.mode.mariadb) || callableReserved.has(cursor.symbol());
}

/** CURRENT_TIMESTAMP and its like without parentheses; undefined when none stands here. */
export function parseBareCall(cursor: Cursor): Call | undefined {
  const name = cursor.symbol();
  const bare = bareFunctions.has(name) || (name === 'CURRENT_ROLE' && cursor.mode.mariadb);
  if (!bare || cursor.symbol(1) === '(') return undefined;
  const { start } = cursor;
  cursor.advance();
  const nameSpan = { start, end: cursor.end };
  return { kind: 'call', ...nameSpan, name, nameSpan, args: [], star: false, distinct: false, bare: true };
}

/** MariaDB: NEXT VALUE FOR s, PREVIOUS VALUE FOR s. The sequence is given as a column reference, as in NEXTVAL(s). */
export function parseSequenceValue(cursor: Cursor): Call | undefined {
  if (!cursor.mode.mariadb || cursor.symbol(1) !== 'VALUE' || cursor.symbol(2) !== 'FOR') return undefined;
  const { start } = cursor;
  const name = cursor.is('NEXT') ? 'NEXTVAL' : 'LASTVAL';
  cursor.skip(3);
  const nameSpan = { start, end: cursor.end };
  const { schema, table, start: from, end } = parseTableName(cursor);
  const sequence = {
    kind: 'column' as const,
    start: from,
    end,
    column: table,
    ...(schema === undefined ? {} : { table: schema }),
  };
  return { kind: 'call', start, end, name, nameSpan, args: [sequence], star: false, distinct: false, bare: false };
}

/** Reads `name(...)` and the clauses after it; `schema` is what stood before the dot. */
export function parseCall(cursor: Cursor, schema?: Identifier): Call {
  const identifier = parseAnyIdentifier(cursor);
  const quoted = identifier.quoted || schema !== undefined;
  const nameSpan = { start: identifier.start, end: identifier.end };
  const call: Draft<Call> = {
    kind: 'call',
    start: schema?.start ?? identifier.start,
    end: identifier.end,
    name: identifier.name.toUpperCase(),
    nameSpan,
    args: [],
    star: false,
    distinct: false,
    bare: false,
  };
  if (schema !== undefined) call.schema = schema;
  cursor.expect('(');
  if (cursor.is('*') && cursor.symbol(1) === ')') {
    call.star = true;
    cursor.advance();
  } else if (quoted || !parseSpecialArguments(cursor, call)) {
    parseArguments(cursor, call);
  }
  cursor.expect(')');
  parseAfterCall(cursor, call);
  call.end = cursor.end;
  return call;
}

/** `[DISTINCT | ALL] a, b [ORDER BY ...] [SEPARATOR 's'] [LIMIT ...]`. */
function parseArguments(cursor: Cursor, call: Draft<Call>): void {
  if (cursor.is(')')) return;
  if (cursor.accept('DISTINCT')) call.distinct = true;
  else cursor.accept('ALL');
  call.args = parseExpressions(cursor);
  if (call.name === 'GROUP_CONCAT' || call.name === 'JSON_ARRAYAGG') parseConcatClauses(cursor, call);
  else if (call.name === 'JSON_VALUE' || call.name === 'JSON_QUERY') skipJsonClauses(cursor);
}

/** `a, b, c`, at least one. */
export function parseExpressions(cursor: Cursor): Expression[] {
  const expressions: Expression[] = [];
  do expressions.push(parseExpression(cursor));
  while (cursor.accept(','));
  return expressions;
}

function parseConcatClauses(cursor: Cursor, call: Draft<Call>): void {
  if (cursor.is('ORDER')) call.orderBy = parseOrderBy(cursor);
  if (cursor.accept('SEPARATOR')) call.separator = parseStringLiteral(cursor);
  if (cursor.is('LIMIT')) call.limit = parseLimit(cursor);
}

/** RETURNING type, ... ON EMPTY, ... ON ERROR: constants only. */
function skipJsonClauses(cursor: Cursor): void {
  if (!cursor.is('RETURNING') && !cursor.is('NULL') && !cursor.is('ERROR') && !cursor.is('DEFAULT')) return;
  while (!cursor.is(')')) {
    if (cursor.atEnd || cursor.kind() === TokenKind.parameter) throw cursor.unexpected();
    if (cursor.is('(')) cursor.skipParentheses();
    else cursor.advance();
  }
}

/** Arguments of functions with a syntax of their own; false when the call is written with plain commas. */
function parseSpecialArguments(cursor: Cursor, call: Draft<Call>): boolean {
  switch (call.name) {
    case 'TRIM':
      call.args = parseTrim(cursor);
      return true;
    case 'SUBSTRING':
    case 'SUBSTR':
    case 'MID':
      call.args = parseSubstring(cursor);
      return true;
    case 'POSITION': {
      const needle = parseBitExpression(cursor);
      cursor.expect('IN');
      call.args = [needle, parseExpression(cursor)];
      return true;
    }
    case 'EXTRACT':
      parseUnit(cursor);
      cursor.expect('FROM');
      call.args = [parseExpression(cursor)];
      return true;
    case 'TIMESTAMPADD':
    case 'TIMESTAMPDIFF':
      parseUnit(cursor);
      cursor.expect(',');
      call.args = parseExpressions(cursor);
      return true;
    case 'GET_FORMAT':
      if (cursor.acceptOne('DATE', 'TIME', 'DATETIME', 'TIMESTAMP') === undefined) throw cursor.unexpected();
      cursor.expect(',');
      call.args = [parseExpression(cursor)];
      return true;
    case 'CHAR':
      call.args = parseExpressions(cursor);
      if (cursor.accept('USING')) parseAnyIdentifier(cursor);
      return true;
    case 'WEIGHT_STRING':
      call.args = [parseExpression(cursor)];
      if (cursor.is('AS') || cursor.is('LEVEL')) {
        while (!cursor.is(')') && !cursor.atEnd) {
          if (cursor.is('(')) cursor.skipParentheses();
          else cursor.advance();
        }
      } else if (cursor.accept(',')) {
        call.args = [...call.args, ...parseExpressions(cursor)];
      }
      return true;
    default:
      return false;
  }
}

function parseUnit(cursor: Cursor): void {
  if (!isIntervalUnit(cursor.symbol())) throw cursor.unexpected();
  cursor.advance();
}

/** `[BOTH | LEADING | TRAILING] [what] FROM text`, `what FROM text`, `text`. */
function parseTrim(cursor: Cursor): Expression[] {
  const side = cursor.acceptOne('BOTH', 'LEADING', 'TRAILING');
  if (side !== undefined && cursor.accept('FROM')) return [parseExpression(cursor)];
  const first = parseExpression(cursor);
  if (side !== undefined) cursor.expect('FROM');
  else if (!cursor.accept('FROM')) return [first];
  return [first, parseExpression(cursor)];
}

/** `text FROM n [FOR m]` or plain commas. */
function parseSubstring(cursor: Cursor): Expression[] {
  const text = parseExpression(cursor);
  if (cursor.accept('FROM')) {
    const from = parseExpression(cursor);
    return cursor.accept('FOR') ? [text, from, parseExpression(cursor)] : [text, from];
  }
  cursor.expect(',');
  return [text, ...parseExpressions(cursor)];
}

/** FROM FIRST, RESPECT NULLS, WITHIN GROUP (...), OVER. */
function parseAfterCall(cursor: Cursor, call: Draft<Call>): void {
  if (cursor.are('WITHIN', 'GROUP') && cursor.symbol(2) === '(') {
    cursor.skip(3);
    call.orderBy = parseOrderBy(cursor) as OrderItem[];
    cursor.expect(')');
  }
  if (call.name === 'NTH_VALUE' && !cursor.acceptAll('FROM', 'FIRST')) cursor.acceptAll('FROM', 'LAST');
  if (!cursor.acceptAll('RESPECT', 'NULLS')) cursor.acceptAll('IGNORE', 'NULLS');
  if (cursor.is('OVER')) call.over = parseOver(cursor);
}
