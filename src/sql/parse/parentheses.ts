/** `( ... )` in an expression: one expression, a row, or a query; decided without reading anything twice. */
import type { Expression, Parenthesised, ParenthesisedQuery, Row, ScalarSubquery } from '../ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { continuesQuery, parseQueryExpression, startsQuery } from './query.ts';

/** Reads from `(` to its `)`. `((SELECT 1))` and `((SELECT 1) UNION (SELECT 2))` are queries, `((SELECT 1) + 1)` is not. */
export function parseParentheses(cursor: Cursor): Parenthesised | Row | ScalarSubquery {
  const start = cursor.start;
  cursor.expect('(');
  if (startsQuery(cursor)) {
    const query = parseQueryExpression(cursor);
    cursor.expect(')');
    return { kind: 'subquery', start, end: cursor.end, query };
  }
  const inner = parseExpression(cursor);
  if (inner.kind === 'subquery' && (cursor.is(')') || continuesQuery(cursor))) {
    const query = parseQueryExpression(cursor, asQuery(inner));
    cursor.expect(')');
    return { kind: 'subquery', start, end: cursor.end, query };
  }
  if (!cursor.is(',')) {
    cursor.expect(')');
    return { kind: 'paren', start, end: cursor.end, inner };
  }
  const items: Expression[] = [inner];
  while (cursor.accept(',')) items.push(parseExpression(cursor));
  cursor.expect(')');
  return { kind: 'row', start, end: cursor.end, items };
}

/** A query in parentheses that was read as an expression or a derived table, as the left operand of a larger query. */
export function asQuery(subquery: Pick<ScalarSubquery, 'start' | 'end' | 'query'>): ParenthesisedQuery {
  const { start, end, query } = subquery;
  return { kind: 'parenQuery', start, end, query, orderBy: [] };
}
