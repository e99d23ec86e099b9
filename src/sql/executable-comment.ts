/** Takes the marks of executable comments out of a text, so that it may be spliced anywhere. */
import { MarkKind, type TokenList } from './tokens.ts';

/**
 * The text with `/*!50100`, its closing mark, and comments that this server version skips replaced by blanks: what a server of
 * the lexed version understands is the same, and every offset stays where it is. The text itself if there is none.
 */
export function withoutExecutableComments(tokens: TokenList): Uint8Array {
  if (!tokens.hasExecutableComments && !tokens.skippedExecutableComments) return tokens.text;
  const plain = Buffer.from(tokens.text);
  const { marks } = tokens;
  for (let at = 0; at < marks.length; at += 4) {
    const kind = marks[at + 1];
    if (kind === MarkKind.open || kind === MarkKind.close || kind === MarkKind.skipped) {
      plain.fill(0x20, marks[at + 2], marks[at + 3]);
    }
  }
  return plain;
}
