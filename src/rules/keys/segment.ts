/** SEGMENT: ids from ranges that are taken durably from a table, one range fetched ahead. */
import { MeshError } from '../../base/index.ts';
import type { KeyGeneratorSpec } from '../types.ts';
import type { KeyGenerator, SegmentPort } from './key-generator.ts';

interface Range {
  next: bigint;
  /** First id after the range. */
  readonly end: bigint;
}

/** Keys rise within one process; ids of a range that was fetched but not used are lost. */
export function createSegment(
  spec: Extract<KeyGeneratorSpec, { kind: 'segment' }>,
  port: SegmentPort | undefined,
): KeyGenerator {
  const ranges: Range[] = [];
  let fetching: Promise<void> | undefined;
  /** Takers wait for each other, so that each gets its keys in order of asking. */
  let queue: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return { spec, take };

  function take(count: number): readonly bigint[] | Promise<readonly bigint[]> {
    if (waiting === 0 && available() >= BigInt(count)) {
      const keys = draw(count);
      // A failure of the fetch ahead shows when a taker needs its range.
      if (available() < BigInt(spec.prefetchBelow)) fetchRange(spec.step).catch(() => {});
      return keys;
    }
    waiting++;
    const turn = queue
      .then(() => drawWhenReady(count))
      .finally(() => {
        waiting--;
      });
    queue = turn.catch(() => {});
    return turn;
  }

  async function drawWhenReady(count: number): Promise<readonly bigint[]> {
    while (available() < BigInt(count)) await fetchRange(Math.max(spec.step, count - Number(available())));
    return draw(count);
  }

  function available(): bigint {
    return ranges.reduce((sum, range) => sum + (range.end - range.next), 0n);
  }

  function draw(count: number): bigint[] {
    const keys: bigint[] = [];
    while (keys.length < count) {
      const range = ranges[0]!;
      if (range.next === range.end) ranges.shift();
      else keys.push(range.next++);
    }
    return keys;
  }

  function fetchRange(count: number): Promise<void> {
    fetching ??= fetchNow(count).finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  async function fetchNow(count: number): Promise<void> {
    if (port === undefined) throw refused('no way to its table is set up');
    let answer: { readonly first: bigint; readonly count: number };
    try {
      answer = await port.fetch(spec, count);
    } catch (cause) {
      throw refused(cause instanceof Error ? cause.message : String(cause), cause);
    }
    if (answer.count < 1) throw refused('its table gave an empty range');
    ranges.push({ next: answer.first, end: answer.first + BigInt(answer.count) });
  }

  function refused(reason: string, cause?: unknown): MeshError {
    return new MeshError('SM_KEY_GENERATOR', { name: spec.name, reason }, cause === undefined ? undefined : { cause });
  }
}
