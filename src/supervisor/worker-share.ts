/** A worker's side of what workers share: publishes in batches, one on its way at a time, and applies what comes. */
import {
  type Share,
  type SharedEntry,
  type SharedHandler,
  type SharedTopic,
  type SharedTopics,
  SharedValues,
} from '../base/index.ts';

/** Values that may wait for the batch before them. */
const QUEUE_MAX = 100_000;

interface Queued {
  readonly entry: SharedEntry;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class WorkerShare implements Share {
  readonly #send: (entries: readonly SharedEntry[]) => Promise<unknown>;
  readonly #onFault: (topic: SharedTopic, error: unknown) => void;
  readonly #values = new SharedValues();
  readonly #handlers = new Map<SharedTopic, Set<SharedHandler<SharedTopic>>>();
  #queue: Queued[] = [];
  #sending = false;

  /** `send` resolves when the other workers have applied a batch. `onFault`: a handler threw; its value counts as applied. */
  constructor(
    send: (entries: readonly SharedEntry[]) => Promise<unknown>,
    onFault: (topic: SharedTopic, error: unknown) => void,
  ) {
    this.#send = send;
    this.#onFault = onFault;
  }

  publish<T extends SharedTopic>(topic: T, key: string, value: SharedTopics[T]): Promise<void> {
    this.#values.merge(topic, key, value);
    if (this.#queue.length >= QUEUE_MAX) return Promise.reject(new Error('too many values wait to be shared'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry: [topic, key, value] as unknown as SharedEntry, resolve, reject });
      if (!this.#sending) void this.#flush();
    });
  }

  subscribe<T extends SharedTopic>(topic: T, handler: SharedHandler<T>): () => void {
    const handlers = this.#handlers.get(topic) ?? new Set();
    this.#handlers.set(topic, handlers);
    handlers.add(handler as SharedHandler<SharedTopic>);
    for (const [key, value] of this.#values.of(topic)) void this.#call(topic, handler, key, value);
    return () => handlers.delete(handler as SharedHandler<SharedTopic>);
  }

  latest<T extends SharedTopic>(topic: T, key: string): SharedTopics[T] | undefined {
    return this.#values.get(topic, key);
  }

  /** What the supervisor sends: values of other workers. */
  async apply(entries: readonly SharedEntry[]): Promise<undefined> {
    const running: Promise<void>[] = [];
    for (const [topic, key, value] of entries) {
      // An older position than a known one changes nothing.
      if (!this.#values.merge(topic, key, value)) continue;
      for (const handler of this.#handlers.get(topic) ?? []) {
        const done = this.#call(topic, handler, key, value);
        if (done !== undefined) running.push(done);
      }
    }
    if (running.length > 0) await Promise.all(running);
    return undefined;
  }

  /** What comes while a batch is on its way goes with the next one: the more is published, the larger the batches. */
  async #flush(): Promise<void> {
    this.#sending = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        await this.#send(batch.map(({ entry }) => entry));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#sending = false;
  }

  #call<T extends SharedTopic>(
    topic: T,
    handler: SharedHandler<T>,
    key: string,
    value: SharedTopics[T],
  ): Promise<void> | undefined {
    try {
      return handler(key, value)?.catch((error: unknown) => this.#onFault(topic, error));
    } catch (error) {
      this.#onFault(topic, error);
      return undefined;
    }
  }
}
