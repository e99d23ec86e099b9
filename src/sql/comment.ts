/** Reads `/* ... *​/`: plain comments, executable comments, optimizer hints, routing hints and trace comments. */

import type { TokenBuffer } from './token-buffer.ts';
import { type LexMode, MarkKind, TokenKind } from './tokens.ts';

/** Names that open a routing hint, lower-cased. */
const hintNames = ['shardmesh_hint', 'shardingsphere_hint', 'shardingsphere hint'];
const traceName = 'traceparent=';
/** Longer comments are not searched for a trace parent: sqlcommenter's are short. */
const TRACE_LIMIT = 4096;

/**
 * Reads the comment that opens at `start`. Returns where to go on; negated when the comment is executable here, so that
 * the text inside belongs to the statement.
 */
export function readComment(
  tokens: TokenBuffer,
  text: Uint8Array,
  start: number,
  length: number,
  mode: LexMode,
): number {
  const c = text[start + 2];
  if (c === 0x21) return readExecutable(tokens, text, start, start + 3, length, mode, false);
  if (mode.mariadb && c === 0x4d && text[start + 3] === 0x21) {
    return readExecutable(tokens, text, start, start + 4, length, mode, true);
  }
  const end = commentEnd(text, start + 2, length, false);
  if (end < 0) {
    tokens.push(TokenKind.bad, start, length, 0);
    return length;
  }
  if (c === 0x2b) tokens.mark(MarkKind.optimizerHint, start, end);
  else if (isRoutingHint(text, start + 2, end - 2)) {
    tokens.mark(MarkKind.routingHint, start, end);
    tokens.hint(start + 2, end - 2, mode);
  } else if (end - start <= TRACE_LIMIT && holds(text, start + 2, end - 2, traceName)) {
    tokens.hint(start + 2, end - 2, mode);
  }
  return end;
}

/** `at` is after the exclamation mark. */
function readExecutable(
  tokens: TokenBuffer,
  text: Uint8Array,
  start: number,
  at: number,
  length: number,
  mode: LexMode,
  forMariadb: boolean,
): number {
  let digits = 0;
  let version = 0;
  while (digits < 6 && at + digits < length && isDigit(text[at + digits]!)) {
    version = version * 10 + text[at + digits]! - 0x30;
    digits++;
  }
  // Fewer than five digits are no version: they belong to the text inside.
  const versioned = digits >= 5;
  const forOthers = mode.mariadb && !forMariadb && version >= 50700 && version <= 99999;
  if (!versioned || (version <= mode.serverVersion && !forOthers)) {
    const body = versioned ? at + digits : at;
    tokens.hasExecutableComments = true;
    tokens.mark(MarkKind.open, start, body);
    return -body;
  }
  const end = commentEnd(text, at + digits, length, true);
  if (end < 0) {
    tokens.push(TokenKind.bad, start, length, 0);
    return length;
  }
  tokens.skippedExecutableComments = true;
  tokens.mark(MarkKind.skipped, start, end);
  return end;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Index after the closing signs, or -1. A skipped executable comment may hold plain comments, one level deep. */
function commentEnd(text: Uint8Array, i: number, length: number, nested: boolean): number {
  while (i + 1 < length) {
    if (text[i] === 0x2a && text[i + 1] === 0x2f) return i + 2;
    if (nested && text[i] === 0x2f && text[i + 1] === 0x2a) {
      i = commentEnd(text, i + 2, length, false);
      if (i < 0) return -1;
    } else {
      i++;
    }
  }
  return -1;
}

function isRoutingHint(text: Uint8Array, from: number, to: number): boolean {
  while (from < to && text[from]! <= 0x20) from++;
  if (from >= to || (text[from]! | 0x20) !== 0x73) return false;
  for (const name of hintNames) {
    let i = 0;
    while (i < name.length && from + i < to && lower(text[from + i]!) === name.charCodeAt(i)) i++;
    if (i === name.length) return true;
  }
  return false;
}

function holds(text: Uint8Array, from: number, to: number, name: string): boolean {
  const last = to - name.length;
  for (let at = from; at <= last; at++) {
    let i = 0;
    while (i < name.length && lower(text[at + i]!) === name.charCodeAt(i)) i++;
    if (i === name.length) return true;
  }
  return false;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
