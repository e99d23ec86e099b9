/** Capped exponential back-off with full jitter: crowds that failed together do not come back together. */

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Milliseconds to wait after the n-th attempt (from 1). `random`: 0 to 1. Never under 20 ms. */
export function backoffMs({ baseMs, maxMs }: Backoff, attempt: number, random: number): number {
  // 2 ** 40 is past every cap, and keeps the number finite.
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(40, Math.max(0, attempt - 1)));
  return Math.max(20, Math.round(ceiling * random));
}
