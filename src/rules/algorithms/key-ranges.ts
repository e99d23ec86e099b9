/** A 64-bit key space cut in ranges, each owned by a target: `-40=t_0, 40-80=t_1, 80-=t_2` in hexadecimal. */
import type { Placement } from '../types.ts';
import type { PropertyReader } from './properties.ts';

const SPACE = 1n << 64n;

export interface KeyRanges {
  /** Undefined: even shares of the targets in their order. */
  readonly ranges: readonly { readonly start: bigint; readonly end: bigint; readonly target: string }[] | undefined;
}

/** Reads property key-ranges. Boundaries are the leading digits of 16-digit numbers: 8 and 80 are both 8000000000000000. The ranges must cover everything once. */
export function readKeyRanges(reader: PropertyReader): KeyRanges {
  const text = reader.props['key-ranges'];
  if (text === undefined) return { ranges: undefined };
  const ranges: { start: bigint; end: bigint; target: string }[] = [];
  for (const item of text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')) {
    const match = /^([0-9a-fA-F]{0,16})-([0-9a-fA-F]{0,16})\s*=\s*(\S+)$/.exec(item);
    if (match === null) {
      reader.report('key-ranges', `'${item}' is not of the form 40-80=target`);
      continue;
    }
    const boundary = (digits: string): bigint => BigInt(`0x${digits.padEnd(16, '0')}`);
    ranges.push({ start: boundary(match[1]!), end: match[2] === '' ? SPACE : boundary(match[2]!), target: match[3]! });
  }
  ranges.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  let reached = 0n;
  for (const range of ranges) {
    if (range.start !== reached || range.end <= range.start) {
      reader.report(
        'key-ranges',
        `the ranges do not cover every key once: ${range.start < reached ? 'two overlap' : 'something is missing'} at ${hex(range.start < reached ? range.start : reached)}`,
      );
      break;
    }
    reached = range.end;
  }
  if (reader.problems.length === 0 && reached !== SPACE)
    reader.report('key-ranges', `the ranges do not cover every key once: keys from ${hex(reached)} on are missing`);
  return { ranges };
}

/** Answers the owner of a key (0 to 2^64 - 1). */
export function bindKeyRanges(keyRanges: KeyRanges, targets: readonly string[]): (key: bigint) => Placement {
  const count = BigInt(Math.max(1, targets.length));
  const starts =
    keyRanges.ranges?.map((range) => range.start) ?? targets.map((_, i) => (BigInt(i) * SPACE + count - 1n) / count);
  const owners: Placement[] =
    keyRanges.ranges?.map((range) => {
      const index = targets.indexOf(range.target);
      return index < 0 ? 'unknown' : index;
    }) ?? targets.map((_, i) => i);
  return (key) => {
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (key < starts[middle]!) high = middle;
      else low = middle + 1;
    }
    return owners[low - 1] ?? 'unknown';
  };
}

function hex(key: bigint): string {
  return key.toString(16).padStart(16, '0');
}
