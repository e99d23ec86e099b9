/** Where quoted strings and quoted names end. */

/** Index after the string whose opening quote is at `at`, or -1 if it never ends. A doubled quote stays inside. */
export function stringEnd(text: Uint8Array, at: number, length: number, escapes: boolean): number {
  const quote = text[at];
  let i = at + 1;
  while (i < length) {
    const c = text[i]!;
    if (c === quote) {
      if (text[i + 1] !== quote) return i + 1;
      i += 2;
    } else if (c === 0x5c && escapes) {
      i += 2;
    } else {
      i++;
    }
  }
  return -1;
}

/**
 * Index after the quoted name whose quote is at `at`. Negated if the servers would not take it: it never ends (then it is the
 * text's length) or holds a NUL.
 */
export function quotedEnd(text: Uint8Array, at: number, length: number): number {
  const quote = text[at];
  let nul = false;
  let i = at + 1;
  while (i < length) {
    const c = text[i]!;
    if (c === quote) {
      if (text[i + 1] !== quote) return nul ? -(i + 1) : i + 1;
      i++;
    } else if (c === 0) {
      nul = true;
    }
    i++;
  }
  return -length;
}
