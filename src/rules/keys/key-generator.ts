/** What a live key generator is, and the ports through which it reaches the outside. */
import type { Clock } from '../../base/index.ts';
import type { KeyGeneratorSpec } from '../types.ts';

/** Draws keys for one column. One per worker process. */
export interface KeyGenerator {
  readonly spec: KeyGeneratorSpec;
  /**
   * The next `count` keys in order: at once, or as a promise when a range must be fetched or a millisecond waited for.
   * Throws (or rejects with) MeshError SM_KEY_GENERATOR.
   */
  take(count: number): readonly bigint[] | readonly string[] | Promise<readonly bigint[] | readonly string[]>;
}

/**
 * Leases of worker ids: a number 0-1023 that no other live process of the installation uses. Adapters: Redis, or a table on the default source.
 * A lease is valid until `validUntil` (wall clock, ms) and renewed by the adapter; `current` answers undefined once it has run out, and
 * generation is then refused. An adapter may give back an id with a later epoch only after the former lease has surely ended.
 */
export interface WorkerIdPort {
  current(): { readonly workerId: number; readonly validUntil: number } | undefined;
}

/** Takes the next range of a sequence, durably, before it answers: `[first, first + count)`. */
export interface SegmentPort {
  fetch(
    spec: Extract<KeyGeneratorSpec, { kind: 'segment' }>,
    count: number,
  ): Promise<{ readonly first: bigint; readonly count: number }>;
}

export interface GeneratorPorts {
  readonly clock: Clock;
  /** 0-based index of this worker process, and how many there are: `worker-id` + index is the worker's own id. */
  readonly workerIndex: number;
  readonly workers: number;
  /** Absent: only generators with a `worker-id` give keys. */
  readonly workerIds?: WorkerIdPort;
  readonly segments?: SegmentPort;
  /** 16 random bytes, for UUID. */
  random(size: number): Uint8Array;
}
