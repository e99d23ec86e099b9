/** The `sql` room: text to tokens, fingerprints and syntax trees, and back to nothing but spans. */

export type * from './ast.ts';
export { isDeterministic } from './deterministic-functions.ts';
export { digestText } from './digest-text.ts';
export { withoutExecutableComments } from './executable-comment.ts';
export * from './fingerprint.ts';
export * from './fingerprint-buffer.ts';
export * from './keyword-lookup.ts';
export * from './keywords.ts';
export * from './lexer.ts';
export * from './literal-reader.ts';
export type * from './literal-value.ts';
export { compareOpinion, type Opinion, ownOpinion } from './opinion.ts';
export { parse } from './parse/parse.ts';
export * from './reserved-words.ts';
export { secondOpinion, secondOpinionOn } from './second-opinion.ts';
export { elementToken, slotRows, slotRowToken } from './slot-shape.ts';
export { type StatementEnd, statementEnd } from './statement-end.ts';
export * from './tokens.ts';
export * from './walk.ts';
