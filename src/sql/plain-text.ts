/** Writes a statement's tokens out again as the plainest text of the same structure, for a reader that knows fewer spellings. */

import { Keyword, Op } from './keywords.ts';
import { isReserved } from './reserved-words.ts';
import { listEnd, measureRows } from './slot-shape.ts';
import { type LexMode, TokenKind, type TokenList } from './tokens.ts';

/** A statement in plain spelling. */
export interface PlainText {
  readonly text: string;
  /** True if it holds operators whose precedence or reading differs between parsers: predicates can't be compared. */
  readonly doubtful: boolean;
}

/** Deeper parentheses are not given to the other reader. */
const DEPTH_MAX = 40;

const doubtfulWords = new Set<number>([
  Keyword.BINARY,
  Keyword.COLLATE,
  Keyword.XOR,
  Keyword.SOUNDS,
  Keyword.MEMBER,
  Keyword.IS,
]);

/**
 * The tokens [first, end) with literals replaced by 1 and 's', lists and rows of literals by their first element or row, names in
 * backticks, && and || by words, comments dropped and executable comments opened. Undefined if it would be longer than
 * `limit` characters, or holds what the other reader misreads beyond repair.
 */
export function plainText(
  tokens: TokenList,
  first: number,
  end: number,
  mode: LexMode,
  limit: number,
): PlainText | undefined {
  const { kinds, ids } = tokens;
  let text = '';
  let doubtful = mode.highNotPrecedence;
  let depth = 0;
  for (let i = first; i < end; i++) {
    if (text.length > limit) return undefined;
    const kind = kinds[i]!;
    const id = ids[i]!;
    switch (kind) {
      case TokenKind.bad:
        return undefined;
      case TokenKind.introducer:
        continue;
      case TokenKind.string:
        text += ` 's'`;
        while (i + 1 < end && kinds[i + 1] === TokenKind.string) i++;
        continue;
      case TokenKind.integer:
      case TokenKind.decimal:
      case TokenKind.float:
      case TokenKind.hex:
      case TokenKind.bit:
        text += ' 1';
        continue;
      case TokenKind.quotedName: {
        const name = spelling(tokens, i, mode).slice(1, -1);
        if (/[`"\\]/.test(name)) return undefined;
        text += `${touches(tokens, i, first) ? '' : ' '}\`${name}\``;
        continue;
      }
      case TokenKind.word: {
        const isTemporal = id === Keyword.DATE || id === Keyword.TIME || id === Keyword.TIMESTAMP;
        if (isTemporal && kinds[i + 1] === TokenKind.string) continue;
        if (doubtfulWords.has(id)) doubtful = true;
        text += `${touches(tokens, i, first) ? '' : ' '}${spelling(tokens, i, mode)}`;
        if (!isOpen(tokens, i + 1, end)) continue;
        if (id === Keyword.IN) {
          const close = listEnd(tokens, i + 2);
          if (close > 0 && close < end) {
            text += kinds[i + 2] === TokenKind.string ? " ('s')" : ' (1)';
            i = close;
          }
        } else if ((id === Keyword.VALUES || id === Keyword.VALUE) && depth === 0) {
          const shape = measureRows(tokens, i + 1);
          if (shape !== undefined) {
            const row = plainText(tokens, i + 1, i + 1 + shape.rowTokens, mode, limit);
            if (row === undefined) return undefined;
            doubtful ||= row.doubtful;
            text += row.text;
            i += shape.rows * (shape.rowTokens + 1) - 1;
          }
        }
        continue;
      }
      case TokenKind.punctuation: {
        if (isSign(tokens, i, first, mode)) continue;
        if (id === Op.LPAREN && ++depth > DEPTH_MAX) return undefined;
        if (id === Op.RPAREN) depth--;
        if (id === Op.BANG || id === Op.ASSIGN) doubtful = true;
        if (id === Op.AND_AND) text += ' AND';
        else if (id === Op.PIPE_PIPE) {
          if (mode.pipesAsConcat) doubtful = true;
          text += mode.pipesAsConcat ? ' ||' : ' OR';
        } else text += `${touches(tokens, i, first) ? '' : ' '}${spelling(tokens, i, mode)}`;
        continue;
      }
      default:
        text += `${touches(tokens, i, first) ? '' : ' '}${spelling(tokens, i, mode)}`;
    }
  }
  return text.length > limit ? undefined : { text, doubtful };
}

/** Whether the token is the sign of a number: the number is replaced, its sign with it. */
function isSign(tokens: TokenList, i: number, first: number, mode: LexMode): boolean {
  const { kinds, ids } = tokens;
  if (ids[i] !== Op.MINUS && ids[i] !== Op.PLUS) return false;
  const next = kinds[i + 1]!;
  if (next !== TokenKind.integer && next !== TokenKind.decimal && next !== TokenKind.float) return false;
  if (i === first) return false;
  if (kinds[i - 1] === TokenKind.punctuation) return ids[i - 1] !== Op.RPAREN;
  return kinds[i - 1] === TokenKind.word && isReserved(ids[i - 1]!, mode.mariadb);
}

function isOpen(tokens: TokenList, i: number, end: number): boolean {
  return i < end && tokens.kinds[i] === TokenKind.punctuation && tokens.ids[i] === Op.LPAREN;
}

/** Whether no gap stands before the token, and the token before was written out as it is. */
function touches(tokens: TokenList, i: number, first: number): boolean {
  if (i === first || tokens.ends[i - 1] !== tokens.starts[i]) return false;
  const before = tokens.kinds[i - 1];
  if (before === TokenKind.punctuation) return tokens.ids[i - 1] === Op.DOT;
  if (before === TokenKind.systemVariable) return true;
  return (before === TokenKind.word || before === TokenKind.quotedName) && tokens.kinds[i] === TokenKind.punctuation;
}

function spelling(tokens: TokenList, i: number, mode: LexMode): string {
  const { text, starts, ends } = tokens;
  return Buffer.from(text.buffer, text.byteOffset + starts[i]!, ends[i]! - starts[i]!).toString(mode.charset);
}
