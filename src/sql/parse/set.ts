/** SET in all forms. */
import type { Expression, Identifier, SetItem, SetStatement, SetTarget, Statement } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseLiteral } from './literal.ts';
import { parseAnyIdentifier, parseIdentifier } from './names.ts';
import { parseSystemVariable, parseUserVariableName } from './primary.ts';

type Scope = Extract<SetTarget, { kind: 'system' }>['scope'];

const scopes: Readonly<Record<string, Scope>> = {
  GLOBAL: 'global',
  SESSION: 'session',
  LOCAL: 'session',
  PERSIST: 'persist',
  PERSIST_ONLY: 'persist_only',
};

/** Reads a SET statement; `inner` reads the statement of SET STATEMENT ... FOR. */
export function parseSet(cursor: Cursor, inner: (cursor: Cursor) => Statement): SetStatement {
  const { start } = cursor;
  cursor.expect('SET');
  if (cursor.mode.mariadb && cursor.is('STATEMENT') && cursor.symbol(1) !== '=' && cursor.symbol(1) !== ':=') {
    cursor.advance();
    const items = parseItems(cursor);
    if (items.some((item) => item.target.kind !== 'system'))
      throw cursor.problem('SET STATEMENT takes system variables only');
    cursor.expect('FOR');
    cursor.enter();
    const forStatement = inner(cursor);
    cursor.leave();
    return { kind: 'set', start, end: cursor.end, items, forStatement };
  }
  const items = parseWholeSet(cursor) ?? parseItems(cursor);
  return { kind: 'set', start, end: cursor.end, items };
}

/** Forms that are the whole statement: TRANSACTION, PASSWORD, ROLE, DEFAULT ROLE, RESOURCE GROUP. */
function parseWholeSet(cursor: Cursor): SetItem[] | undefined {
  const { start } = cursor;
  const word = cursor.symbol();
  const next = cursor.symbol(1);
  if (word === 'TRANSACTION' && next !== '=') return [parseSetTransaction(cursor, 'next')];
  if (
    next === 'TRANSACTION' &&
    (word === 'GLOBAL' || word === 'SESSION' || word === 'LOCAL') &&
    cursor.symbol(2) !== '='
  ) {
    cursor.advance();
    return [{ ...parseSetTransaction(cursor, word === 'GLOBAL' ? 'global' : 'session'), start }];
  }
  let kind: 'password' | 'role' | 'default role' | 'resource group';
  if (word === 'PASSWORD') kind = 'password';
  else if (word === 'ROLE' && next !== '=') kind = 'role';
  else if (word === 'DEFAULT' && next === 'ROLE') kind = 'default role';
  else if (word === 'RESOURCE' && next === 'GROUP') kind = 'resource group';
  else return undefined;
  cursor.advance();
  if (cursor.atEnd) throw cursor.unexpected();
  cursor.skipToEnd();
  return [{ start, end: cursor.end, target: { kind }, isDefault: false }];
}

/** ISOLATION LEVEL and READ ONLY | READ WRITE, in any order, each once. */
function parseSetTransaction(cursor: Cursor, scope: 'session' | 'global' | 'next'): SetItem {
  const { start } = cursor;
  cursor.expect('TRANSACTION');
  let isolation: string | undefined;
  let access: 'READ ONLY' | 'READ WRITE' | undefined;
  do {
    if (cursor.is('ISOLATION') && isolation === undefined) {
      cursor.skip(1);
      cursor.expect('LEVEL');
      isolation = parseIsolation(cursor);
    } else if (cursor.is('READ') && access === undefined) {
      cursor.advance();
      if (cursor.accept('ONLY')) access = 'READ ONLY';
      else {
        cursor.expect('WRITE');
        access = 'READ WRITE';
      }
    } else {
      throw cursor.unexpected();
    }
  } while (cursor.accept(','));
  const target: SetTarget = {
    kind: 'transaction',
    scope,
    ...(isolation === undefined ? {} : { isolation }),
    ...(access === undefined ? {} : { access }),
  };
  return { start, end: cursor.end, target, isDefault: false };
}

function parseIsolation(cursor: Cursor): string {
  if (cursor.accept('SERIALIZABLE')) return 'SERIALIZABLE';
  if (cursor.acceptAll('REPEATABLE', 'READ')) return 'REPEATABLE READ';
  if (cursor.acceptAll('READ', 'COMMITTED')) return 'READ COMMITTED';
  if (cursor.acceptAll('READ', 'UNCOMMITTED')) return 'READ UNCOMMITTED';
  throw cursor.unexpected();
}

function parseItems(cursor: Cursor): SetItem[] {
  const items: SetItem[] = [];
  // GLOBAL or SESSION holds for the assignments after it that have no word of their own.
  let scope: Scope = 'default';
  do {
    const item = parseItem(cursor, scope);
    if (item.target.kind === 'system' && !item.written) scope = item.target.scope;
    const { written: _, ...rest } = item;
    items.push(rest);
  } while (cursor.accept(','));
  return items;
}

interface WrittenItem extends SetItem {
  /** The scope was written as `@@scope.`, which holds for this item only. */
  readonly written: boolean;
}

function parseItem(cursor: Cursor, scope: Scope): WrittenItem {
  const { start } = cursor;
  const word = cursor.symbol();
  if (cursor.kind() === TokenKind.userVariable) {
    const { name } = parseUserVariableName(cursor);
    expectAssign(cursor);
    const value = parseExpression(cursor);
    const valueSpan = { start: value.start, end: value.end };
    return {
      start,
      end: cursor.end,
      target: { kind: 'user', name },
      value,
      valueSpan,
      isDefault: false,
      written: false,
    };
  }
  if (cursor.kind() === TokenKind.systemVariable) {
    const variable = parseSystemVariable(cursor);
    return parseAssigned(cursor, start, { kind: 'system', scope: variable.scope, name: variable.name }, true);
  }
  if (word === 'NAMES' && !isAssign(cursor.symbol(1))) return parseNames(cursor, start);
  if ((word === 'CHARACTER' && cursor.symbol(1) === 'SET') || (word === 'CHARSET' && !isAssign(cursor.symbol(1)))) {
    cursor.skip(word === 'CHARSET' ? 1 : 2);
    return { ...parseCharsetValue(cursor, start, { kind: 'charset' }), written: false };
  }
  const own = Object.hasOwn(scopes, word) && !isAssign(cursor.symbol(1)) ? scopes[word] : undefined;
  if (own !== undefined) cursor.advance();
  let name = parseIdentifier(cursor).name;
  while (cursor.accept('.')) name += `.${parseAnyIdentifier(cursor).name}`;
  const target: SetTarget = { kind: 'system', scope: own ?? scope, name: name.toLowerCase() };
  return parseAssigned(cursor, start, target, false);
}

function isAssign(symbol: string): boolean {
  return symbol === '=' || symbol === ':=' || symbol === '.';
}

function expectAssign(cursor: Cursor): void {
  if (!cursor.accept(':=')) cursor.expect('=');
}

/** `= value` of a system variable. */
function parseAssigned(cursor: Cursor, start: number, target: SetTarget, written: boolean): WrittenItem {
  expectAssign(cursor);
  if (cursor.is('DEFAULT') && cursor.symbol(1) !== '(') {
    const valueSpan = { start: cursor.start, end: cursor.tokens.ends[cursor.at]! };
    cursor.advance();
    return { start, end: cursor.end, target, valueSpan, isDefault: true, written };
  }
  const value = isBareWord(cursor) ? wordValue(parseAnyIdentifier(cursor)) : parseExpression(cursor);
  const valueSpan = { start: value.start, end: value.end };
  return { start, end: cursor.end, target, value, valueSpan, isDefault: false, written };
}

const bareWords: ReadonlySet<string> = new Set(['ON', 'ALL', 'BINARY', 'ROW', 'SYSTEM']);

/** Reserved words that are values of system variables. */
function isBareWord(cursor: Cursor): boolean {
  if (!bareWords.has(cursor.symbol())) return false;
  const next = cursor.symbol(1);
  return next === ',' || next === ';' || next === 'FOR' || cursor.kind(1) === TokenKind.end;
}

function wordValue(column: Identifier): Expression {
  return { kind: 'column', start: column.start, end: column.end, column };
}

/** `NAMES charset [COLLATE collation]`. */
function parseNames(cursor: Cursor, start: number): WrittenItem {
  cursor.expect('NAMES');
  const item = parseCharsetValue(cursor, start, { kind: 'names' });
  if (item.isDefault || !cursor.accept('COLLATE')) return { ...item, written: false };
  const from = cursor.start;
  const literal = parseLiteral(cursor);
  if (literal === undefined) parseAnyIdentifier(cursor);
  const collation = cursor.decode(from, cursor.end).replace(/^['"`]|['"`]$/g, '');
  return { ...item, end: cursor.end, target: { kind: 'names', collation }, written: false };
}

/** A character set as a word, a string or DEFAULT. */
function parseCharsetValue(cursor: Cursor, start: number, target: SetTarget): SetItem {
  const from = cursor.start;
  if (cursor.accept('DEFAULT')) {
    return { start, end: cursor.end, target, valueSpan: { start: from, end: cursor.end }, isDefault: true };
  }
  const value = cursor.kind() === TokenKind.string ? parseLiteral(cursor) : wordValue(parseAnyIdentifier(cursor));
  if (value === undefined) throw cursor.unexpected();
  return { start, end: cursor.end, target, value, valueSpan: { start: from, end: cursor.end }, isDefault: false };
}
