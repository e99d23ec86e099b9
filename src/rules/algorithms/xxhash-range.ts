/** XXHASH_RANGE: xxHash64 of the value's bytes in a key space cut in ranges, so that one shard can be split without moving the others. */
import { Buffer } from 'node:buffer';
import { bytesOf } from '../key-value.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { keyFormOf } from './key-form.ts';
import { bindKeyRanges, readKeyRanges } from './key-ranges.ts';

/** key-ranges (default: even shares). */
export const xxhashRange: AlgorithmKind = {
  type: 'XXHASH_RANGE',
  properties: ['key-ranges', 'key-form'],
  create(reader) {
    const ranges = readKeyRanges(reader);
    return {
      targetCount: undefined,
      keyForm: keyFormOf(reader),
      bind(targets) {
        const ownerOf = bindKeyRanges(ranges, targets);
        return {
          placeValue(value) {
            const bytes = bytesOf(value);
            return bytes === undefined ? 'unknown' : ownerOf(xxhash64(bytes));
          },
          placeRange: () => 'all',
        };
      },
    };
  },
};

const prime1 = 0x9e3779b185ebca87n;
const prime2 = 0xc2b2ae3d27d4eb4fn;
const prime3 = 0x165667b19e3779f9n;
const prime4 = 0x85ebca77c2b2ae63n;
const prime5 = 0x27d4eb2f165667c5n;

/** xxHash64 with seed 0; answers 0 to 2^64 - 1. */
export function xxhash64(input: Uint8Array): bigint {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const length = bytes.length;
  let at = 0;
  let hash: bigint;
  if (length >= 32) {
    let v1 = u64(prime1 + prime2);
    let v2 = prime2;
    let v3 = 0n;
    let v4 = u64(-prime1);
    for (; at <= length - 32; at += 32) {
      v1 = round(v1, bytes.readBigUInt64LE(at));
      v2 = round(v2, bytes.readBigUInt64LE(at + 8));
      v3 = round(v3, bytes.readBigUInt64LE(at + 16));
      v4 = round(v4, bytes.readBigUInt64LE(at + 24));
    }
    hash = u64(rotate(v1, 1n) + rotate(v2, 7n) + rotate(v3, 12n) + rotate(v4, 18n));
    for (const v of [v1, v2, v3, v4]) hash = u64((hash ^ round(0n, v)) * prime1 + prime4);
  } else hash = prime5;
  hash = u64(hash + BigInt(length));
  for (; at + 8 <= length; at += 8)
    hash = u64(rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * prime1 + prime4);
  if (at + 4 <= length) {
    hash = u64(rotate(hash ^ u64(BigInt(bytes.readUInt32LE(at)) * prime1), 23n) * prime2 + prime3);
    at += 4;
  }
  for (; at < length; at++) hash = u64(rotate(hash ^ u64(BigInt(bytes[at]!) * prime5), 11n) * prime1);
  hash = u64((hash ^ (hash >> 33n)) * prime2);
  hash = u64((hash ^ (hash >> 29n)) * prime3);
  return hash ^ (hash >> 32n);
}

function round(accumulator: bigint, lane: bigint): bigint {
  return u64(rotate(u64(accumulator + lane * prime2), 31n) * prime1);
}

function rotate(value: bigint, distance: bigint): bigint {
  return u64((value << distance) | (value >> (64n - distance)));
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
