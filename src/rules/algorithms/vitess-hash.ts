/** VITESS_HASH: Vitess' `hash` vindex (DES with the null key of the 64-bit number), in a key space cut in ranges. */
import { Buffer } from 'node:buffer';
import { createCipheriv } from 'node:crypto';
import { integerOf } from '../key-value.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { bindKeyRanges, readKeyRanges } from './key-ranges.ts';
import { LONG_MIN } from './properties.ts';

const UNSIGNED_MAX = 2n ** 64n - 1n;

/** key-ranges (default: even shares), in Vitess' own notation: `-80=shard_0, 80-=shard_1`. */
export const vitessHash: AlgorithmKind = {
  type: 'VITESS_HASH',
  properties: ['key-ranges'],
  create(reader) {
    const ranges = readKeyRanges(reader);
    return {
      targetCount: undefined,
      bind(targets) {
        const ownerOf = bindKeyRanges(ranges, targets);
        return {
          placeValue(value) {
            const number = integerOf(value);
            return number === undefined || number < LONG_MIN || number > UNSIGNED_MAX
              ? 'unknown'
              : ownerOf(keyspaceId(number));
          },
          placeRange: () => 'all',
        };
      },
    };
  },
};

/** Triple DES with three equal keys is DES; OpenSSL 3 keeps single DES in its legacy part only. */
const nullKey = Buffer.alloc(24);

/** Negative numbers by their two's complement. */
export function keyspaceId(number: bigint): bigint {
  const block = Buffer.alloc(8);
  block.writeBigUInt64BE(BigInt.asUintN(64, number));
  const cipher = createCipheriv('des-ede3', nullKey, null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]).readBigUInt64BE(0);
}
