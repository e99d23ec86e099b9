/** Reading of key values: as text, as integer, as points in time; always exact, or undefined. */
import { Buffer } from 'node:buffer';
import type { KeyValue } from './types.ts';

/** For messages: how the value would be written in SQL, cut to 64 characters. */
export function describeKey(value: KeyValue): string {
  const text =
    value.kind === 'null'
      ? 'NULL'
      : value.kind === 'string' || value.kind === 'temporal'
        ? `'${value.text}'`
        : keyText(value).slice(value.kind === 'bytes' ? 1 : 0);
  return text.length > 64 ? `${text.slice(0, 61)}...` : text;
}

/** A text that is equal for equal values of one column; kinds that hash differently never share one. */
export function keyText(value: KeyValue): string {
  switch (value.kind) {
    case 'integer':
      return value.value.toString();
    case 'decimal':
      return value.text;
    case 'string':
      return `'${value.text}`;
    case 'temporal':
      return value.text;
    case 'bytes':
      return `x0x${Buffer.from(value.bytes.buffer, value.bytes.byteOffset, value.bytes.byteLength).toString('hex')}`;
    case 'null':
      return 'NULL';
  }
}

/**
 * The integer that a value is, or undefined. Text must be optional sign and digits; a decimal must have no fraction other than zeros.
 * Two values that MySQL finds equal in their column's type never give two integers.
 */
export function integerOf(value: KeyValue): bigint | undefined {
  switch (value.kind) {
    case 'integer':
      return value.value;
    case 'decimal': {
      const match = /^([+-]?\d+)(?:\.0*)?$/.exec(value.text);
      return match === null ? undefined : BigInt(match[1]!.replace(/^\+/, ''));
    }
    case 'string':
      return /^-?\d{1,40}$/.test(value.text) ? BigInt(value.text) : undefined;
    default:
      return undefined;
  }
}

/** The integers just below and above: equal for whole values. For range bounds with fractions. */
export function integerBounds(value: KeyValue): { readonly floor: bigint; readonly ceiling: bigint } | undefined {
  const exact = integerOf(value);
  if (exact !== undefined) return { floor: exact, ceiling: exact };
  if (value.kind !== 'decimal') return undefined;
  const match = /^([+-]?)(\d+)\.\d+$/.exec(value.text);
  if (match === null) return undefined;
  const whole = BigInt(match[2]!);
  return match[1] === '-' ? { floor: -whole - 1n, ceiling: -whole } : { floor: whole, ceiling: whole + 1n };
}

/** The bytes of a value, as hash algorithms of bytes take them: UTF-8 of its text, or the bytes themselves. */
export function bytesOf(value: KeyValue): Uint8Array | undefined {
  switch (value.kind) {
    case 'null':
      return undefined;
    case 'bytes':
      return value.bytes;
    case 'integer':
      return Buffer.from(value.value.toString(), 'utf8');
    case 'decimal':
    case 'string':
    case 'temporal':
      return Buffer.from(value.text, 'utf8');
  }
}
