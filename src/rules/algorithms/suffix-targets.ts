/** Targets named by a common prefix and a number, as autoTables and MOD-like algorithms find them: `orders_0`, `orders_07`. */

/** Answers the index of the target with this number, or 'unknown'. */
export interface SuffixTargets {
  indexOf(suffix: string): number | 'unknown';
}

/** The prefix is the first target's name without its digits at the end; shorter numbers are padded with zeros to the shortest suffix. */
export function suffixTargets(targets: readonly string[]): SuffixTargets {
  const prefix = (targets[0] ?? '').replace(/\d+$/, '');
  const lengths = targets.map((target) => /\d*$/.exec(target)![0].length);
  const lengthMin = lengths.length === 0 ? 0 : lengths.reduce((a, b) => Math.min(a, b));
  const indexes = new Map(targets.map((target, index) => [target, index]));
  return { indexOf: (suffix) => indexes.get(prefix + suffix.padStart(lengthMin, '0')) ?? 'unknown' };
}

/** For numbers 0..count-1: the target of each, made once. */
export function numberedTargets(
  targets: readonly string[],
  count: number,
  suffixOf: (number: number) => string = String,
): readonly (number | 'unknown')[] {
  const suffixes = suffixTargets(targets);
  return Array.from({ length: count }, (_, number) => suffixes.indexOf(suffixOf(number)));
}
