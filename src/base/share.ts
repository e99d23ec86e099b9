/** What the workers of one sidecar know together: values that all of them apply, and counters with one limit for all. */

/** How far one sequence of writes has come. */
export interface SharedPosition {
  /** Compares positions of one key: the greatest is kept. */
  readonly order: bigint;
  /** The position as its server writes it. */
  readonly text: string;
}

/** Topic -> what is published under it. A row here and in `topicRules` makes a new topic. */
export interface SharedTopics {
  /** Write positions for read-your-writes. Key: source and sequence (GTID domain, server UUID). */
  readonly position: SharedPosition;
  /** Password digests that fast authentication has learnt. Key: that of its cache. */
  readonly digest: Uint8Array;
  /** A statement changed a schema: read it again. Key: the logical database; value: why. */
  readonly schema: string;
}
export type SharedTopic = keyof SharedTopics;

/** Handlers may be asynchronous: a value counts as applied when its handlers have ended. */
export type SharedHandler<T extends SharedTopic> = (key: string, value: SharedTopics[T]) => void | Promise<void>;

export interface Share {
  /**
   * Resolves when every other worker that serves clients has applied the value; the caller applies it itself. A worker that
   * dies, or is ended because it is stuck, is not waited for: its successor starts with the values that are kept. Rejects if
   * too much waits, or the supervisor is gone.
   */
  publish<T extends SharedTopic>(topic: T, key: string, value: SharedTopics[T]): Promise<void>;
  /** Called with what the other workers publish, and first with what is kept already. The answer ends it. */
  subscribe<T extends SharedTopic>(topic: T, handler: SharedHandler<T>): () => void;
  /** What is kept of a key, of all workers, this one included; undefined: nothing, or a topic that keeps nothing. */
  latest<T extends SharedTopic>(topic: T, key: string): SharedTopics[T] | undefined;
}

export interface TopicRule {
  /** What is kept of several values of one key; `none`: it is an event. */
  readonly keep: 'greatest' | 'last' | 'none';
  /** Keys kept at most: the ones published least recently are forgotten. */
  readonly keysMax: number;
}

export const topicRules: Readonly<Record<SharedTopic, TopicRule>> = {
  position: { keep: 'greatest', keysMax: 10_000 },
  digest: { keep: 'last', keysMax: 10_000 },
  schema: { keep: 'none', keysMax: 0 },
};

/** Counts of things that have one limit over all workers, such as the connections of a user. */
export interface SharedCounters {
  /** Adds one unless there are `max` already; false: there are. What a worker has taken is given back when it dies. */
  take(name: string, max: number): Promise<boolean>;
  /** One that this worker has taken. */
  give(name: string): void;
}

/** The share of a process without others. */
export function localShare(): Share {
  const kept = new SharedValues();
  return {
    publish: (topic, key, value) => {
      kept.merge(topic, key, value);
      return Promise.resolve();
    },
    subscribe: () => () => undefined,
    latest: (topic, key) => kept.get(topic, key),
  };
}

/** The counters of a process without others. */
export function localCounters(): SharedCounters {
  const counts = new Map<string, number>();
  return {
    take(name, max) {
      const count = counts.get(name) ?? 0;
      if (count >= max) return Promise.resolve(false);
      counts.set(name, count + 1);
      return Promise.resolve(true);
    },
    give(name) {
      const count = (counts.get(name) ?? 0) - 1;
      if (count > 0) counts.set(name, count);
      else counts.delete(name);
    },
  };
}

/** One published value, of whatever topic. */
export type SharedEntry = {
  readonly [T in SharedTopic]: readonly [topic: T, key: string, value: SharedTopics[T]];
}[SharedTopic];

/** The values that are kept, merged by the rules of their topics. */
export class SharedValues {
  readonly #topics = new Map<SharedTopic, Map<string, SharedTopics[SharedTopic]>>();

  /** False: what was known already wins. */
  merge<T extends SharedTopic>(topic: T, key: string, value: SharedTopics[T]): boolean {
    const { keep, keysMax } = topicRules[topic];
    if (keep === 'none') return true;
    let values = this.#topics.get(topic);
    if (values === undefined) {
      values = new Map();
      this.#topics.set(topic, values);
    }
    const known = values.get(key);
    const older = keep === 'greatest' && known !== undefined && orderOf(known) >= orderOf(value);
    // The order of a Map is that of insertion: what is published again moves to the end.
    values.delete(key);
    values.set(key, older ? known : value);
    if (values.size > keysMax) values.delete(values.keys().next().value as string);
    return !older;
  }

  get<T extends SharedTopic>(topic: T, key: string): SharedTopics[T] | undefined {
    return this.#topics.get(topic)?.get(key) as SharedTopics[T] | undefined;
  }

  /** What is kept of one topic. */
  *of<T extends SharedTopic>(topic: T): IterableIterator<[key: string, value: SharedTopics[T]]> {
    for (const [key, value] of this.#topics.get(topic) ?? []) yield [key, value as SharedTopics[T]];
  }

  /** Everything, for a worker that begins. */
  entries(): SharedEntry[] {
    return [...this.#topics].flatMap(([topic, values]) =>
      [...values].map(([key, value]) => [topic, key, value] as SharedEntry),
    );
  }
}

function orderOf(value: SharedTopics[SharedTopic]): bigint {
  return (value as SharedPosition).order;
}
