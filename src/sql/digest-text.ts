/** A statement as logs and statistics may show it: its tokens with every literal as `?`, lists of literals as `?, ...`. */
import { TokenKind, type TokenList } from './tokens.ts';

const literals: ReadonlySet<number> = new Set([
  TokenKind.integer,
  TokenKind.decimal,
  TokenKind.float,
  TokenKind.string,
  TokenKind.hex,
  TokenKind.bit,
  TokenKind.parameter,
  // Unterminated strings may hold anything.
  TokenKind.bad,
]);
/** Tokens that are read at most. */
const TOKENS_MAX = 2000;

/** Of the tokens `first` to `end` (exclusive); about `lengthMax` characters at most. No literal of the text is in it. */
export function digestText(tokens: TokenList, first: number, end: number, lengthMax = 1024): string {
  const { text, kinds, starts, ends } = tokens;
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  let out = '';
  const last = Math.min(end, tokens.count, first + TOKENS_MAX);
  for (let index = first; index < last && out.length < lengthMax; index += 1) {
    const kind = kinds[index] as number;
    if (literals.has(kind)) {
      out += gap(out, '?') ? ' ?' : '?';
      // One mark for a list of them.
      let more = index;
      while (
        more + 2 < last &&
        literals.has(kinds[more + 2] as number) &&
        isComma(bytes, starts[more + 1] as number, ends[more + 1] as number)
      )
        more += 2;
      if (more > index) out += ', ...';
      index = more;
      continue;
    }
    const word = bytes.toString('utf8', starts[index], ends[index]);
    // `f(x)` and `IN (x)` are kept apart as they were written.
    const apart = word !== '(' || index === first || (starts[index] as number) > (ends[index - 1] as number);
    out += (apart || out.endsWith(',')) && gap(out, word) ? ` ${word}` : word;
  }
  // Rows after the first say nothing new.
  return out.replace(/(\((?:\?|\?, \.\.\.)\))(?:, \((?:\?|\?, \.\.\.)\))+/g, '$1, ...').slice(0, lengthMax);
}

function isComma(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 1 && bytes[start] === 0x2c;
}

/** Whether a blank goes between what is there and the next token. */
function gap(out: string, next: string): boolean {
  if (out === '' || out.endsWith('(') || out.endsWith('.') || out.endsWith('@')) return false;
  return !(next === ',' || next === ')' || next === '.' || next === ';');
}
