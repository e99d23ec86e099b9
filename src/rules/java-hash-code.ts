/** Java's hash codes, so that data placed by HASH_MOD of ShardingSphere is found: always a 32-bit signed integer. */
import type { KeyValue } from './types.ts';

/** String.hashCode: over UTF-16 code units. */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

/**
 * The hash of a whole number as the type that a literal of it has in Java: Integer where it fits 32 bits, Long where 64, else BigInteger.
 * (Negative 32-bit values hash differently as Long; a driver that binds them as Long places them elsewhere in ShardingSphere itself.)
 */
export function javaIntegerHash(value: bigint): number {
  if (BigInt.asIntN(32, value) === value) return Number(value);
  if (BigInt.asIntN(64, value) === value) return javaLongHash(value);
  return javaBigIntegerHash(value);
}

/** Long.hashCode: upper half xor lower half. */
export function javaLongHash(value: bigint): number {
  return Number(BigInt.asIntN(32, value ^ (BigInt.asUintN(64, value) >> 32n)));
}

/** BigInteger.hashCode: 31-polynomial over the 32-bit words of the magnitude, with its sign. */
export function javaBigIntegerHash(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  let hash = 0;
  for (const word of words(magnitude)) hash = (Math.imul(hash, 31) + word) | 0;
  return (value < 0n ? -hash : hash) | 0;
}

/** BigDecimal.hashCode of a plain decimal text: the unscaled value's hash times 31 plus the scale. */
export function javaDecimalHash(text: string): number | undefined {
  const match = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const fraction = match[3] ?? '';
  const unscaled = BigInt(`${match[1] === '-' ? '-' : ''}${match[2]}${fraction}`);
  const scale = fraction.length;
  if (BigInt.asIntN(64, unscaled) === unscaled && unscaled !== -(2n ** 63n)) {
    // The compact form hashes the magnitude's two halves, then gives the sign.
    const magnitude = unscaled < 0n ? -unscaled : unscaled;
    const halves = Number(BigInt.asIntN(32, (magnitude >> 32n) * 31n + (magnitude & 0xffff_ffffn)));
    return (Math.imul(31, (unscaled < 0n ? -halves : halves) | 0) + scale) | 0;
  }
  return (Math.imul(31, javaBigIntegerHash(unscaled)) + scale) | 0;
}

/** The hash of a key value; undefined for NULL, bytes and times (their Java types hash by identity or by time zone). */
export function javaHashCode(value: KeyValue): number | undefined {
  switch (value.kind) {
    case 'integer':
      return javaIntegerHash(value.value);
    case 'string':
      return javaStringHash(value.text);
    case 'decimal':
      return javaDecimalHash(value.text);
    // A date or time literal reaches ShardingSphere as text.
    case 'temporal':
      return javaStringHash(value.text);
    case 'bytes':
    case 'null':
      return undefined;
  }
}

function words(magnitude: bigint): number[] {
  const list: number[] = [];
  for (let rest = magnitude; rest > 0n; rest >>= 32n) list.unshift(Number(BigInt.asIntN(32, rest)));
  return list;
}
