/** Values that checks try on algorithms: small and large numbers, negatives, texts, times. */
import type { KeyValue } from '../types.ts';

/** 0 to 2047 in order: most algorithms turn through their shards within them. */
export const sampleIntegers: readonly KeyValue[] = Array.from({ length: 2048 }, (_, i) => ({
  kind: 'integer' as const,
  value: BigInt(i),
}));

const largeIntegers: readonly KeyValue[] = Array.from({ length: 256 }, (_, i) => ({
  kind: 'integer' as const,
  value: BigInt(i) * 0x0123_4567_89ab_cdn + 1000n,
}));
const texts: readonly KeyValue[] = Array.from({ length: 512 }, (_, i) => ({
  kind: 'string' as const,
  text: `${i.toString(36)}user-${i * 7919}`,
}));
const digits: readonly KeyValue[] = Array.from({ length: 512 }, (_, i) => ({
  kind: 'string' as const,
  text: String(i * 104_729),
}));

export const sampleTexts: readonly KeyValue[] = [...texts, ...digits];
export const sampleTimes: readonly KeyValue[] = Array.from({ length: 12 * 30 }, (_, i) => ({
  kind: 'temporal' as const,
  type: 'DATETIME' as const,
  text: `${2005 + Math.floor(i / 12)}-${String((i % 12) + 1).padStart(2, '0')}-${String((i % 28) + 1).padStart(2, '0')} 10:30:00`,
}));
export const sampleValues: readonly KeyValue[] = [...sampleIntegers, ...largeIntegers, ...sampleTexts, ...sampleTimes];
