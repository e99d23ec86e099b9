/** MOD: the value (or a cut of its digits) modulo the number of shards. */
import { integerBounds, integerOf } from '../key-value.ts';
import type { BoundAlgorithm, KeyRange, KeyValue, Placement, TargetSet } from '../types.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { COUNT_MAX } from './properties.ts';
import { numberedTargets } from './suffix-targets.ts';
import { targetList } from './target-list.ts';

/**
 * sharding-count; start-offset and stop-offset cut that many characters from the value's text before it is read as a number;
 * zero-padding pads the table's number to the digits of sharding-count - 1. The remainder is never negative.
 */
export const mod: AlgorithmKind = {
  type: 'MOD',
  properties: ['sharding-count', 'start-offset', 'stop-offset', 'zero-padding'],
  create(reader) {
    const count = reader.integer('sharding-count', 1, COUNT_MAX);
    const start = reader.integer('start-offset', 0, 1000, 0);
    const stop = reader.integer('stop-offset', 0, 1000, 0);
    const zeroPadding = reader.boolean('zero-padding', false);
    const digits = String(count - 1).length;
    return {
      targetCount: count,
      bind: (targets) =>
        bindMod(
          numberedTargets(targets, count, (number) => String(number).padStart(zeroPadding ? digits : 0, '0')),
          count,
          start,
          stop,
        ),
    };
  },
};

function bindMod(
  numbered: readonly (number | 'unknown')[],
  count: number,
  start: number,
  stop: number,
): BoundAlgorithm {
  const divisor = BigInt(count);
  const cuts = start > 0 || stop > 0;
  return { placeValue, placeRange };

  function placeValue(value: KeyValue): Placement {
    const number = cuts ? cutInteger(value) : integerOf(value);
    if (number === undefined) return 'unknown';
    const remainder = Number(number % divisor);
    return numbered[remainder < 0 ? remainder + count : remainder]!;
  }

  function cutInteger(value: KeyValue): bigint | undefined {
    const text = value.kind === 'integer' ? value.value.toString() : value.kind === 'string' ? value.text : undefined;
    if (text === undefined || text.length - stop <= start) return undefined;
    return integerOf({ kind: 'string', text: text.slice(start, text.length - stop) });
  }

  function placeRange(range: KeyRange): TargetSet {
    // Text ranges sort as text ('10' < '9'), cut numbers not at all by their remainder.
    if (
      cuts ||
      range.low === undefined ||
      range.high === undefined ||
      range.low.kind === 'string' ||
      range.high.kind === 'string'
    )
      return 'all';
    const low = integerBounds(range.low);
    const high = integerBounds(range.high);
    if (low === undefined || high === undefined) return 'all';
    const first = low.ceiling;
    const last = high.floor;
    if (last - first >= divisor - 1n) return 'all';
    const placements: Placement[] = [];
    for (let number = first; number <= last; number++) placements.push(placeValue({ kind: 'integer', value: number }));
    return targetList(placements);
  }
}
