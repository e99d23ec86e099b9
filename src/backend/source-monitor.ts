/** Asks one source again and again how it is, on a connection of its own. */
import type { Clock } from '../base/index.ts';
import { BackendConnection } from './backend-connection.ts';
import type { ConnectOptions } from './connect-options.ts';
import type { SourceHealth } from './source-health.ts';
import { probeSource, type SourceFacts } from './source-probe.ts';

export interface MonitorOptions {
  readonly connect: ConnectOptions;
  readonly group: string;
  readonly health: SourceHealth;
  readonly clock: Clock;
  /** Milliseconds until the next probe of a healthy source; asked each time. */
  intervalMs(): number;
  readonly timeoutMs: number;
  onFacts(facts: SourceFacts): void;
  onFailure(error: Error): void;
}

/** How the error of a probe that ran out of time begins. */
export const NO_ANSWER = 'no answer to a probe';

export class SourceMonitor {
  readonly #options: MonitorOptions;
  #connection: BackendConnection | undefined;
  #cancel: (() => void) | undefined;
  #probing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  start(): void {
    void this.probeNow();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#connection?.destroy();
  }

  /** Begins a probe at once unless one is under way; resolves when it has ended. Never rejects. */
  probeNow(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#cancel?.();
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
      this.#later();
    });
    return this.#probing;
  }

  /** A connection for the mesh's own statements on this source, such as recording a takeover. Rejects as `connect` does. */
  connect(): Promise<BackendConnection> {
    return BackendConnection.connect(this.#options.connect);
  }

  #later(): void {
    if (this.#stopped) return;
    const { health, clock } = this.#options;
    const delayMs = health.probeDelay(clock.monotonic(), this.#options.intervalMs());
    this.#cancel = clock.after(delayMs, () => void this.probeNow());
  }

  async #probe(): Promise<void> {
    const { health, clock, timeoutMs } = this.#options;
    health.probing();
    // A half-open connection answers nothing at all: the time limit is what notices.
    const cancel = clock.after(timeoutMs, () =>
      this.#connection?.destroy(new Error(`${NO_ANSWER} within ${timeoutMs} ms`)),
    );
    try {
      if (this.#connection === undefined || this.#connection.state !== 'idle') {
        this.#connection?.destroy();
        this.#connection = await BackendConnection.connect({
          ...this.#options.connect,
          connectTimeoutMs: timeoutMs,
        });
      }
      const facts = await probeSource(this.#connection, this.#options.group);
      if (this.#stopped) return;
      health.probeAnswered(clock.monotonic());
      this.#options.onFacts(facts);
    } catch (error) {
      this.#connection?.destroy();
      this.#connection = undefined;
      if (this.#stopped) return;
      const reason = error instanceof Error ? error : new Error(String(error));
      health.probeFailed(clock.monotonic(), reason.message);
      this.#options.onFailure(reason);
    } finally {
      cancel();
      if (this.#stopped) this.#connection?.destroy();
    }
  }
}
