/** The value of a literal, exactly as written: no number is ever rounded here. */
export type LiteralValue =
  | { readonly kind: 'integer'; readonly value: bigint } // unsigned as written; may exceed 64 bits
  | { readonly kind: 'decimal'; readonly text: string }
  | { readonly kind: 'float'; readonly text: string }
  | {
      readonly kind: 'string';
      readonly bytes: Uint8Array;
      /** Charset of an introducer; undefined = the connection's. */
      readonly charset: string | undefined;
    }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array } // hex and bit literals
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'temporal'; readonly type: 'DATE' | 'TIME' | 'TIMESTAMP'; readonly text: string };
