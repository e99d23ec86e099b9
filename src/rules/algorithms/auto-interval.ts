/** AUTO_INTERVAL: shard numbers by stretches of seconds between two times. */
import type { BoundAlgorithm, KeyRange, KeyValue, Placement, TargetSet } from '../types.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { type CivilTime, parseCivilTime, secondsOf } from './civil-time.ts';
import { COUNT_MAX, type PropertyReader } from './properties.ts';
import { numberedTargets } from './suffix-targets.ts';
import { targetList } from './target-list.ts';

/** datetime-lower, datetime-upper (`yyyy-MM-dd HH:mm:ss`), sharding-seconds. Shard 0 is up to the lower time, the last from the upper on. */
export const autoInterval: AlgorithmKind = {
  type: 'AUTO_INTERVAL',
  properties: ['datetime-lower', 'datetime-upper', 'sharding-seconds'],
  create(reader) {
    const lower = timeProperty(reader, 'datetime-lower');
    const upper = timeProperty(reader, 'datetime-upper');
    const seconds = reader.integer('sharding-seconds', 1, 2 ** 40);
    let count = 2;
    if (lower !== undefined && upper !== undefined && reader.problems.length === 0) {
      if (upper <= lower) reader.report('datetime-upper', 'datetime-upper is not after datetime-lower');
      count = Math.trunc((upper - lower) / seconds) + 2;
      if (count > COUNT_MAX)
        reader.report('sharding-seconds', `that makes ${count} shards; at most ${COUNT_MAX} are possible`);
    }
    if (reader.problems.length > 0) count = 2;
    return {
      targetCount: count,
      bind: (targets) => bindInterval(numberedTargets(targets, count), lower ?? 0, seconds),
    };
  },
};

function timeProperty(reader: PropertyReader, name: string): number | undefined {
  const text = reader.text(name);
  if (text === '') return undefined;
  const time = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text) ? parseCivilTime(text) : undefined;
  if (time === undefined) reader.report(name, `property '${name}' is a time like 2024-01-31 00:00:00, not '${text}'`);
  return time === undefined ? undefined : secondsOf(time);
}

function bindInterval(numbered: readonly (number | 'unknown')[], lower: number, seconds: number): BoundAlgorithm {
  return {
    placeValue(value: KeyValue): Placement {
      const time = timeOf(value);
      return time === undefined ? 'unknown' : numbered[shardOf(time)]!;
    },
    placeRange(range: KeyRange): TargetSet {
      // Text sorts by its collation, which need not be the order of time.
      if (range.low?.kind === 'string' || range.high?.kind === 'string') return 'all';
      const low = range.low === undefined ? undefined : timeOf(range.low);
      const high = range.high === undefined ? undefined : timeOf(range.high);
      if ((range.low !== undefined && low === undefined) || (range.high !== undefined && high === undefined))
        return 'all';
      return targetList(
        numbered.slice(low === undefined ? 0 : shardOf(low), high === undefined ? undefined : shardOf(high) + 1),
      );
    },
  };

  /** The position in stretches is rounded to two digits (half to even) before it is rounded up, as ShardingSphere does. */
  function shardOf(time: CivilTime): number {
    const elapsed = secondsOf(time) - lower;
    if (elapsed <= 0) return 0;
    const scaled = elapsed * 100;
    const whole = Math.floor(scaled / seconds);
    const rest = scaled - whole * seconds;
    const hundredths = rest * 2 > seconds || (rest * 2 === seconds && whole % 2 === 1) ? whole + 1 : whole;
    return Math.min(Math.ceil(hundredths / 100), numbered.length - 1);
  }
}

/** Fractions of seconds do not count. */
function timeOf(value: KeyValue): CivilTime | undefined {
  if (value.kind !== 'temporal' && value.kind !== 'string') return undefined;
  return parseCivilTime(value.text);
}
