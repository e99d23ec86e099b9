/** Finds where a statement of a packet ends, and says when only a full parse could know. */

import { Keyword, keywordCount, Op } from './keywords.ts';
import { TokenKind, type TokenList } from './tokens.ts';

/** Where a statement ends. */
export interface StatementEnd {
  /** Index of its `;`, or `count`. When not certain: `count`, as the statement may own every `;` that follows. */
  readonly endToken: number;
  /** False if the statement may be a stored program or compound statement, or holds something that is no token. */
  readonly certain: boolean;
}

function table(ids: readonly number[]): Uint8Array {
  const flags = new Uint8Array(keywordCount + 1);
  for (const id of ids) flags[id] = 1;
  return flags;
}

/** First words of compound statements (MariaDB runs them outside of programs, too). */
const compoundWords = table([
  Keyword.IF,
  Keyword.CASE,
  Keyword.LOOP,
  Keyword.WHILE,
  Keyword.REPEAT,
  Keyword.FOR,
  Keyword.DECLARE,
  Keyword.GOTO,
  Keyword.RETURN,
]);

/** What CREATE and ALTER make with a body of statements. */
const programWords = table([
  Keyword.PROCEDURE,
  Keyword.FUNCTION,
  Keyword.TRIGGER,
  Keyword.EVENT,
  Keyword.PACKAGE,
  Keyword.LIBRARY,
]);

/** What CREATE and ALTER make without one. */
const plainWords = table([
  Keyword.TABLE,
  Keyword.VIEW,
  Keyword.INDEX,
  Keyword.DATABASE,
  Keyword.SCHEMA,
  Keyword.USER,
  Keyword.ROLE,
  Keyword.SERVER,
  Keyword.SEQUENCE,
  Keyword.TABLESPACE,
  Keyword.LOGFILE,
  Keyword.UNDO,
  Keyword.RESOURCE,
  Keyword.INSTANCE,
]);

/** Finds the end of the statement that begins at token `first`. */
export function statementEnd(tokens: TokenList, first: number): StatementEnd {
  const count = tokens.count;
  if (mayHoldStatements(tokens, first)) return { endToken: count, certain: false };
  const endToken = nextSemicolon(tokens, first);
  return endToken < 0 ? { endToken: count, certain: false } : { endToken, certain: true };
}

/** Index of the next `;`, `count` if there is none, or -1 if a `bad` token comes first. */
export function nextSemicolon(tokens: TokenList, first: number): number {
  const { kinds, ids, count } = tokens;
  for (let i = first; i < count; i++) {
    const kind = kinds[i]!;
    if (kind === TokenKind.punctuation) {
      if (ids[i] === Op.SEMICOLON) return i;
    } else if (kind === TokenKind.bad) {
      return -1;
    }
  }
  return count;
}

/** Whether the statement at `first` may hold other statements, each with a `;` of its own. */
export function mayHoldStatements(tokens: TokenList, first: number): boolean {
  const { kinds, ids, count } = tokens;
  first = afterSetStatement(tokens, first);
  if (first >= count) return false;
  // A label, as MariaDB writes it (`name:`) or as its Oracle mode does (`<<name>>`).
  if (kinds[first] === TokenKind.punctuation) return ids[first] === Op.SHIFT_LEFT;
  if (first + 1 < count && kinds[first + 1] === TokenKind.punctuation && ids[first + 1] === Op.COLON) return true;
  if (kinds[first] !== TokenKind.word) return false;
  const verb = ids[first]!;
  if (verb === Keyword.CREATE || verb === Keyword.ALTER) return createsProgram(tokens, first + 1);
  if (verb === Keyword.BEGIN) {
    if (first + 1 >= count) return false;
    if (kinds[first + 1] === TokenKind.punctuation) return ids[first + 1] !== Op.SEMICOLON;
    return ids[first + 1] !== Keyword.WORK || kinds[first + 1] !== TokenKind.word;
  }
  return compoundWords[verb] === 1;
}

/** MariaDB's `SET STATEMENT a = 1, ... FOR statement`: index of the statement behind all such prefixes. */
function afterSetStatement(tokens: TokenList, first: number): number {
  const { kinds, ids, count } = tokens;
  while (first + 1 < count && kinds[first] === TokenKind.word && ids[first] === Keyword.SET) {
    if (kinds[first + 1] !== TokenKind.word || ids[first + 1] !== Keyword.STATEMENT) break;
    let depth = 0;
    let i = first + 2;
    for (; i < count; i++) {
      const id = ids[i];
      if (kinds[i] === TokenKind.word) {
        if (id === Keyword.FOR && depth === 0) break;
      } else if (kinds[i] === TokenKind.punctuation) {
        if (id === Op.SEMICOLON) return first;
        if (id === Op.LPAREN) depth++;
        else if (id === Op.RPAREN) depth--;
      }
    }
    first = i + 1;
  }
  return first;
}

/** `i` is after CREATE or ALTER. */
function createsProgram(tokens: TokenList, i: number): boolean {
  const { kinds, ids, count } = tokens;
  while (i < count) {
    const kind = kinds[i]!;
    const id = ids[i]!;
    if (kind === TokenKind.punctuation && id === Op.SEMICOLON) return true;
    if (kind === TokenKind.word) {
      if (id === Keyword.DEFINER && ids[i + 1] === Op.EQ && kinds[i + 1] === TokenKind.punctuation) {
        // A user's name may look like one of the words below.
        i += 3;
        if (kinds[i] === TokenKind.userVariable) i++;
        continue;
      }
      if (programWords[id] === 1) return true;
      if (plainWords[id] === 1) return false;
    }
    i++;
  }
  return true;
}
