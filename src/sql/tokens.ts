/** What the lexer leaves behind: one statement text as parallel typed arrays. No string and no object per token. */

/** Token kinds. Words are classified by the parser through `keywordOf`. */
export const TokenKind = {
  end: 0,
  word: 1, // unquoted identifier or keyword
  quotedName: 2, // `a`, or "a" under ANSI_QUOTES
  integer: 3,
  decimal: 4,
  float: 5,
  string: 6, // 'a', "a"; N'a' includes its N
  hex: 7, // 0x1f, x'1f'
  bit: 8, // 0b1, b'1'
  parameter: 9, // ?
  userVariable: 10, // @a @'a' @`a`
  systemVariable: 11, // the two @ signs only; the name follows as words and dots
  punctuation: 12, // one operator or punctuation mark, see `opOf`
  introducer: 13, // _utf8mb4 directly before a string, hex or bit literal
  bad: 14, // unterminated string or comment, or a byte that starts no token: the parser reports it
} as const;
export type TokenKind = (typeof TokenKind)[keyof typeof TokenKind];

/** How bytes are read: what of the session changes the meaning of a text. */
export interface LexMode {
  /** ASCII-safe charset of the connection: which decoder names and strings need. */
  readonly charset: 'utf8' | 'latin1';
  /** sql_mode ANSI_QUOTES. */
  readonly ansiQuotes: boolean;
  /** sql_mode NO_BACKSLASH_ESCAPES. */
  readonly noBackslashEscapes: boolean;
  /** sql_mode PIPES_AS_CONCAT. */
  readonly pipesAsConcat: boolean;
  /** sql_mode HIGH_NOT_PRECEDENCE. */
  readonly highNotPrecedence: boolean;
  /** sql_mode IGNORE_SPACE. */
  readonly ignoreSpace: boolean;
  /** Executable comments are taken as text for this server: `/*!50700 ... *​/` with version <= this; `/*M! *​/` if mariadb. */
  readonly serverVersion: number; // 101100 for 10.11.0
  readonly mariadb: boolean;
}

/**
 * The tokens of one packet's text (several statements when it holds `;`). Arrays are reused by the lexer between texts:
 * a TokenList is valid until the lexer's next `lex` call, unless `copy()` was taken (a plan-cache miss takes one).
 */
export interface TokenList {
  readonly text: Uint8Array;
  /** Number of tokens without the closing `end` token, which stands at index `count` (start and end = text length). */
  readonly count: number;
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /**
   * For `word`: keyword id (0 = none; also 0 for a word directly beside a dot, as `key` in `t.key` and `key.c`, which the
   * servers never read as a keyword). For `punctuation`: operator id. For `parameter`: 0. Else 0.
   */
  readonly ids: Uint16Array;
  /** Hints found in comments (SHARDMESH_HINT / SHARDINGSPHERE_HINT, traceparent of sqlcommenter): raw comment bodies, in order. Usually empty. */
  readonly hints: readonly string[];
  /** For each hint: index of the token that follows its comment. */
  readonly hintTokens: readonly number[];
  /**
   * Comments that matter for meaning, in order: four numbers each: index of the following token, a MarkKind, and the byte
   * range of the mark (of the comment's opening or closing signs, or of the whole comment). Usually empty.
   */
  readonly marks: readonly number[];
  /** True if executable comments were opened: the text may not be spliced inside of them. */
  readonly hasExecutableComments: boolean;
  /** True if executable comments were skipped because of their version: a server of another version may run them. */
  readonly skippedExecutableComments: boolean;
  /** Whether a backslash in a string is an escape (not under NO_BACKSLASH_ESCAPES): what decoding a literal needs. */
  readonly backslashEscapes: boolean;
  copy(): TokenList;
}

/** What a mark of `TokenList.marks` is. */
export const MarkKind = {
  open: 0, // an executable comment was opened
  close: 1, // ... and closed
  skipped: 2, // an executable comment for other versions
  optimizerHint: 3,
  routingHint: 4,
} as const;

export const SlotKind = { scalar: 0, list: 1, rows: 2 } as const;

/**
 * Fingerprint of one statement: the cache key as bytes, and where its variable parts are.
 * Two texts with equal key bytes have the same slots (count, kinds, literal kinds of scalar slots) in the same order.
 */
export interface Fingerprint {
  /** Valid until the next fingerprint call of the same lexer. */
  readonly key: Uint8Array;
  readonly keyLength: number;
  /** 32-bit hash of the key bytes. */
  readonly hash: number;
  readonly slotCount: number;
  readonly slotKinds: Uint8Array;
  /** First token of the slot (a list slot: the first element; a rows slot: the first row's `(`). */
  readonly slotFirst: Int32Array;
  /** Token after the slot's last (a list slot: the `)`; a rows slot: after the last row's `)`). */
  readonly slotEnd: Int32Array;
  /** Scalars of a rows or list slot: how many elements; rows slots: elements per row in `slotWidth`. */
  readonly slotSize: Int32Array;
  readonly slotWidth: Int32Array;
  /** Token index of the statement's first token and of the token after its last (`;` or end). */
  readonly firstToken: number;
  readonly endToken: number;
  /** First keyword of the statement, as keyword id: a cheap class of the statement. */
  readonly verb: number;
  /** False if `endToken` is only the end of the packet because the statement may be a stored program with `;` inside. */
  readonly endCertain: boolean;
  /** Number of `?` in the statement. */
  readonly parameterCount: number;
}
