/**
 * Lets only so many scratch executions work on one pool at a time: each holds a connection while it reads its tables through
 * others, and if all connections were held so, none could go on.
 */
import type { Pool } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';

const SIZE_DEFAULT = 50;
const TIMEOUT_DEFAULT_MS = 5000;

const gates = new WeakMap<Pool, Gate>();

/** Resolves with what to call at the end. Throws SM_UNSUPPORTED for a pool of one connection, SM_POOL_TIMEOUT after the pool's own patience. */
export function enterScratch(pool: Pool): Promise<() => void> {
  let gate = gates.get(pool);
  if (gate === undefined) {
    gate = new Gate(
      pool.source,
      Math.floor((pool.options.sizeMax ?? SIZE_DEFAULT) / 2),
      pool.options.acquireTimeoutMs ?? TIMEOUT_DEFAULT_MS,
    );
    gates.set(pool, gate);
  }
  return gate.enter();
}

export class Gate {
  readonly #source: string;
  readonly #timeoutMs: number;
  readonly #max: number;
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(source: string, max: number, timeoutMs: number) {
    this.#source = source;
    this.#max = max;
    this.#timeoutMs = timeoutMs;
  }

  async enter(): Promise<() => void> {
    if (this.#max < 1) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: `this SELECT on source '${this.#source}'`,
        reason: 'it needs two connections at once; set maxPoolSize to 2 or more',
      });
    }
    if (this.#inside >= this.#max) await this.#turn();
    else this.#inside += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#inside -= 1;
      else next();
    };
  }

  /** First come, first served; the place of whoever leaves is handed over. */
  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(new MeshError('SM_POOL_TIMEOUT', { source: this.#source, ms: this.#timeoutMs }));
      }, this.#timeoutMs);
      this.#waiting.push(go);
    });
  }
}
