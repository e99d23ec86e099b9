/** Keeps the schema of one logical database: reads its sources, publishes frozen snapshots, retries what is down. */
import { type Clock, systemClock } from '../base/index.ts';
import type { SchemaSnapshot } from '../catalog/index.ts';
import { type DataSource, primaryOf, type RuleSet } from '../rules/index.ts';
import { buildSnapshot, defaultServerFallback, type SchemaWarning, type ServerFallback } from './build-snapshot.ts';
import { type PhysicalSchema, readPhysicalSchema } from './physical-schema.ts';
import { reasonOf, withSource } from './source-connection.ts';

export type RefreshReason = 'start' | 'ddl' | 'unknown name' | 'retry' | 'reload' | 'admin';

/** Reads one source; tests give their own. */
export type ReadSource = (source: DataSource, known: PhysicalSchema | undefined) => Promise<PhysicalSchema>;

export interface SchemaLoaderOptions {
  readonly rules: RuleSet;
  /** Called with each snapshot that differs from the last, never with an older version than before. */
  readonly publish: (snapshot: SchemaSnapshot) => void;
  /** Called after each load whose warnings differ from the last one's. */
  readonly onWarnings?: (warnings: readonly SchemaWarning[]) => void;
  /** Called when a source fails to answer, and when it answers again (reason undefined). */
  readonly onSource?: (source: string, reason: string | undefined) => void;
  /** The first snapshot gets this version plus one; a reload goes on from the old loader's. Default 0. */
  readonly versionBefore?: number;
  readonly fallback?: ServerFallback;
  /** A loader of former rules: what it has read of the same servers stays known while they are down. */
  readonly former?: SchemaLoader;
  readonly clock?: Clock;
  readonly read?: ReadSource;
  /** First wait before a source that is down is asked again; doubles up to 30 s. Default 500. */
  readonly retryMs?: number;
}

/** Loads caused by unknown names start at most this often: a statement that keeps failing must not load the servers. */
const unknownNameIntervalMs = 250;
const retryMaxMs = 30_000;

export class SchemaLoader {
  readonly rules: RuleSet;
  readonly #options: SchemaLoaderOptions;
  readonly #clock: Clock;
  readonly #read: ReadSource;
  /** Last good read per shard source: a source that goes down keeps its known tables. */
  readonly #schemas = new Map<string, PhysicalSchema>();
  /** Sources that did not answer the last time, and why. */
  readonly #failing = new Map<string, string>();
  #snapshot: SchemaSnapshot;
  #identity = '';
  #warningText = '';
  #warnings: readonly SchemaWarning[] = [];
  #running: Promise<SchemaSnapshot> | undefined;
  #next: Promise<SchemaSnapshot> | undefined;
  #lastStart = Number.NEGATIVE_INFINITY;
  #retryDelayMs: number;
  #cancelRetry: (() => void) | undefined;
  #stopped = false;

  constructor(options: SchemaLoaderOptions) {
    this.#options = options;
    this.rules = options.rules;
    this.#clock = options.clock ?? systemClock;
    this.#read =
      options.read ?? ((source, known) => withSource(source, (connection) => readPhysicalSchema(connection, known)));
    this.#retryDelayMs = options.retryMs ?? 500;
    for (const name of this.rules.shardSources) {
      const schema = options.former?.knownSchema(primaryOf(this.rules, name));
      if (schema !== undefined) this.#schemas.set(name, schema);
    }
    const unread = new Map(this.rules.shardSources.map((source) => [source, 'not asked yet']));
    const { content } = buildSnapshot(this.rules, new Map(), unread, options.fallback ?? defaultServerFallback);
    this.#snapshot = Object.freeze({ ...content, version: options.versionBefore ?? 0 });
  }

  /** The last snapshot; before the first load one in which every source is missing. */
  get snapshot(): SchemaSnapshot {
    return this.#snapshot;
  }

  get warnings(): readonly SchemaWarning[] {
    return this.#warnings;
  }

  /** Shard sources that did not answer the last time, with the reason. */
  get failing(): ReadonlyMap<string, string> {
    return this.#failing;
  }

  /** What was last read of this server and schema, under whatever name. */
  knownSchema(source: DataSource | undefined): PhysicalSchema | undefined {
    if (source === undefined) return undefined;
    for (const [name, schema] of this.#schemas) {
      const own = primaryOf(this.rules, name);
      if (
        own !== undefined &&
        own.host === source.host &&
        own.port === source.port &&
        own.socketPath === source.socketPath &&
        own.database === source.database
      ) {
        return schema;
      }
    }
    return undefined;
  }

  /** First load. Resolves when every source has answered or failed; never rejects for a source that is down. */
  start(): Promise<SchemaSnapshot> {
    return this.refresh('start');
  }

  /**
   * Reads all sources again and resolves with a snapshot that was read entirely after this call.
   * Calls while a load runs share the one that follows it.
   */
  refresh(reason: RefreshReason): Promise<SchemaSnapshot> {
    if (this.#stopped) return Promise.resolve(this.#snapshot);
    if (this.#running === undefined && this.#next === undefined) {
      const waitMs = reason === 'unknown name' ? this.#lastStart + unknownNameIntervalMs - this.#clock.monotonic() : 0;
      if (waitMs <= 0) return this.#begin();
      this.#next = new Promise<void>((resolve) => this.#clock.after(waitMs, resolve)).then(() => this.#begin());
      return this.#next;
    }
    this.#next ??= (this.#running ?? Promise.resolve()).then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  /** Ends retries and publishes nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
  }

  #begin(): Promise<SchemaSnapshot> {
    this.#next = undefined;
    this.#lastStart = this.#clock.monotonic();
    const run = this.#load().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  async #load(): Promise<SchemaSnapshot> {
    this.#cancelRetry?.();
    await Promise.all(this.rules.shardSources.map((name) => this.#readSource(name)));
    if (this.#stopped) return this.#snapshot;
    this.#publish();
    this.#scheduleRetry();
    return this.#snapshot;
  }

  async #readSource(name: string): Promise<void> {
    const source = primaryOf(this.rules, name);
    const wasFailing = this.#failing.has(name);
    try {
      if (source === undefined) throw new Error('the rules name no such source');
      this.#schemas.set(name, await this.#read(source, this.#schemas.get(name)));
      this.#failing.delete(name);
      if (wasFailing) this.#options.onSource?.(name, undefined);
    } catch (error) {
      const reason = reasonOf(error);
      this.#failing.set(name, reason);
      if (!wasFailing) this.#options.onSource?.(name, reason);
    }
  }

  #publish(): void {
    const missing = new Map([...this.#failing].filter(([name]) => !this.#schemas.has(name)));
    const ordered = new Map<string, PhysicalSchema>();
    for (const name of this.rules.shardSources) {
      const schema = this.#schemas.get(name);
      if (schema !== undefined) ordered.set(name, schema);
    }
    const { content, warnings } = buildSnapshot(
      this.rules,
      ordered,
      missing,
      this.#options.fallback ?? defaultServerFallback,
    );
    const warningText = JSON.stringify(warnings);
    this.#warnings = warnings;
    if (warningText !== this.#warningText) {
      this.#warningText = warningText;
      if (warnings.length > 0) this.#options.onWarnings?.(warnings);
    }
    const identity = identityOf(content);
    if (identity === this.#identity) return;
    this.#identity = identity;
    this.#snapshot = Object.freeze({ ...content, version: this.#snapshot.version + 1 });
    this.#options.publish(this.#snapshot);
  }

  #scheduleRetry(): void {
    if (this.#failing.size === 0) {
      this.#retryDelayMs = this.#options.retryMs ?? 500;
      return;
    }
    const delayMs = this.#retryDelayMs;
    this.#retryDelayMs = Math.min(delayMs * 2, retryMaxMs);
    this.#cancelRetry = this.#clock.after(delayMs, () => {
      void this.refresh('retry');
    });
  }
}

/** Equal texts mean equal plans: a load that found nothing new keeps the version, and with it every cached plan. */
function identityOf(content: Omit<SchemaSnapshot, 'version'>): string {
  return JSON.stringify(content, (_, value: unknown) =>
    value instanceof Map ? [...value] : value instanceof Set ? [...value].sort() : value,
  );
}
