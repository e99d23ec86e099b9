/** HASH_MOD: the absolute Java hash code modulo the number of shards. */
import { javaHashCode } from '../java-hash-code.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { COUNT_MAX } from './properties.ts';
import { numberedTargets } from './suffix-targets.ts';

export const hashMod: AlgorithmKind = {
  type: 'HASH_MOD',
  properties: ['sharding-count'],
  create(reader) {
    const count = reader.integer('sharding-count', 1, COUNT_MAX);
    return {
      targetCount: count,
      bind(targets) {
        const numbered = numberedTargets(targets, count);
        return {
          placeValue(value) {
            const hash = javaHashCode(value);
            return hash === undefined ? 'unknown' : numbered[Math.abs(hash) % count]!;
          },
          placeRange: () => 'all',
        };
      },
    };
  },
};
