/** A value of the client, literal or parameter, in one form: exact, with the type that MySQL would give it in a comparison. */
import type { LiteralValue } from '../sql/index.ts';
import type { ParameterValue } from './types.ts';

export type Scalar =
  | { readonly kind: 'null' }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'decimal'; readonly text: string }
  | { readonly kind: 'double'; readonly value: number }
  /** `text` undefined: not decodable for certain (bytes outside ASCII in a charset that is not UTF-8). */
  | { readonly kind: 'string'; readonly text: string | undefined }
  | {
      readonly kind: 'binary';
      readonly bytes: Uint8Array /** hex or bit literal: a number in numeric places. */;
      readonly literal: boolean;
    }
  | { readonly kind: 'temporal'; readonly type: 'DATE' | 'TIME' | 'TIMESTAMP'; readonly text: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array, charset: string): string | undefined {
  let ascii = true;
  for (const byte of bytes) {
    if (byte >= 0x80) {
      ascii = false;
      break;
    }
  }
  if (!ascii && !charset.startsWith('utf8')) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Charsets whose bytes below 0x80 are ASCII. */
function readsAscii(charset: string): boolean {
  return !/^(ucs2|utf16|utf16le|utf32|binary|swe7|gbk|big5|sjis|cp932|gb18030)$/i.test(charset);
}

/** A literal's value, with the unary minus that stood before it. */
export function scalarOfLiteral(value: LiteralValue, negative: boolean, connectionCharset: 'utf8' | 'latin1'): Scalar {
  switch (value.kind) {
    case 'null':
      return { kind: 'null' };
    case 'boolean':
      return { kind: 'integer', value: negative ? (value.value ? -1n : 0n) : value.value ? 1n : 0n };
    case 'integer':
      return { kind: 'integer', value: negative ? -value.value : value.value };
    case 'decimal':
      return { kind: 'decimal', text: negative ? negated(value.text) : value.text };
    case 'float':
      return { kind: 'double', value: negative ? -Number(value.text) : Number(value.text) };
    case 'string': {
      if (negative) return { kind: 'string', text: undefined };
      if (value.charset === undefined) return { kind: 'string', text: decodeText(value.bytes, connectionCharset) };
      if (value.charset.toLowerCase() === 'binary') return { kind: 'binary', bytes: value.bytes, literal: false };
      return {
        kind: 'string',
        text: readsAscii(value.charset) ? decodeText(value.bytes, value.charset.toLowerCase()) : undefined,
      };
    }
    case 'binary':
      return negative ? { kind: 'string', text: undefined } : { kind: 'binary', bytes: value.bytes, literal: true };
    case 'temporal':
      return negative ? { kind: 'string', text: undefined } : value;
  }
}

function negated(text: string): string {
  return text.startsWith('-') ? text.slice(1) : `-${text}`;
}

/** A prepared parameter's value. */
export function scalarOfParameter(
  value: ParameterValue,
  negative: boolean,
  connectionCharset: 'utf8' | 'latin1',
): Scalar {
  switch (value.kind) {
    case 'null':
      return value;
    case 'integer':
      return { kind: 'integer', value: negative ? -value.value : value.value };
    case 'double':
    case 'float':
      return { kind: 'double', value: negative ? -value.value : value.value };
    case 'decimal':
      return { kind: 'decimal', text: negative ? negated(value.text) : value.text };
    case 'string':
      return { kind: 'string', text: negative ? undefined : decodeText(value.bytes, connectionCharset) };
    case 'binary':
      return negative ? { kind: 'string', text: undefined } : { kind: 'binary', bytes: value.bytes, literal: false };
    case 'temporal':
      return negative ? { kind: 'string', text: undefined } : value;
  }
}

/** A plain decimal number taken apart: no leading or trailing zeros. Undefined: not of that form. */
export interface DecimalParts {
  readonly negative: boolean;
  readonly whole: bigint;
  /** Fraction digits without trailing zeros. */
  readonly fraction: string;
}

export function decimalParts(text: string): DecimalParts | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null || (match[2] === '' && (match[3] ?? '') === '')) return undefined;
  const whole = BigInt(match[2] === '' ? '0' : match[2]!);
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  return { negative: match[1] === '-' && (whole !== 0n || fraction !== ''), whole, fraction };
}
