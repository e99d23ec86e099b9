/** Tells literals whose value may vary from literals that are structure, by the tokens around them. */

import { Keyword, Op } from './keywords.ts';
import { TokenKind, type TokenList } from './tokens.ts';

const DIGIT_ZERO = 0x30;

/** Reserved words after which a literal can only be an operand. After other words it might be an alias or a type's length. */
const operandAfter = idSet(
  (
    'SELECT DISTINCT DISTINCTROW LIKE RLIKE REGEXP BETWEEN AND OR XOR NOT WHEN THEN ELSE CASE WHERE HAVING ON SEPARATOR BINARY ' +
    'DIV MOD INTERVAL LIMIT'
  ).split(' '),
);
/** Types with a length in parentheses, which is structure. */
const types = idSet(
  (
    'DECIMAL DEC NUMERIC FIXED NUMBER NCHAR NVARCHAR VARCHAR VARCHARACTER VARCHAR2 VARBINARY BINARY BIT INT INTEGER BIGINT ' +
    'SMALLINT TINYINT MEDIUMINT INT1 INT2 INT3 INT4 INT8 MIDDLEINT FLOAT DOUBLE REAL PRECISION FLOAT4 FLOAT8 TEXT BLOB ' +
    'VECTOR DATETIME SIGNED UNSIGNED RAW VARYING'
  ).split(' '),
);
/** Types that are functions, too: a type unless an operator or one of `operandAfter` stands before. */
const typesOrFunctions = idSet(['CHAR', 'CHARACTER', 'TIME', 'TIMESTAMP', 'YEAR', 'DATE']);
/** A set of keywords, for `set[id] === 1`. */
export function idSet(words: readonly string[]): Uint8Array {
  const set = new Uint8Array(2048);
  for (const word of words) set[Keyword[word as keyof typeof Keyword]] = 1;
  return set;
}

/** Whether the `(` at `i` holds a type's length: literals in it are structure. */
export function opensTypeLength(tokens: TokenList, i: number, first: number): boolean {
  if (i === first || tokens.kinds[i - 1] !== TokenKind.word) return false;
  const id = tokens.ids[i - 1]!;
  if (types[id] === 1) return true;
  if (typesOrFunctions[id] === 0) return false;
  if (i - 1 === first) return true;
  const before = tokens.ids[i - 2]!;
  if (tokens.kinds[i - 2] === TokenKind.word) return operandAfter[before] === 0;
  if (tokens.kinds[i - 2] !== TokenKind.punctuation) return true;
  return before === Op.COMMA || before === Op.RPAREN || before === Op.DOT;
}

/**
 * Whether the literal at `literal` (its introducer at `i`) is certainly an operand whose value may vary. False for aliases,
 * positions in BY lists, frames, LIMIT 0, and whatever is not known.
 */
export function isOperand(
  tokens: TokenList,
  i: number,
  literal: number,
  first: number,
  end: number,
  inByList: boolean,
): boolean {
  const { kinds, ids } = tokens;
  if (i === first) return false;
  const before = ids[i - 1]!;
  const beforeKind = kinds[i - 1];
  if (beforeKind === TokenKind.punctuation) {
    if (
      before === Op.RPAREN ||
      before === Op.DOT ||
      before === Op.LBRACE ||
      before === Op.RBRACE ||
      before === Op.COLON
    ) {
      return false;
    }
    if (before === Op.COMMA && inByList) return false;
  } else if (beforeKind !== TokenKind.word || (operandAfter[before] === 0 && before !== Keyword.OFFSET)) {
    return false;
  }
  if (kinds[literal] === TokenKind.string) return before !== Keyword.OFFSET || beforeKind !== TokenKind.word;
  if (literal + 1 < end && kinds[literal + 1] === TokenKind.word) {
    const after = ids[literal + 1];
    if (after === Keyword.PRECEDING || after === Keyword.FOLLOWING) return false;
  }
  return kinds[literal] !== TokenKind.integer || !isZero(tokens, literal) || !countsRows(tokens, literal, first);
}

function isZero(tokens: TokenList, i: number): boolean {
  for (let at = tokens.starts[i]!; at < tokens.ends[i]!; at++) if (tokens.text[at] !== DIGIT_ZERO) return false;
  return true;
}

/** Whether the number at `i` belongs to LIMIT or OFFSET. */
function countsRows(tokens: TokenList, i: number, first: number): boolean {
  const { kinds, ids } = tokens;
  const before = i - 1;
  if (kinds[before] === TokenKind.word) return ids[before] === Keyword.LIMIT || ids[before] === Keyword.OFFSET;
  if (ids[before] !== Op.COMMA || before - 2 < first) return false;
  return kinds[before - 2] === TokenKind.word && ids[before - 2] === Keyword.LIMIT;
}
