/** VOLUME_RANGE and BOUNDARY_RANGE: whole numbers in stretches, shard i holds [boundary i-1, boundary i). */
import { integerBounds, integerOf } from '../key-value.ts';
import type { BoundAlgorithm, KeyRange, KeyValue, Placement, TargetSet } from '../types.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { COUNT_MAX, LONG_MAX, LONG_MIN } from './properties.ts';
import { numberedTargets } from './suffix-targets.ts';
import { targetList } from './target-list.ts';

/** range-lower and range-upper are cut in stretches of sharding-volume; shard 0 is below, the last one from range-upper on. */
export const volumeRange: AlgorithmKind = {
  type: 'VOLUME_RANGE',
  properties: ['range-lower', 'range-upper', 'sharding-volume'],
  create(reader) {
    const lower = reader.long('range-lower', LONG_MIN, LONG_MAX);
    const upper = reader.long('range-upper', LONG_MIN, LONG_MAX);
    const volume = reader.long('sharding-volume', 1n, LONG_MAX);
    if (reader.problems.length > 0) return unusable;
    if (upper - lower < volume)
      reader.report(
        'sharding-volume',
        `range-upper - range-lower (${upper - lower}) is smaller than sharding-volume (${volume})`,
      );
    const stretches = (upper - lower + volume - 1n) / volume;
    if (stretches > BigInt(COUNT_MAX))
      reader.report('sharding-volume', `that makes ${stretches + 2n} shards; at most ${COUNT_MAX} are possible`);
    if (reader.problems.length > 0) return unusable;
    const boundaries = Array.from({ length: Number(stretches) }, (_, i) => lower + BigInt(i) * volume);
    return partitioned([...boundaries, upper]);
  },
};

/** sharding-ranges: the boundaries, separated by commas. */
export const boundaryRange: AlgorithmKind = {
  type: 'BOUNDARY_RANGE',
  properties: ['sharding-ranges'],
  create(reader) {
    const text = reader.text('sharding-ranges');
    const boundaries: bigint[] = [];
    for (const item of text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')) {
      if (!/^-?\d{1,19}$/.test(item)) reader.report('sharding-ranges', `boundary '${item}' is not a whole number`);
      else boundaries.push(BigInt(item));
    }
    boundaries.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const twice = boundaries.find((boundary, i) => boundary === boundaries[i - 1]);
    if (twice !== undefined)
      reader.report('sharding-ranges', `boundary ${twice} is there twice, which leaves a shard that no value reaches`);
    if (text !== '' && boundaries.length === 0)
      reader.report('sharding-ranges', "property 'sharding-ranges' has no boundary");
    return partitioned(boundaries);
  },
};

const unusable = partitioned([]);

function partitioned(boundaries: readonly bigint[]): {
  targetCount: number;
  bind: (targets: readonly string[]) => BoundAlgorithm;
} {
  const count = boundaries.length + 1;
  return {
    targetCount: count,
    bind(targets) {
      const numbered = numberedTargets(targets, count);
      return {
        placeValue(value: KeyValue): Placement {
          const number = integerOf(value);
          return number === undefined ? 'unknown' : numbered[partitionOf(number)]!;
        },
        placeRange(range: KeyRange): TargetSet {
          if (range.low?.kind === 'string' || range.high?.kind === 'string') return 'all';
          const low = range.low === undefined ? { ceiling: LONG_MIN } : integerBounds(range.low);
          const high = range.high === undefined ? undefined : integerBounds(range.high);
          if (low === undefined || (range.high !== undefined && high === undefined)) return 'all';
          const first = range.low === undefined ? 0 : partitionOf(low.ceiling);
          let top = high?.floor;
          if (top !== undefined && !range.highInclusive && integerOf(range.high!) === top) top -= 1n;
          const last = top === undefined ? count - 1 : partitionOf(top);
          return targetList(numbered.slice(first, last + 1));
        },
      };
    },
  };

  function partitionOf(number: bigint): number {
    let low = 0;
    let high = boundaries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (number < boundaries[middle]!) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
