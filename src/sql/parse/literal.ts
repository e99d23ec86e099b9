/** Literals: which tokens make one, and which fingerprint slot holds it. */
import type { Literal, LiteralKind } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor } from './cursor.ts';

/** Reads a number, string, hex, bit or temporal literal; undefined when none begins here. NULL, TRUE and FALSE included. */
export function parseLiteral(cursor: Cursor): Literal | undefined {
  switch (cursor.kind()) {
    case TokenKind.integer:
      return take(cursor, 'integer', 1);
    case TokenKind.decimal:
      return take(cursor, 'decimal', 1);
    case TokenKind.float:
      return take(cursor, 'float', 1);
    case TokenKind.hex:
      return take(cursor, 'hex', 1);
    case TokenKind.bit:
      return take(cursor, 'bit', 1);
    case TokenKind.string:
      return take(cursor, 'string', stringTokens(cursor, 0));
    case TokenKind.introducer: {
      const kind = cursor.kind(1);
      if (kind === TokenKind.string) return take(cursor, 'string', 1 + stringTokens(cursor, 1));
      // Bytes in a character set: a string.
      return kind === TokenKind.hex || kind === TokenKind.bit ? take(cursor, 'string', 2) : undefined;
    }
    case TokenKind.word:
      return parseWordLiteral(cursor);
    default:
      return undefined;
  }
}

function parseWordLiteral(cursor: Cursor): Literal | undefined {
  switch (cursor.symbol()) {
    case 'NULL':
      return take(cursor, 'null', 1);
    case 'TRUE':
    case 'FALSE':
      return take(cursor, 'boolean', 1);
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      return cursor.kind(1) === TokenKind.string ? take(cursor, 'temporal', 2) : undefined;
    default:
      return undefined;
  }
}

/** Adjacent strings are one literal. */
function stringTokens(cursor: Cursor, ahead: number): number {
  let count = 1;
  while (cursor.kind(ahead + count) === TokenKind.string) count++;
  return count;
}

function take(cursor: Cursor, literalKind: LiteralKind, count: number): Literal {
  const token = cursor.at;
  const start = cursor.start;
  let slot = -1;
  let element = 0;
  if (cursor.slots !== undefined) {
    for (let index = token; index < token + count && slot < 0; index++) {
      slot = cursor.slots.slot(index);
      element = cursor.slots.element(index);
    }
  }
  cursor.skip(count);
  return { kind: 'literal', start, end: cursor.end, literalKind, slot, element, token };
}

/** A string literal where only that may stand: LIKE of SHOW, SEPARATOR. */
export function parseStringLiteral(cursor: Cursor): Literal {
  const literal = cursor.kind() === TokenKind.word ? undefined : parseLiteral(cursor);
  if (literal === undefined) throw cursor.unexpected();
  return literal;
}
