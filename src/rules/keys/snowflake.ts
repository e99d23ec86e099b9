/** SNOWFLAKE: 41 bits of milliseconds since 2016-11-01, 10 bits worker id, 12 bits sequence; time never goes back. */
import { type Clock, MeshError } from '../../base/index.ts';
import type { KeyGeneratorSpec } from '../types.ts';
import type { KeyGenerator } from './key-generator.ts';

/** 2016-11-01T00:00:00Z. ShardingSphere takes midnight of its local time zone; only the ids' time part differs by that. */
export const SNOWFLAKE_EPOCH = Date.UTC(2016, 10, 1);
export const WORKER_IDS_MAX = 1024;
const SEQUENCE_MAX = 4095;
/** 41 bits: until 2086. */
const TIME_MAX = 2 ** 41 - 1;

/**
 * A millisecond's first sequence number before it is cut to max-vibration-offset. Slow traffic draws one key per millisecond: starting at 0
 * would give multiples of 4,096 only, and taking turns would give one table the even keys and the other the odd ones when both draw in turn.
 */
function startOf(ms: number): number {
  let mixed = Math.imul((ms % 0x1_0000_0000) | 0, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/**
 * `workerId` is asked before each batch. The clock may fall behind the last key by less than `max-tolerate-time-difference-milliseconds`:
 * then keys wait for it; by more: refused. A full millisecond (4,096 keys) waits for the next.
 */
export function createSnowflake(
  spec: Extract<KeyGeneratorSpec, { kind: 'snowflake' }>,
  clock: Clock,
  workerId: () => number,
): KeyGenerator {
  let lastMs = -1;
  let sequence = 0;
  return { spec, take };

  function take(count: number): readonly bigint[] | Promise<readonly bigint[]> {
    const keys: bigint[] = [];
    const wait = fill(keys, count);
    return wait === 0 ? keys : later(keys, count, wait);
  }

  async function later(keys: bigint[], count: number, wait: number): Promise<readonly bigint[]> {
    let waitMs = wait;
    while (waitMs > 0) {
      await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
      waitMs = fill(keys, count);
    }
    return keys;
  }

  /** Adds keys while it can; answers 0 when `count` is reached, else the milliseconds to wait. */
  function fill(keys: bigint[], count: number): number {
    const id = BigInt(workerId());
    while (keys.length < count) {
      const now = Math.floor(clock.now());
      if (now < lastMs) {
        const behind = lastMs - now;
        if (behind >= spec.maxTolerateTimeDifferenceMs) refuse(`the clock went back by ${behind} ms`);
        return behind;
      }
      if (now === lastMs) {
        if (sequence === SEQUENCE_MAX) return 1;
        sequence++;
      } else {
        sequence = startOf(now) % (spec.maxVibrationOffset + 1);
        lastMs = now;
      }
      const time = lastMs - SNOWFLAKE_EPOCH;
      if (time < 0 || time > TIME_MAX)
        refuse(`the clock is outside 2016-11-01 and 2086 (${new Date(now).toISOString()})`);
      keys.push((BigInt(time) << 22n) | (id << 12n) | BigInt(sequence));
    }
    return 0;
  }

  function refuse(reason: string): never {
    throw new MeshError('SM_KEY_GENERATOR', { name: spec.name, reason });
  }
}
