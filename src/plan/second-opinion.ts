/** Lets a second parser read the statement on a plan-cache miss; where the two disagree the statement is refused (sql.md section 0, point 7). */
import { MeshError } from '../base/index.ts';
import { compareOpinion, ownOpinion, type Statement, secondOpinionOn } from '../sql/index.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { someNode } from './syntax-walk.ts';

let disagreements = 0;

/** Statements refused because the parsers disagreed, since the start. */
export function parserDisagreements(): number {
  return disagreements;
}

/** Throws SM_PARSER_DISAGREE. A statement that the second parser does not know, or that is too long for it, passes. */
export function checkSecondOpinion(statement: Statement, builder: PlanBuilder): void {
  // The second parser loses tables behind a parenthesised join: it has no opinion there.
  if (someNode(statement, (node) => node.kind === 'tables')) return;
  const own = ownOpinion(statement);
  if (own === undefined) return;
  const { tokens, fingerprint } = builder.text;
  const other = secondOpinionOn(tokens, fingerprint.firstToken, fingerprint.endToken, builder.environment.mode);
  if (other === undefined) return;
  const difference = compareOpinion(own, other);
  if (difference === undefined) return;
  disagreements++;
  throw new MeshError('SM_PARSER_DISAGREE', { what: difference });
}
