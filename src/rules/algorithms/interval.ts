/** INTERVAL: tables named after the start of their stretch of time, `orders_202401`. */
import type { BoundAlgorithm, KeyRange, KeyValue, Placement, TargetSet } from '../types.ts';
import type { AlgorithmKind, CreatedAlgorithm } from './algorithm-kind.ts';
import { type CivilTime, compareTimes, parseCivilTime, plusTime, type TimeUnit } from './civil-time.ts';
import { COUNT_MAX } from './properties.ts';
import { targetList } from './target-list.ts';
import { type TimePattern, timePattern } from './time-pattern.ts';

const units: readonly TimeUnit[] = [
  'NANOS',
  'MICROS',
  'MILLIS',
  'SECONDS',
  'MINUTES',
  'HOURS',
  'DAYS',
  'WEEKS',
  'MONTHS',
  'YEARS',
  'DECADES',
];

interface Stretch {
  readonly start: CivilTime;
  readonly suffix: string;
}

/**
 * datetime-pattern, datetime-lower, datetime-upper (default: as far as 65,536 stretches go), sharding-suffix-pattern,
 * datetime-interval-amount (1), datetime-interval-unit (DAYS). A target is the one whose name ends with the suffix of the stretch's start.
 */
export const interval: AlgorithmKind = {
  type: 'INTERVAL',
  properties: [
    'datetime-pattern',
    'datetime-lower',
    'sharding-suffix-pattern',
    'datetime-upper',
    'datetime-interval-amount',
    'datetime-interval-unit',
  ],
  create(reader): CreatedAlgorithm {
    const readPattern = (name: string): TimePattern | undefined => {
      const text = reader.text(name);
      if (text === '') return undefined;
      const pattern = timePattern(text);
      if (typeof pattern !== 'string') return pattern;
      reader.report(name, `property '${name}': ${pattern}`);
      return undefined;
    };
    const pattern = readPattern('datetime-pattern');
    if (pattern !== undefined && !pattern.fields.has('year'))
      reader.report('datetime-pattern', 'a pattern without year is not supported');
    const suffixPattern = readPattern('sharding-suffix-pattern');
    const readTime = (name: string, fallback?: string): CivilTime | undefined => {
      const text = reader.text(name, fallback);
      if (text === '' || text === fallback || pattern === undefined) return undefined;
      const time = pattern.parse(text);
      if (time === undefined)
        reader.report(
          name,
          `property '${name}' is a time of the form ${reader.props['datetime-pattern']}, not '${text}'`,
        );
      return time;
    };
    const lower = readTime('datetime-lower');
    const upper = readTime('datetime-upper', 'open');
    const amount = reader.integer('datetime-interval-amount', 1, 100_000, 1);
    const unit = reader.oneOf('datetime-interval-unit', units, 'DAYS');
    if (unit === 'NANOS' || unit === 'MICROS' || unit === 'MILLIS')
      reader.report('datetime-interval-unit', `unit ${unit} is too small for tables`);
    if (lower !== undefined && upper !== undefined && compareTimes(lower, upper) > 0)
      reader.report('datetime-upper', 'datetime-upper is before datetime-lower');

    const stretches: Stretch[] = [];
    let end: CivilTime | undefined;
    if (reader.problems.length === 0 && lower !== undefined && suffixPattern !== undefined) {
      let start: CivilTime = lower;
      while (start.year <= 9999 && (upper === undefined || compareTimes(start, upper) <= 0)) {
        if (stretches.length === COUNT_MAX) {
          if (upper === undefined) break;
          reader.report('datetime-upper', `that makes more than ${COUNT_MAX} stretches of time`);
          break;
        }
        stretches.push({ start, suffix: suffixPattern.format(start) });
        start = plusTime(start, amount, unit)!;
      }
      end = start;
    }
    return { targetCount: undefined, bind: (targets) => bindStretches(targets, stretches, end, pattern) };
  },
};

function bindStretches(
  targets: readonly string[],
  stretches: readonly Stretch[],
  end: CivilTime | undefined,
  pattern: TimePattern | undefined,
): BoundAlgorithm {
  const placements = placementsOf(targets, stretches);
  return {
    placeValue(value: KeyValue): Placement {
      const time = timeOf(value, pattern);
      return time === undefined ? 'unknown' : (placements[stretchOf(time)] ?? 'unknown');
    },
    placeRange(range: KeyRange): TargetSet {
      // Text and numbers sort in their own order, which need not be the order of time.
      if ((range.low ?? range.high)?.kind !== 'temporal' || (range.high ?? range.low)?.kind !== 'temporal')
        return 'all';
      const low = range.low === undefined ? undefined : timeOf(range.low, pattern);
      const high = range.high === undefined ? undefined : timeOf(range.high, pattern);
      if ((range.low !== undefined && low === undefined) || (range.high !== undefined && high === undefined))
        return 'all';
      const first = low === undefined ? 0 : Math.max(0, stretchOf(low));
      const last = high === undefined ? stretches.length - 1 : Math.min(stretchOf(high), stretches.length - 1);
      return targetList(placements.slice(first, last + 1));
    },
  };

  /** -1: before the first; stretches.length: after the last. */
  function stretchOf(time: CivilTime): number {
    if (end !== undefined && compareTimes(time, end) >= 0) return stretches.length;
    let low = 0;
    let high = stretches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareTimes(time, stretches[middle]!.start) < 0) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }
}

/** A target belongs to a suffix if its name ends with it; of several the one with no digit before it; if that is not one, none. */
function placementsOf(targets: readonly string[], stretches: readonly Stretch[]): readonly Placement[] {
  const known = new Map<string, Placement>();
  const lengths = new Set(stretches.map((stretch) => stretch.suffix.length));
  const bySuffix = new Map<string, number[]>();
  for (const [index, target] of targets.entries()) {
    for (const length of lengths) {
      if (target.length < length) continue;
      const suffix = target.slice(target.length - length);
      bySuffix.set(suffix, [...(bySuffix.get(suffix) ?? []), index]);
    }
  }
  return stretches.map(({ suffix }) => {
    let placement = known.get(suffix);
    if (placement === undefined) {
      let candidates = bySuffix.get(suffix) ?? [];
      if (candidates.length > 1)
        candidates = candidates.filter((index) => !/\d/.test(targets[index]!.at(-suffix.length - 1) ?? ''));
      placement = candidates.length === 1 ? candidates[0]! : 'unknown';
      known.set(suffix, placement);
    }
    return placement;
  });
}

/** Times by their own spelling; text and numbers by datetime-pattern: longer text is cut, shorter is read by the pattern's beginning. */
function timeOf(value: KeyValue, pattern: TimePattern | undefined): CivilTime | undefined {
  if (value.kind === 'temporal') return parseCivilTime(value.text);
  if (pattern === undefined || (value.kind !== 'string' && value.kind !== 'integer')) return undefined;
  const text = value.kind === 'string' ? value.text : value.value.toString();
  return (
    pattern.parse(text.slice(0, pattern.length)) ?? (text.length < pattern.length ? parseCivilTime(text) : undefined)
  );
}
