/** Reads the operators that may have more than one character. */

import { Op } from './keywords.ts';
import type { TokenBuffer } from './token-buffer.ts';
import { TokenKind } from './tokens.ts';

/** The operators of two or three characters, and every byte that starts no token. */
export function pushOperator(tokens: TokenBuffer, text: Uint8Array, i: number, c: number): number {
  const next = text[i + 1];
  let id = 0;
  let end = i + 1;
  if (c === 0x3c) {
    if (next === 0x3d) {
      end = text[i + 2] === 0x3e ? i + 3 : i + 2;
      id = end === i + 3 ? Op.NULL_SAFE_EQ : Op.LE;
    } else if (next === 0x3e || next === 0x3c) {
      end = i + 2;
      id = next === 0x3e ? Op.NE : Op.SHIFT_LEFT;
    } else {
      id = Op.LT;
    }
  } else if (c === 0x3e) {
    if (next === 0x3d || next === 0x3e) {
      end = i + 2;
      id = next === 0x3d ? Op.GE : Op.SHIFT_RIGHT;
    } else {
      id = Op.GT;
    }
  } else if (c === 0x21) {
    if (next === 0x3d) end = i + 2;
    id = next === 0x3d ? Op.NE : Op.BANG;
  } else if (c === 0x7c) {
    if (next === 0x7c) end = i + 2;
    id = next === 0x7c ? Op.PIPE_PIPE : Op.PIPE;
  } else if (c === 0x26) {
    if (next === 0x26) end = i + 2;
    id = next === 0x26 ? Op.AND_AND : Op.AMPERSAND;
  } else if (c === 0x3a) {
    if (next === 0x3d) end = i + 2;
    id = next === 0x3d ? Op.ASSIGN : Op.COLON;
  }
  tokens.push(id === 0 ? TokenKind.bad : TokenKind.punctuation, i, end, id);
  return end;
}
