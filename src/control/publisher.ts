/** Holds what is in force and swaps it: a reload builds and checks a complete new configuration, then changes one reference. */
import { type Clock, systemClock } from '../base/index.ts';
import type { SchemaSnapshot } from '../catalog/index.ts';
import type { MeshConfig, RuleProblem, RuleSet } from '../rules/index.ts';
import { type Logger, silentLogger } from '../telemetry/index.ts';
import {
  type Configuration,
  type ReloadReason,
  type ReloadResult,
  restartKeys,
  sameConfig,
  sameRules,
} from './configuration.ts';
import type { RuleSource } from './rule-source.ts';
import { type RefreshReason, SchemaLoader, type SchemaLoaderOptions } from './schema-loader.ts';
import { reasonOf } from './source-connection.ts';

export interface PublisherOptions {
  readonly source: RuleSource;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Last word before a new configuration is swapped in; what it throws refuses the reload. Must undo its own work then. */
  readonly prepare?: (next: Configuration, current: Configuration | undefined) => Promise<void> | void;
  /** Whether it logs outcomes; asked after each load. Default: yes. */
  readonly tells?: () => boolean;
  /** Told of each reload's outcome, for metrics. */
  readonly onReload?: (result: ReloadResult, reason: ReloadReason) => void;
  /** For the schema loaders of every database. */
  readonly schema?: Pick<SchemaLoaderOptions, 'read' | 'retryMs' | 'fallback'>;
}

/** The first load failed: there is nothing to run with. */
export class ConfigurationRefused extends Error {
  readonly problems: readonly RuleProblem[];

  constructor(reason: string, problems: readonly RuleProblem[]) {
    super(reason);
    this.name = 'ConfigurationRefused';
    this.problems = problems;
  }
}

export type ConfigurationListener = (next: Configuration, previous: Configuration | undefined) => void;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #listeners = new Set<ConfigurationListener>();
  #loaders: ReadonlyMap<string, SchemaLoader> = new Map();
  #current: Configuration | undefined;
  #problems: readonly RuleProblem[] = [];
  #lastResult: ReloadResult | undefined;
  #running: Promise<ReloadResult> | undefined;
  #next: Promise<ReloadResult> | undefined;
  #stopped = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
  }

  /** What is in force. Throws before the first load was applied. */
  get current(): Configuration {
    if (this.#current === undefined) throw new Error('no configuration has been loaded yet');
    return this.#current;
  }

  /** Undefined before the first reload has ended. */
  get lastResult(): ReloadResult | undefined {
    return this.#lastResult;
  }

  /** Warnings of what is in force, and the errors of a reload that was refused since. */
  get problems(): readonly RuleProblem[] {
    return this.#problems;
  }

  /** The listener is called in the same tick as the swap, before anybody else can read `current`'s new value later. */
  subscribe(listener: ConfigurationListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The schema loader of a logical database. */
  loader(database: string): SchemaLoader | undefined {
    return this.#loaders.get(database);
  }

  /** Reads a database's schema again; resolves when `current` holds what was found. */
  async refreshSchema(database: string, reason: RefreshReason): Promise<SchemaSnapshot | undefined> {
    return await this.#loaders.get(database)?.refresh(reason);
  }

  /** The first load. Rejects with ConfigurationRefused; sources that are down are no reason for it. */
  async start(): Promise<Configuration> {
    const result = await this.reload('start');
    if (result.kind === 'refused') throw new ConfigurationRefused(result.reason, result.problems);
    return result.configuration;
  }

  /**
   * Loads everything anew; all or nothing. Never rejects. Calls while one runs share the one that follows it, so that
   * each caller's answer is about content read after the call.
   */
  reload(reason: ReloadReason): Promise<ReloadResult> {
    if (this.#running === undefined) return this.#begin(reason);
    this.#next ??= this.#running.then(() => this.#begin(reason));
    return this.#next;
  }

  stop(): void {
    this.#stopped = true;
    for (const loader of this.#loaders.values()) loader.stop();
  }

  #begin(reason: ReloadReason): Promise<ReloadResult> {
    this.#next = undefined;
    const run = this.#reload(reason).finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  async #reload(reason: ReloadReason): Promise<ReloadResult> {
    let result: ReloadResult;
    try {
      const { value, problems } = await this.#options.source.load();
      result =
        value === undefined
          ? { kind: 'refused', reason: summary(problems), problems }
          : this.#current !== undefined && sameConfig(this.#current.config, value)
            ? { kind: 'unchanged', configuration: this.#current, problems }
            : await this.#apply(value, problems);
    } catch (error) {
      result = { kind: 'refused', reason: reasonOf(error), problems: [] };
    }
    this.#lastResult = result;
    this.#problems = result.problems;
    if (this.#options.tells?.() ?? true) this.#tell(result, reason);
    return result;
  }

  /** Loaders for what is new, the candidate, the last word, the swap; on failure nothing has changed. */
  async #apply(config: MeshConfig, problems: readonly RuleProblem[]): Promise<ReloadResult> {
    const before = this.#current;
    const loaders = new Map<string, SchemaLoader>();
    const fresh: SchemaLoader[] = [];
    const ruleSets = new Map<string, RuleSet>();
    for (const [database, rules] of config.databases) {
      const old = before?.ruleSets.get(database);
      const oldLoader = this.#loaders.get(database);
      if (old !== undefined && oldLoader !== undefined && sameRules(old, rules)) {
        ruleSets.set(database, old);
        loaders.set(database, oldLoader);
        continue;
      }
      const loader = this.#newLoader(database, rules, oldLoader);
      ruleSets.set(database, rules);
      loaders.set(database, loader);
      fresh.push(loader);
    }
    try {
      await Promise.all(fresh.map((loader) => loader.start()));
      const next = this.#freeze(config, ruleSets, loaders, this.#clock.now());
      await this.#options.prepare?.(next, before);
      if (this.#stopped) throw new Error('the sidecar is stopping');
      const oldLoaders = this.#loaders;
      this.#loaders = loaders;
      // Schemas may have changed while `prepare` worked.
      const configuration = this.#swap(this.#freeze(config, ruleSets, loaders, next.loadedAt));
      for (const [database, loader] of oldLoaders) if (loaders.get(database) !== loader) loader.stop();
      return {
        kind: 'applied',
        configuration,
        problems,
        restart: before === undefined ? [] : restartKeys(before.config, config),
      };
    } catch (error) {
      for (const loader of fresh) loader.stop();
      throw error;
    }
  }

  #newLoader(database: string, rules: RuleSet, former: SchemaLoader | undefined): SchemaLoader {
    const logger = this.#logger.child({ database });
    const loader: SchemaLoader = new SchemaLoader({
      ...this.#options.schema,
      rules,
      clock: this.#clock,
      ...(former === undefined ? {} : { former, versionBefore: former.snapshot.version }),
      publish: (snapshot) => {
        logger.info(
          { version: snapshot.version, tables: snapshot.tables.size, missing: [...snapshot.missing.keys()] },
          'schema.read',
        );
        if (this.#current === undefined || this.#loaders.get(database) !== loader) return;
        const { config, ruleSets, loadedAt } = this.#current;
        this.#swap(this.#freeze(config, ruleSets, this.#loaders, loadedAt));
      },
      onWarnings: (warnings) => {
        for (const { kind, table, source, message } of warnings)
          logger.warn({ kind, table, source, message }, 'schema.warning');
      },
      onSource: (source, reason) => {
        if (reason === undefined) logger.info({ source }, 'source.answers');
        else logger.warn({ source, reason }, 'source.silent');
      },
    });
    return loader;
  }

  #freeze(
    config: MeshConfig,
    ruleSets: ReadonlyMap<string, RuleSet>,
    loaders: ReadonlyMap<string, SchemaLoader>,
    loadedAt: number,
  ): Configuration {
    return Object.freeze({
      version: (this.#current?.version ?? 0) + 1,
      config,
      ruleSets,
      schemas: new Map([...loaders].map(([database, loader]) => [database, loader.snapshot])),
      databases: new Set(ruleSets.keys()),
      loadedAt,
    });
  }

  #swap(next: Configuration): Configuration {
    const previous = this.#current;
    this.#current = next;
    for (const listener of this.#listeners) {
      try {
        listener(next, previous);
      } catch (error) {
        this.#logger.error({ error }, 'configuration.listener_failed');
      }
    }
    return next;
  }

  #tell(result: ReloadResult, reason: ReloadReason): void {
    this.#options.onReload?.(result, reason);
    for (const { file, line, column, code, severity, message } of result.problems) {
      if (result.kind !== 'unchanged')
        this.#logger[severity === 'error' ? 'error' : 'warn'](
          { file, line, column, code, message },
          'configuration.problem',
        );
    }
    switch (result.kind) {
      case 'applied':
        this.#logger.info(
          { reason, version: result.configuration.version, hash: result.configuration.config.version },
          'configuration.applied',
        );
        if (result.restart.length > 0) this.#logger.warn({ keys: result.restart }, 'configuration.restart_needed');
        break;
      case 'unchanged':
        this.#logger[reason === 'file' ? 'debug' : 'info'](
          { reason, hash: result.configuration.config.version },
          'configuration.unchanged',
        );
        break;
      case 'refused':
        this.#logger.error({ reason, because: result.reason }, 'configuration.refused');
        break;
    }
  }
}

function summary(problems: readonly RuleProblem[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const [first] = errors;
  if (first === undefined) return 'the configuration cannot be loaded';
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`;
  return `${first.file}:${first.line}:${first.column} ${first.code} ${first.message}${more}`;
}
