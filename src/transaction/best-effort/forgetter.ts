/** Deletes outbox rows of what was delivered at once: many with one statement, behind the sessions' backs. */
import { type DeliveryGround, onOwnLease, ownClass } from './ground.ts';
import { forgetOutbox } from './outbox.ts';

type Key = { readonly gid: string; readonly seq: number };

/** Rows that wait to be deleted in one place. More are left to the relay, which finds that they have been delivered. */
const WAITING_MAX = 10_000;
const BATCH_MAX = 200;

export class Forgetter {
  readonly #ground: (logicalDatabase: string) => DeliveryGround;
  readonly #timeoutMs: number;
  /** By place: what waits while a statement is under way. */
  readonly #waiting = new Map<string, Key[]>();

  constructor(ground: (logicalDatabase: string) => DeliveryGround, timeoutMs: number) {
    this.#ground = ground;
    this.#timeoutMs = timeoutMs;
  }

  forget(logicalDatabase: string, source: string, key: Key): void {
    const place = `${logicalDatabase} ${source}`;
    const waiting = this.#waiting.get(place);
    if (waiting !== undefined) {
      if (waiting.length < WAITING_MAX) waiting.push(key);
      return;
    }
    const first = [key];
    this.#waiting.set(place, first);
    void this.#work(place, logicalDatabase, source, first);
  }

  /** Until nothing waits. What fails is left to the relay. */
  async #work(place: string, logicalDatabase: string, source: string, waiting: Key[]): Promise<void> {
    // What commits in the same moment goes along.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      while (waiting.length > 0) {
        const keys = waiting.splice(0, BATCH_MAX);
        await onOwnLease(this.#ground(logicalDatabase), source, ownClass, this.#timeoutMs, (lease) =>
          lease.connection.query(forgetOutbox(keys)),
        );
      }
    } catch {
      // The relay finds the inbox rows of all of them.
    } finally {
      this.#waiting.delete(place);
    }
  }
}
