/** Expressions without the parentheses around them. */
import type { Expression } from '../sql/index.ts';

/** Takes parentheses off. */
export function strip(expression: Expression): Expression {
  while (expression.kind === 'paren') expression = expression.inner;
  return expression;
}
