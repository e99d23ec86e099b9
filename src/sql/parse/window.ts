/** Window specifications: OVER and the WINDOW clause. */
import type { Expression, Identifier, OrderItem, WindowSpec } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseIdentifier, startsName } from './names.ts';
import { parseOrderBy } from './query-tail.ts';

/** `OVER w` or `OVER (...)`; the specification's span leaves OVER out. */
export function parseOver(cursor: Cursor): WindowSpec {
  cursor.expect('OVER');
  if (cursor.is('(')) return parseWindow(cursor);
  const name = parseIdentifier(cursor);
  return { start: name.start, end: name.end, name, partitionBy: [], orderBy: [] };
}

/** `WINDOW w AS (...), ...`. */
export function parseNamedWindows(cursor: Cursor): { name: Identifier; spec: WindowSpec }[] {
  cursor.expect('WINDOW');
  const windows: { name: Identifier; spec: WindowSpec }[] = [];
  do {
    const name = parseIdentifier(cursor);
    cursor.expect('AS');
    windows.push({ name, spec: parseWindow(cursor) });
  } while (cursor.accept(','));
  return windows;
}

/** `([name] [PARTITION BY ...] [ORDER BY ...] [frame])`. */
function parseWindow(cursor: Cursor): WindowSpec {
  const { start } = cursor;
  cursor.expect('(');
  const named = startsName(cursor) && !isFrameStart(cursor.symbol());
  const name = named ? parseIdentifier(cursor) : undefined;
  const partitionBy: Expression[] = [];
  if (cursor.acceptAll('PARTITION', 'BY')) {
    do partitionBy.push(parseExpression(cursor));
    while (cursor.accept(','));
  }
  const orderBy: OrderItem[] = cursor.is('ORDER') ? parseOrderBy(cursor) : [];
  const from = cursor.start;
  if (!cursor.is(')')) skipFrame(cursor);
  const frame = cursor.end > from ? { start: from, end: cursor.end } : undefined;
  cursor.expect(')');
  return {
    start,
    end: cursor.end,
    partitionBy,
    orderBy,
    ...(name === undefined ? {} : { name }),
    ...(frame === undefined ? {} : { frame }),
  };
}

function isFrameStart(word: string): boolean {
  return word === 'ROWS' || word === 'RANGE' || word === 'GROUPS';
}

/** A frame holds constants and parameters only; its text is kept. */
function skipFrame(cursor: Cursor): void {
  if (!isFrameStart(cursor.symbol())) throw cursor.unexpected();
  while (!cursor.is(')')) {
    if (cursor.atEnd || cursor.kind() === TokenKind.bad || cursor.is('SELECT')) throw cursor.unexpected();
    if (cursor.is('(')) cursor.skipParentheses();
    else cursor.advance();
  }
}
