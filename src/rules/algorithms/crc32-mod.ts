/** CRC32_MOD: the CRC-32 (IEEE) of the value's bytes modulo the number of shards. */
import { crc32 } from 'node:zlib';
import { bytesOf } from '../key-value.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { keyFormOf } from './key-form.ts';
import { COUNT_MAX } from './properties.ts';
import { numberedTargets } from './suffix-targets.ts';

/** As MySQL's own `CRC32(column) % n`: of the text of numbers and times in UTF-8. */
export const crc32Mod: AlgorithmKind = {
  type: 'CRC32_MOD',
  properties: ['sharding-count', 'key-form'],
  create(reader) {
    const count = reader.integer('sharding-count', 1, COUNT_MAX);
    return {
      targetCount: count,
      keyForm: keyFormOf(reader),
      bind(targets) {
        const numbered = numberedTargets(targets, count);
        return {
          placeValue(value) {
            const bytes = bytesOf(value);
            return bytes === undefined ? 'unknown' : numbered[crc32(bytes) % count]!;
          },
          placeRange: () => 'all',
        };
      },
    };
  },
};
