/** One SELECT block up to its WINDOW clause. */
import type { OrderItem, SelectBlock, SelectItem, Star } from '../ast.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseAnyIdentifier, parseIdentifier, parseItemAlias, startsName } from './names.ts';
import { parseInto, parseOrderItems } from './query-tail.ts';
import { parseTableReferences } from './table-factor.ts';
import { parseNamedWindows } from './window.ts';

const options: ReadonlySet<string> = new Set(
  `ALL DISTINCT DISTINCTROW HIGH_PRIORITY STRAIGHT_JOIN SQL_SMALL_RESULT SQL_BIG_RESULT SQL_BUFFER_RESULT SQL_NO_CACHE
  SQL_CACHE SQL_CALC_FOUND_ROWS`.split(/\s+/),
);

/** Reads from SELECT on; ORDER BY and what follows is left to the caller. */
export function parseSelect(cursor: Cursor): Draft<SelectBlock> {
  const { start } = cursor;
  cursor.expect('SELECT');
  const keyword = { start, end: cursor.end };
  const seen: string[] = [];
  while (options.has(cursor.symbol()) && cursor.symbol(1) !== '.' && cursor.symbol(1) !== ',') {
    seen.push(cursor.symbol());
    cursor.advance();
  }
  const distinct = seen.includes('DISTINCT') || seen.includes('DISTINCTROW');
  const from = cursor.start;
  const items = parseSelectItems(cursor);
  const block: Draft<SelectBlock> = {
    kind: 'select',
    start,
    end: cursor.end,
    keyword,
    distinct,
    options: seen.filter((option) => option !== 'DISTINCT' && option !== 'DISTINCTROW'),
    items,
    itemsSpan: { start: from, end: cursor.end },
    from: [],
    groupBy: [],
    rollup: false,
    windows: [],
    orderBy: [],
  };
  if (cursor.is('INTO')) block.into = parseInto(cursor);
  if (cursor.accept('FROM')) {
    if (!cursor.accept('DUAL')) block.from = parseTableReferences(cursor);
  }
  if (cursor.accept('WHERE')) block.where = parseExpression(cursor);
  if (cursor.is('GROUP')) parseGroupBy(cursor, block);
  if (cursor.is('HAVING')) {
    const { start: having } = cursor;
    cursor.advance();
    block.having = parseExpression(cursor);
    block.havingSpan = { start: having, end: cursor.end };
  }
  if (cursor.is('WINDOW') && cursor.symbol(2) === 'AS') block.windows = parseNamedWindows(cursor);
  block.end = cursor.end;
  return block;
}

/** `a, b AS c, t.*`; also the list of RETURNING. */
export function parseSelectItems(cursor: Cursor): SelectItem[] {
  const items: SelectItem[] = [];
  do {
    const star = parseStar(cursor);
    const expression = star ?? parseExpression(cursor);
    const alias = star === undefined ? parseItemAlias(cursor) : undefined;
    items.push({ start: expression.start, end: cursor.end, expression, ...(alias === undefined ? {} : { alias }) });
  } while (cursor.accept(','));
  return items;
}

/** `*`, `t.*`, `db.t.*`. */
function parseStar(cursor: Cursor): Star | undefined {
  const { start } = cursor;
  if (cursor.accept('*')) return { kind: 'star', start, end: cursor.end };
  if (!startsName(cursor) || cursor.symbol(1) !== '.') return undefined;
  if (cursor.symbol(2) === '*') {
    const table = parseIdentifier(cursor);
    cursor.skip(2);
    return { kind: 'star', start, end: cursor.end, table };
  }
  if (cursor.symbol(3) !== '.' || cursor.symbol(4) !== '*') return undefined;
  const schema = parseIdentifier(cursor);
  cursor.advance();
  const table = parseAnyIdentifier(cursor);
  cursor.skip(2);
  return { kind: 'star', start, end: cursor.end, schema, table };
}

function parseGroupBy(cursor: Cursor, block: Draft<SelectBlock>): void {
  const { start } = cursor;
  cursor.expectAll('GROUP', 'BY');
  const extension = cursor.symbol();
  if ((extension === 'ROLLUP' || extension === 'CUBE') && cursor.symbol(1) === '(') throw cursor.unexpected();
  if (extension === 'GROUPING' && cursor.symbol(1) === 'SETS') throw cursor.unexpected();
  const items: OrderItem[] = parseOrderItems(cursor);
  block.groupBy = items;
  block.rollup = cursor.acceptAll('WITH', 'ROLLUP');
  block.groupBySpan = { start, end: cursor.end };
}
