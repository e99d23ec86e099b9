/** MURMUR_HASH: a consistent ring with virtual nodes, so that a new shard takes its share from all others and moves nothing else. */
import { Buffer } from 'node:buffer';
import { bytesOf } from '../key-value.ts';
import type { BoundAlgorithm } from '../types.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { keyFormOf } from './key-form.ts';

/** virtual-nodes per unit of weight (160); weights `name=2,other=1` (1 each); seed (0). A target's points depend on its name only. */
export const murmurHash: AlgorithmKind = {
  type: 'MURMUR_HASH',
  properties: ['virtual-nodes', 'weights', 'seed', 'key-form'],
  create(reader) {
    const virtualNodes = reader.integer('virtual-nodes', 1, 10_000, 160);
    const seed = reader.integer('seed', 0, 0xffff_ffff, 0);
    const weights = new Map<string, number>();
    for (const item of (reader.props['weights'] ?? '')
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')) {
      const match = /^([^=\s]+)\s*=\s*(\d{1,3})$/.exec(item);
      if (match === null || match[2] === '0')
        reader.report('weights', `weight '${item}' is not of the form name=1 to name=999`);
      else weights.set(match[1]!, Number(match[2]));
    }
    return {
      targetCount: undefined,
      keyForm: keyFormOf(reader),
      bind: (targets) => bindRing(targets, virtualNodes, weights, seed),
    };
  },
};

function bindRing(
  targets: readonly string[],
  virtualNodes: number,
  weights: ReadonlyMap<string, number>,
  seed: number,
): BoundAlgorithm {
  const points: { hash: number; target: number }[] = [];
  for (const [target, name] of targets.entries()) {
    const count = virtualNodes * (weights.get(name) ?? 1);
    for (let i = 0; i < count; i++) points.push({ hash: murmur3(Buffer.from(`${name}#${i}`), seed), target });
  }
  // Equal hashes: the name that sorts first, so that the order of the list does not matter.
  points.sort((a, b) => a.hash - b.hash || (targets[a.target]! < targets[b.target]! ? -1 : 1));
  const hashes = Uint32Array.from(points, (point) => point.hash);
  const owners = Uint32Array.from(points, (point) => point.target);
  return {
    placeValue(value) {
      const bytes = bytesOf(value);
      if (bytes === undefined || hashes.length === 0) return 'unknown';
      const hash = murmur3(bytes, seed);
      let low = 0;
      let high = hashes.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (hashes[middle]! < hash) low = middle + 1;
        else high = middle;
      }
      return owners[low === hashes.length ? 0 : low]!;
    },
    placeRange: () => 'all',
  };
}

/** MurmurHash3 x86 32-bit; answers 0 to 2^32 - 1. */
export function murmur3(bytes: Uint8Array, seed: number): number {
  let hash = seed | 0;
  const blocks = bytes.length & ~3;
  for (let i = 0; i < blocks; i += 4) {
    hash ^= scramble(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= blocks; i--) tail = (tail << 8) | bytes[i]!;
  if (bytes.length > blocks) hash ^= scramble(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
