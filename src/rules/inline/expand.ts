/** Expands lists of names: `ds_${0..1}.orders_${0..3},ds_2.orders_x` to every combination, the leftmost place turning slowest. */
import { evaluateItems } from './compile.ts';
import { ExpressionError } from './expression.ts';
import { parseTemplate } from './parser.ts';
import { asText } from './values.ts';

const NAMES_MAX = 100_000;

export interface ExpandedName {
  readonly name: string;
  /** Offset of its list item in the text. */
  readonly at: number;
}

/** Throws ExpressionError with offsets in `text`. */
export function expandNames(text: string): ExpandedName[] {
  const names: ExpandedName[] = [];
  for (const item of splitList(text)) {
    let combinations = [''];
    let template: ReturnType<typeof parseTemplate>;
    try {
      template = parseTemplate(item.text, []);
      for (const part of template.parts) {
        const values = part.kind === 'literal' ? [part.text] : evaluateItems(part.expression).map(asText);
        if (combinations.length * values.length > NAMES_MAX)
          throw new ExpressionError(part.at, `more than ${NAMES_MAX} names`);
        combinations = combinations.flatMap((start) => values.map((value) => start + value));
      }
    } catch (error) {
      if (error instanceof ExpressionError) throw shifted(error, item.at);
      throw error;
    }
    for (const name of combinations) names.push({ name: name.trim(), at: item.at });
  }
  return names;
}

/** Cuts at commas that are outside every place; empty items are left out. */
export function splitList(text: string): { readonly text: string; readonly at: number }[] {
  const items: { text: string; at: number }[] = [];
  let depth = 0;
  let quote = '';
  let start = 0;
  const push = (end: number): void => {
    const raw = text.slice(start, end);
    if (raw.trim() !== '') items.push({ text: raw.trim(), at: start + (raw.length - raw.trimStart().length) });
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quote !== '') {
      if (character === '\\') at++;
      else if (character === quote) quote = '';
    } else if (depth > 0 && (character === "'" || character === '"')) quote = character;
    else if (character === '{') depth++;
    else if (character === '}') depth = Math.max(0, depth - 1);
    else if (character === ',' && depth === 0) {
      push(at);
      start = at + 1;
    }
  }
  push(text.length);
  return items;
}

function shifted(error: ExpressionError, by: number): ExpressionError {
  if (by === 0) return error;
  const message = error.message.replace(/ \(column \d+ of the expression\)$/, '');
  return new ExpressionError(error.at + by, message, error.suggestion);
}
