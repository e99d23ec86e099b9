/** The `sql` room: text to tokens, fingerprints and syntax trees, and back to nothing but spans. */

export type * from './ast.ts';
export * from './keyword-lookup.ts';
export * from './keywords.ts';
export * from './lexer.ts';
export type * from './literal-value.ts';
export * from './reserved-words.ts';
export * from './tokens.ts';
