/**
 * The syntax tree of a text itself: a cached plan's tree has the spans of the text that was planned first, which may have had
 * other blanks and comments.
 */
import { FingerprintBuffer, fingerprint, parse, type Statement, type TokenList } from '../sql/index.ts';
import type { CommandContext } from './session.ts';
import { sessionEnvironment } from './session-environment.ts';
import { lexPlain } from './statement-text.ts';

export interface OwnStatement {
  /** Spans point into `text`. */
  readonly statement: Statement;
  readonly text: Buffer;
  /** Of the text; valid until anything else is lexed. */
  readonly tokens: TokenList;
}

/** The first statement of a text that has been planned before. */
export function ownStatement({ session }: CommandContext, text: Buffer): OwnStatement {
  const { share } = session;
  const { mode } = sessionEnvironment(session);
  const tokens = lexPlain(share.lexer, text, mode);
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  const parsed = parse(tokens, print.firstToken, mode, print);
  if (!parsed.ok) throw new Error(`a planned text is not understood: ${parsed.problem.message}`);
  return { statement: parsed.statement, text: Buffer.from(tokens.text), tokens };
}
