/** What a user variable's literal (execute/read-back.ts writes them) says, as bytes and type of a parameter. */
import type { Settings } from '../session/index.ts';
import { FieldType } from '../wire/index.ts';
import { unquote } from './plan-environment.ts';

export interface Value {
  /** FieldType. */
  readonly type: number;
  readonly unsigned: boolean;
  /** The value's text or bytes; undefined is NULL. */
  readonly bytes: Buffer | undefined;
  /** Numbers, as the binary protocol has them. */
  readonly packed?: Buffer;
}

/** Lower-cased character_set_client. */
export function clientCharset(settings: Settings): string {
  return unquote(settings.variables.get('character_set_client') ?? 'utf8mb4').toLowerCase();
}

const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

/** Undefined: a text that is in another character set than `charset`, the client's. */
export function valueOfLiteral(literal: string, charset: string): Value | undefined {
  if (literal === 'NULL') return { type: FieldType.NULL, unsigned: false, bytes: undefined };
  const cast = /^CAST\((\d+) AS UNSIGNED\)$/.exec(literal)?.[1];
  if (cast !== undefined) return integer(cast, true);
  if (/^-?\d+$/.test(literal)) return integer(literal, BigInt(literal) > INT64_MAX);
  if (/^-?[\d.]+$/.test(literal))
    return { type: FieldType.NEWDECIMAL, unsigned: false, bytes: Buffer.from(literal, 'latin1') };
  if (/^-?[\d.]+e[+-]?\d+$/i.test(literal)) {
    const packed = Buffer.alloc(8);
    packed.writeDoubleLE(Number(literal));
    return { type: FieldType.DOUBLE, unsigned: false, bytes: Buffer.from(literal, 'latin1'), packed };
  }
  const text = /^(?:_(\w+) )?X'([0-9A-Fa-f]*)'/.exec(literal);
  if (text === null) return undefined;
  const bytes = Buffer.from(text[2] as string, 'hex');
  const own = text[1];
  if (own === undefined) return { type: FieldType.BLOB, unsigned: false, bytes };
  return sameBytes(own, charset, bytes) ? { type: FieldType.VAR_STRING, unsigned: false, bytes } : undefined;
}

function integer(digits: string, unsigned: boolean): Value {
  const packed = Buffer.alloc(8);
  if (unsigned) packed.writeBigUInt64LE(BigInt(digits));
  else packed.writeBigInt64LE(BigInt(digits));
  return { type: FieldType.LONGLONG, unsigned, bytes: Buffer.from(digits, 'latin1'), packed };
}

/** Whether a text in one character set is the same bytes in another. */
function sameBytes(own: string, charset: string, bytes: Buffer): boolean {
  if (own === charset || (/^utf8(mb3)?$/.test(own) && charset.startsWith('utf8'))) return true;
  return !/^(ucs2|utf16|utf16le|utf32)$/.test(own) && bytes.every((byte) => byte < 0x80);
}
