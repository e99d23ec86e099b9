/** The sidecar's life: starting, ready, draining, stopped. */
import { type Clock, systemClock } from '../base/index.ts';

export type LifePhase = 'starting' | 'ready' | 'draining' | 'stopped';

/** What a drain does to the listeners and sessions; main gives it. */
export interface DrainHandles {
  /** New client connections are refused from here on. */
  stopAccepting(): Promise<void> | void;
  /** From here on each session is closed as soon as no command and no transaction is open. */
  closeAtQuietPoint(): void;
  /** Ends what is left with SM_DRAINING. */
  closeAll(): Promise<void> | void;
  /** Client sessions now, of all workers. */
  sessionCount(): number;
}

export interface DrainLimits {
  /** Keep accepting this long after readiness went off, so that load balancers notice. */
  readonly minDrainMs: number;
  /** After this (counted from the drain's start) the remaining sessions are ended. */
  readonly maxDrainMs: number;
}
export const defaultDrainLimits: DrainLimits = { minDrainMs: 0, maxDrainMs: 30_000 };

export interface LifecycleOptions {
  readonly handles: DrainHandles;
  readonly limits?: DrainLimits;
  readonly clock?: Clock;
  readonly onPhase?: (phase: LifePhase, reason: string) => void;
}

const pollMs = 20;

export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #clock: Clock;
  #phase: LifePhase = 'starting';
  #draining: Promise<void> | undefined;
  #deadline = Number.POSITIVE_INFINITY;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get phase(): LifePhase {
    return this.#phase;
  }

  get ready(): boolean {
    return this.#phase === 'ready';
  }

  /** The listeners are open. Nothing if a drain has begun already. */
  markReady(): void {
    if (this.#phase === 'starting') this.#enter('ready', 'listening');
  }

  /**
   * Resolves when all sessions are gone and the phase is `stopped`. A second call joins the first one's drain; if its
   * limits end earlier, they hold.
   */
  drain(reason: string, limits: DrainLimits = this.#options.limits ?? defaultDrainLimits): Promise<void> {
    if (this.#phase === 'stopped') return Promise.resolve();
    this.#deadline = Math.min(this.#deadline, this.#clock.monotonic() + limits.maxDrainMs);
    this.#draining ??= this.#drain(reason, limits.minDrainMs);
    return this.#draining;
  }

  async #drain(reason: string, minDrainMs: number): Promise<void> {
    const { handles } = this.#options;
    const began = this.#clock.monotonic();
    // The clock's timers do not keep the process alive, and a drain must come to its end.
    const alive = setInterval(() => {}, 60_000);
    this.#enter('draining', reason);
    while (this.#clock.monotonic() < Math.min(began + minDrainMs, this.#deadline)) await this.#wait(pollMs);
    await handles.stopAccepting();
    handles.closeAtQuietPoint();
    while (handles.sessionCount() > 0 && this.#clock.monotonic() < this.#deadline) await this.#wait(pollMs);
    await handles.closeAll();
    clearInterval(alive);
    this.#enter('stopped', reason);
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(delayMs, resolve));
  }

  #enter(phase: LifePhase, reason: string): void {
    this.#phase = phase;
    this.#options.onPhase?.(phase, reason);
  }
}
