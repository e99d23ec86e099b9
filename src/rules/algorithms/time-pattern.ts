/** Java's date-time patterns, as far as INTERVAL needs them: y u M d H m s S, quoted text and punctuation. */
import { type CivilTime, isValidDate } from './civil-time.ts';

type Field = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'fraction';
type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'field'; readonly field: Field; readonly width: number };

export interface TimePattern {
  readonly length: number;
  readonly fields: ReadonlySet<Field>;
  /** Reads a text of this form; fields that are not in the pattern are the first possible. Undefined: not of this form, or no such time. */
  parse(text: string): CivilTime | undefined;
  format(time: CivilTime): string;
}

const letters: Readonly<Record<string, Field>> = {
  y: 'year',
  u: 'year',
  M: 'month',
  d: 'day',
  H: 'hour',
  m: 'minute',
  s: 'second',
  S: 'fraction',
};
const fieldMax: Readonly<Record<Field, number>> = {
  year: 4,
  month: 2,
  day: 2,
  hour: 2,
  minute: 2,
  second: 2,
  fraction: 9,
};

/** Answers a text that says what is wrong when the pattern is not understood. */
export function timePattern(pattern: string): TimePattern | string {
  const pieces: Piece[] = [];
  for (let at = 0; at < pattern.length; ) {
    const character = pattern[at]!;
    if (character === "'") {
      const end = pattern.indexOf("'", at + 1);
      if (end < 0) return "a quote (') is not closed";
      pieces.push({ kind: 'text', text: end === at + 1 ? "'" : pattern.slice(at + 1, end) });
      at = end + 1;
      continue;
    }
    if (!/[A-Za-z]/.test(character)) {
      pieces.push({ kind: 'text', text: character });
      at++;
      continue;
    }
    const field = letters[character];
    if (field === undefined) return `letter '${character}' is not supported; y M d H m s S are`;
    let width = 1;
    while (pattern[at + width] === character) width++;
    if (width > fieldMax[field] || (field === 'year' && width === 3))
      return `'${character.repeat(width)}' is not supported`;
    pieces.push({ kind: 'field', field, width });
    at += width;
  }
  const fields = new Set(pieces.flatMap((piece) => (piece.kind === 'field' ? [piece.field] : [])));
  return {
    length: pattern.length,
    fields,
    parse: (text) => parse(pieces, text),
    format: (time) => format(pieces, time),
  };
}

function parse(pieces: readonly Piece[], text: string): CivilTime | undefined {
  const found: Record<Field, number> = { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, fraction: 0 };
  let at = 0;
  for (const piece of pieces) {
    if (piece.kind === 'text') {
      if (!text.startsWith(piece.text, at)) return undefined;
      at += piece.text.length;
      continue;
    }
    const single = piece.width === 1 && piece.field !== 'fraction';
    const match = (single ? /^\d{1,2}/ : new RegExp(`^\\d{${piece.width}}`)).exec(text.slice(at));
    if (match === null) return undefined;
    at += match[0].length;
    const number = Number(match[0]);
    if (piece.field === 'year') found.year = piece.width === 2 ? 2000 + number : number;
    else if (piece.field === 'fraction') found.fraction = Number(match[0].padEnd(9, '0'));
    else found[piece.field] = number;
  }
  if (at !== text.length) return undefined;
  const { year, month, day, hour, minute, second, fraction } = found;
  if (!isValidDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return undefined;
  return { year, month, day, hour, minute, second, nano: fraction };
}

function format(pieces: readonly Piece[], time: CivilTime): string {
  let text = '';
  for (const piece of pieces) {
    if (piece.kind === 'text') text += piece.text;
    else if (piece.field === 'fraction') text += String(time.nano).padStart(9, '0').slice(0, piece.width);
    else if (piece.field === 'year' && piece.width === 2) text += String(time.year % 100).padStart(2, '0');
    else text += String(time[piece.field]).padStart(piece.width, '0');
  }
  return text;
}
