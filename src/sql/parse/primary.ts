/** Operands: literals, columns, variables, parentheses, CASE, CAST, EXISTS and calls. */
import type {
  Case,
  Cast,
  ColumnRef,
  ColumnValue,
  Expression,
  Identifier,
  MatchAgainst,
  Row,
  UserVariable,
} from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import { isCallable, parseBareCall, parseCall, parseSequenceValue } from './call.ts';
import type { Cursor } from './cursor.ts';
import { parseBitExpression, parseExpression, parseSubquery } from './expression.ts';
import { parseLiteral, parseStringLiteral } from './literal.ts';
import { parseAnyIdentifier, parseIdentifier } from './names.ts';
import { parseParentheses } from './parentheses.ts';

/** Reads one operand, without operators around it. */
export function parsePrimary(cursor: Cursor): Expression {
  const literal = parseLiteral(cursor);
  if (literal !== undefined) return literal;
  switch (cursor.kind()) {
    case TokenKind.parameter: {
      const { start, parameters } = cursor;
      cursor.advance();
      return { kind: 'parameter', start, end: cursor.end, index: parameters };
    }
    case TokenKind.userVariable:
      return parseUserVariable(cursor);
    case TokenKind.systemVariable:
      return parseSystemVariable(cursor);
    case TokenKind.word:
      return parseWord(cursor);
    case TokenKind.quotedName:
      return parseNameOrCall(cursor);
    default:
      if (cursor.is('(')) return parseParentheses(cursor);
      throw cursor.unexpected();
  }
}

function parseWord(cursor: Cursor): Expression {
  const called = cursor.symbol(1) === '(';
  switch (cursor.symbol()) {
    case 'CASE':
      return parseCase(cursor);
    case 'EXISTS': {
      const { start } = cursor;
      cursor.advance();
      const query = parseSubquery(cursor);
      return { kind: 'exists', start, end: cursor.end, query };
    }
    case 'ROW':
      return called ? parseRow(cursor) : parseNameOrCall(cursor);
    case 'CAST':
      return called ? parseCast(cursor) : parseNameOrCall(cursor);
    case 'CONVERT':
      return parseConvert(cursor);
    case 'MATCH':
      return parseMatch(cursor);
    case 'DEFAULT':
      if (!called) throw cursor.unexpected();
      return parseColumnValue(cursor, 'default');
    case 'VALUES':
      if (!called) throw cursor.unexpected();
      return parseColumnValue(cursor, 'values');
    case 'VALUE':
      return called && cursor.mode.mariadb ? parseColumnValue(cursor, 'values') : parseNameOrCall(cursor);
    case 'NEXT':
    case 'PREVIOUS':
      return parseSequenceValue(cursor) ?? parseNameOrCall(cursor);
    default:
      return parseBareCall(cursor) ?? parseNameOrCall(cursor);
  }
}

function parseNameOrCall(cursor: Cursor): Expression {
  if (cursor.symbol(1) === '(' && isCallable(cursor)) return parseCall(cursor);
  const first = parseIdentifier(cursor);
  if (cursor.is('.') && cursor.symbol(2) === '(') {
    cursor.advance();
    return parseCall(cursor, first);
  }
  return parseJsonPath(cursor, parseColumnTail(cursor, first));
}

/** MySQL: `column -> '$.path'` and `column ->> '$.path'`. */
function parseJsonPath(cursor: Cursor, column: ColumnRef): Expression {
  const operator = cursor.acceptOne('->', '->>');
  if (operator === undefined) return column;
  const right = parseStringLiteral(cursor);
  const { start } = column;
  return { kind: 'binary', start, end: right.end, operator: operator === '->' ? '->' : '->>', left: column, right };
}

function parseColumnTail(cursor: Cursor, first: Identifier): ColumnRef {
  if (!cursor.accept('.')) return { kind: 'column', start: first.start, end: first.end, column: first };
  const second = parseAnyIdentifier(cursor);
  if (!cursor.accept('.')) {
    return { kind: 'column', start: first.start, end: second.end, table: first, column: second };
  }
  const column = parseAnyIdentifier(cursor);
  return { kind: 'column', start: first.start, end: column.end, schema: first, table: second, column };
}

/** `c`, `t.c` or `db.t.c`, where no call may stand. */
export function parseColumnRef(cursor: Cursor): ColumnRef {
  return parseColumnTail(cursor, parseIdentifier(cursor));
}

/** `@a`, `@'a'`, @`a`; the name is given without its sign and quotes. */
export function parseUserVariableName(cursor: Cursor): UserVariable {
  if (cursor.kind() !== TokenKind.userVariable) throw cursor.unexpected();
  const { start } = cursor;
  const text = cursor.tokenText(cursor.at);
  cursor.advance();
  const body = text.slice(1);
  const quote = body[0];
  const quoted = quote === '`' || quote === "'" || quote === '"';
  const name = quoted ? body.slice(1, -1).replaceAll(quote + quote, quote) : body;
  return { kind: 'userVariable', start, end: cursor.end, name };
}

function parseUserVariable(cursor: Cursor): Expression {
  const variable = parseUserVariableName(cursor);
  if (!cursor.accept(':=')) return variable;
  const value = parseExpression(cursor);
  return { kind: 'assignment', start: variable.start, end: value.end, variable, value };
}

const scopes: Readonly<Record<string, 'session' | 'global' | 'persist' | 'persist_only'>> = {
  SESSION: 'session',
  LOCAL: 'session',
  GLOBAL: 'global',
  PERSIST: 'persist',
  PERSIST_ONLY: 'persist_only',
};

/** `@@[scope.]name`; names are case-insensitive and given in lower case. */
export function parseSystemVariable(cursor: Cursor): Extract<Expression, { kind: 'systemVariable' }> {
  const { start } = cursor;
  cursor.advance();
  const word = cursor.symbol();
  const scope = Object.hasOwn(scopes, word) && cursor.symbol(1) === '.' ? scopes[word] : undefined;
  if (scope !== undefined) cursor.skip(2);
  let name = parseAnyIdentifier(cursor).name;
  while (cursor.accept('.')) name += `.${parseAnyIdentifier(cursor).name}`;
  return { kind: 'systemVariable', start, end: cursor.end, scope: scope ?? 'default', name: name.toLowerCase() };
}

function parseCase(cursor: Cursor): Case {
  const { start } = cursor;
  cursor.advance();
  const operand = cursor.is('WHEN') ? undefined : parseExpression(cursor);
  const branches: { when: Expression; then: Expression }[] = [];
  do {
    cursor.expect('WHEN');
    const when = parseExpression(cursor);
    cursor.expect('THEN');
    // biome-ignore lint/suspicious/noThenProperty: no promise, the AST's word for a branch's result
    branches.push({ when, then: parseExpression(cursor) });
  } while (cursor.is('WHEN'));
  const otherwise = cursor.accept('ELSE') ? parseExpression(cursor) : undefined;
  cursor.expect('END');
  return {
    kind: 'case',
    start,
    end: cursor.end,
    branches,
    ...(operand === undefined ? {} : { operand }),
    ...(otherwise === undefined ? {} : { otherwise }),
  };
}

function parseRow(cursor: Cursor): Row {
  const { start } = cursor;
  cursor.skip(2);
  const items: Expression[] = [];
  if (!cursor.is(')')) {
    do items.push(parseExpression(cursor));
    while (cursor.accept(','));
  }
  cursor.expect(')');
  return { kind: 'row', start, end: cursor.end, items };
}

function parseCast(cursor: Cursor): Cast {
  const { start } = cursor;
  cursor.skip(2);
  const operand = parseExpression(cursor);
  if (cursor.acceptAll('AT', 'TIME', 'ZONE')) {
    cursor.accept('INTERVAL');
    if (parseLiteral(cursor) === undefined) throw cursor.unexpected();
  }
  cursor.expect('AS');
  return finishCast(cursor, start, operand);
}

/** The type up to the closing parenthesis. */
function finishCast(cursor: Cursor, start: number, operand: Expression): Cast {
  const from = cursor.start;
  if (cursor.is(')')) throw cursor.unexpected();
  while (!cursor.is(')')) {
    if (cursor.atEnd || cursor.is(',') || cursor.kind() === TokenKind.parameter) throw cursor.unexpected();
    if (cursor.is('(')) cursor.skipParentheses();
    else cursor.advance();
  }
  const typeSpan = { start: from, end: cursor.end };
  const type = cursor.decode(from, cursor.end);
  cursor.advance();
  return { kind: 'cast', start, end: cursor.end, operand, typeSpan, type };
}

function parseConvert(cursor: Cursor): Cast {
  const { start } = cursor;
  cursor.advance();
  cursor.expect('(');
  const operand = parseExpression(cursor);
  if (!cursor.accept('USING')) cursor.expect(',');
  return finishCast(cursor, start, operand);
}

function parseMatch(cursor: Cursor): MatchAgainst {
  const { start } = cursor;
  cursor.advance();
  const enclosed = cursor.accept('(');
  const columns = [parseColumnRef(cursor)];
  while (cursor.accept(',')) columns.push(parseColumnRef(cursor));
  if (enclosed) cursor.expect(')');
  cursor.expect('AGAINST');
  cursor.expect('(');
  const against = parseBitExpression(cursor);
  if (cursor.accept('IN')) {
    if (!cursor.accept('BOOLEAN')) cursor.expectAll('NATURAL', 'LANGUAGE');
    cursor.expect('MODE');
  }
  if (cursor.accept('WITH')) cursor.expectAll('QUERY', 'EXPANSION');
  cursor.expect(')');
  return { kind: 'match', start, end: cursor.end, columns, against };
}

function parseColumnValue(cursor: Cursor, which: 'default' | 'values'): ColumnValue {
  const { start } = cursor;
  cursor.skip(2);
  const column = parseColumnRef(cursor);
  cursor.expect(')');
  return { kind: 'columnValue', start, end: cursor.end, which, column };
}

/** An expression, or DEFAULT, as the value of a column. */
export function parseColumnInput(cursor: Cursor): Expression {
  if (!cursor.is('DEFAULT') || cursor.symbol(1) === '(') return parseExpression(cursor);
  const { start } = cursor;
  cursor.advance();
  return { kind: 'columnValue', start, end: cursor.end, which: 'default' };
}
