/** A fair, bounded line of waiters with one time limit for all. */
import type { Clock } from '../base/index.ts';

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: number;
  gone: boolean;
  release: (() => void) | undefined;
}

export class WaitQueue<T> {
  readonly #lengthMax: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #timeoutError: (ms: number) => Error;
  /** First in line first. Those who left early stay as `gone` until they come to the head. */
  #waiters: Waiter<T>[] = [];
  #head = 0;
  #length = 0;
  #cancelTimer: (() => void) | undefined;
  /** Waiters that were refused or ran out of time. */
  timeouts = 0;

  constructor(lengthMax: number, timeoutMs: number, clock: Clock, timeoutError: (ms: number) => Error) {
    this.#lengthMax = lengthMax;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#timeoutError = timeoutError;
  }

  get length(): number {
    return this.#length;
  }

  /** Rejects at once when the line is full, later with the time limit or the signal's reason. */
  wait(signal?: AbortSignal): Promise<T> {
    if (this.#length >= this.#lengthMax) {
      this.timeouts += 1;
      return Promise.reject(this.#timeoutError(0));
    }
    return new Promise<T>((resolve, reject) => {
      const deadline = this.#clock.monotonic() + this.#timeoutMs;
      const waiter: Waiter<T> = { resolve, reject, deadline, gone: false, release: undefined };
      if (signal !== undefined) {
        const onAbort = (): void => this.#leave(waiter, signal.reason as Error);
        signal.addEventListener('abort', onAbort, { once: true });
        waiter.release = () => signal.removeEventListener('abort', onAbort);
      }
      this.#waiters.push(waiter);
      this.#length += 1;
      this.#arm();
    });
  }

  /** Gives the first in line what `make` answers. False (and `make` not called) when nobody waits. */
  serve(make: () => T): boolean {
    const waiter = this.#first();
    if (waiter === undefined) return false;
    this.#remove(waiter);
    waiter.resolve(make());
    return true;
  }

  rejectAll(error: () => Error): void {
    for (let waiter = this.#first(); waiter !== undefined; waiter = this.#first()) this.#leave(waiter, error());
  }

  #first(): Waiter<T> | undefined {
    while (this.#head < this.#waiters.length && this.#waiters[this.#head]?.gone === true) this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#waiters.length) {
      this.#waiters = this.#waiters.slice(this.#head);
      this.#head = 0;
    }
    return this.#waiters[this.#head];
  }

  #leave(waiter: Waiter<T>, error: Error): void {
    if (waiter.gone) return;
    this.#remove(waiter);
    waiter.reject(error);
  }

  #remove(waiter: Waiter<T>): void {
    waiter.gone = true;
    waiter.release?.();
    this.#length -= 1;
    if (this.#length > 0) return;
    this.#waiters = [];
    this.#head = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** One timer for the whole line: all waiters have the same limit, so the first one is due first. */
  #arm(): void {
    const first = this.#first();
    if (first === undefined || this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#clock.after(Math.max(0, first.deadline - this.#clock.monotonic()), () => {
      this.#cancelTimer = undefined;
      const now = this.#clock.monotonic();
      for (let due = this.#first(); due !== undefined && due.deadline <= now; due = this.#first()) {
        this.timeouts += 1;
        this.#leave(due, this.#timeoutError(this.#timeoutMs));
      }
      this.#arm();
    });
  }
}
