/** Cuts the inside of one `${...}` into tokens. */
import { ExpressionError } from './expression.ts';

export interface InlineToken {
  readonly kind: 'integer' | 'text' | 'name' | 'symbol' | 'end';
  /** Offset in the whole text. */
  readonly at: number;
  /** The name, symbol, digits, or the string's content. */
  readonly text: string;
}

/** Longest first. `$` never starts a token: nested places are no part of the language. */
const symbols = [
  '>>>',
  '..<',
  '->',
  '..',
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '<<',
  '>>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '<',
  '>',
  '!',
  '~',
  '&',
  '|',
  '^',
  '?',
  ':',
  '.',
  ',',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
];

/** Tokens from `start` up to the `}` that closes the place; the last token is `end`, at that `}`. Throws ExpressionError. */
export function tokenize(text: string, start: number): InlineToken[] {
  const tokens: InlineToken[] = [];
  let at = start;
  let depth = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at]!)) at++;
    if (at >= text.length) throw new ExpressionError(start - 1, 'this place is not closed by }');
    const first = text[at]!;
    if (first === '}' && depth === 0) {
      tokens.push({ kind: 'end', at, text: '}' });
      return tokens;
    }
    if (first >= '0' && first <= '9') {
      const match = /^\d+/.exec(text.slice(at))![0];
      const after = text.slice(at + match.length);
      const suffix = /^[lLgGiI](?![A-Za-z0-9_])/.exec(after)?.[0] ?? '';
      if (/^(?:\.\d|[A-Za-z_])/.test(after.slice(suffix.length)))
        throw new ExpressionError(at, 'only whole numbers are known here');
      tokens.push({ kind: 'integer', at, text: match });
      at += match.length + suffix.length;
    } else if (/[A-Za-z_]/.test(first)) {
      const name = /^[A-Za-z0-9_]+/.exec(text.slice(at))![0];
      tokens.push({ kind: 'name', at, text: name });
      at += name.length;
    } else if (first === "'" || first === '"') {
      const token = quoted(text, at);
      tokens.push(token.token);
      at = token.end;
    } else {
      const symbol = symbols.find((candidate) => text.startsWith(candidate, at));
      if (symbol === undefined) throw new ExpressionError(at, `'${first}' is not understood here`);
      if (symbol === '{') depth++;
      if (symbol === '}') depth--;
      tokens.push({ kind: 'symbol', at, text: symbol });
      at += symbol.length;
    }
  }
}

function quoted(text: string, start: number): { token: InlineToken; end: number } {
  const quote = text[start]!;
  let content = '';
  let at = start + 1;
  for (; at < text.length && text[at] !== quote; at++) {
    const character = text[at]!;
    if (character === '$' && quote === '"')
      throw new ExpressionError(at, 'a place inside a string is not known; join with +');
    if (character !== '\\') {
      content += character;
      continue;
    }
    at++;
    const escaped = text[at];
    if (escaped === 'n') content += '\n';
    else if (escaped === 't') content += '\t';
    else if (escaped === '\\' || escaped === "'" || escaped === '"' || escaped === '$') content += escaped;
    else throw new ExpressionError(at - 1, 'unknown escape in a string');
  }
  if (at >= text.length) throw new ExpressionError(start, 'this string is not closed');
  return { token: { kind: 'text', at: start, text: content }, end: at + 1 };
}
