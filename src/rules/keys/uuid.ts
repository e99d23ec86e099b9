/** UUID: random version 4, 32 lower-case hex digits without hyphens, as ShardingSphere writes them. */
import { Buffer } from 'node:buffer';
import type { KeyGeneratorSpec } from '../types.ts';
import type { KeyGenerator } from './key-generator.ts';

export function createUuid(
  spec: Extract<KeyGeneratorSpec, { kind: 'uuid' }>,
  random: (size: number) => Uint8Array,
): KeyGenerator {
  return {
    spec,
    take(count) {
      return Array.from({ length: count }, () => {
        const bytes = Uint8Array.from(random(16));
        bytes[6] = (bytes[6]! & 0x0f) | 0x40;
        bytes[8] = (bytes[8]! & 0x3f) | 0x80;
        return Buffer.from(bytes).toString('hex');
      });
    },
  };
}
