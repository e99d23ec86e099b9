/** Whether one source is worth asking: a state machine fed by probes and by what statements meet. Pure; time is given. */

/**
 * `starting`: nothing is known yet. `up`. `down`: nobody asks it until the back-off ends. `half-open`: one probe at a time may;
 * two answers in a row close the circuit.
 */
export type HealthState = 'starting' | 'up' | 'down' | 'half-open';

/** Failures in a row, of statements, that open the circuit. A failed probe opens it at once. */
const FAILURES_MAX = 3;
const ANSWERS_NEEDED = 2;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_LAST_MS = 5000;

export class SourceHealth {
  #state: HealthState = 'starting';
  #failures = 0;
  #answers = 0;
  /** Consecutive times that the circuit opened without staying closed for long. */
  #opened = 0;
  #retryAt = 0;
  #upSince = 0;
  #reason = '';
  /** It has been down before: coming back means a slow start. */
  #cameBack = false;
  readonly #random: () => number;
  readonly #onChange: (from: HealthState, to: HealthState, reason: string) => void;

  constructor(
    onChange: (from: HealthState, to: HealthState, reason: string) => void,
    random: () => number = Math.random,
  ) {
    this.#onChange = onChange;
    this.#random = random;
  }

  get state(): HealthState {
    return this.#state;
  }

  get up(): boolean {
    return this.#state === 'up';
  }

  /** Why it is not up. */
  get reason(): string {
    return this.#state === 'up' ? '' : this.#reason;
  }

  /** 0.1 to 1: how much of its share a source that came back gets by now. */
  warmth(now: number, slowStartMs: number): number {
    if (!this.#cameBack || slowStartMs === 0) return 1;
    return Math.min(1, Math.max(0.1, (now - this.#upSince) / slowStartMs));
  }

  /** Milliseconds until the next probe makes sense. */
  probeDelay(now: number, intervalMs: number): number {
    if (this.#state === 'down') return Math.max(0, this.#retryAt - now);
    // Jitter keeps many sidecars from asking in step.
    return intervalMs * (0.8 + 0.4 * this.#random());
  }

  /** A probe is about to be sent. */
  probing(): void {
    if (this.#state === 'down') this.#to('half-open', this.#reason);
  }

  probeAnswered(now: number): void {
    this.#failures = 0;
    if (this.#state === 'up') {
      if (now - this.#upSince > BACKOFF_LAST_MS) this.#opened = 0;
      return;
    }
    this.#answers += 1;
    if (this.#state !== 'starting' && this.#answers < ANSWERS_NEEDED) return;
    this.#cameBack = this.#state !== 'starting';
    this.#upSince = now;
    this.#to('up', '');
  }

  probeFailed(now: number, reason: string): void {
    this.#open(now, reason);
  }

  /** A statement reached it and came back. */
  statementAnswered(): void {
    this.#failures = 0;
  }

  /** A statement lost its connection, or got none. */
  statementFailed(now: number, reason: string): void {
    if (this.#state !== 'up') return;
    this.#failures += 1;
    if (this.#failures >= FAILURES_MAX) this.#open(now, reason);
  }

  #open(now: number, reason: string): void {
    this.#answers = 0;
    this.#failures = 0;
    const backoff = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** this.#opened);
    this.#opened = Math.min(this.#opened + 1, 10);
    this.#retryAt = now + backoff * (0.5 + 0.5 * this.#random());
    this.#to('down', reason);
  }

  #to(state: HealthState, reason: string): void {
    const from = this.#state;
    this.#reason = reason;
    if (from === state) return;
    this.#state = state;
    this.#onChange(from, state, reason);
  }
}
