/** What the supervisor and its workers ask each other. Both come from one installation; the version says so. */
import type { SharedEntry } from '../base/index.ts';
import type { ListenAddress, Overrides, RuleProblem } from '../rules/index.ts';
import type { MetricValues } from '../telemetry/index.ts';

/** Rises with every change of this file's meaning: a worker of another version ends itself instead of guessing. */
export const PROTOCOL_VERSION = 2;

/** A worker whose event loop turns says so this often. */
export const BEAT_EVERY_MS = 500;

/** The files of one configuration as they were read, so that every worker builds the same. May hold secrets. */
export interface ConfigurationFiles {
  /** Absolute path -> text. */
  readonly texts: ReadonlyMap<string, string>;
  /** Pattern -> the paths that it matched. */
  readonly globs: ReadonlyMap<string, readonly string[]>;
}

/** What of a configuration concerns the supervisor. */
export interface ConfigurationSummary {
  readonly listen: readonly ListenAddress[];
  readonly http: ListenAddress | undefined;
  readonly admin: ListenAddress | undefined;
  readonly workers: number;
  readonly hash: string;
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
    readonly format: 'json' | 'pretty';
  };
  /** Client connections of all workers together. */
  readonly connections: number;
  /** What one worker's descriptors allow. */
  readonly connectionsOfWorker: number;
  /** A worker that does not answer for so long is ended; 0: never. */
  readonly watchdogMs: number;
  /** Files to watch. */
  readonly files: readonly string[];
  readonly databases: readonly string[];
  /** Never to be logged. */
  readonly secrets: readonly string[];
}

/** How a worker is told to build its configuration. */
export interface LoadOrder {
  readonly version: number;
  readonly file: string;
  readonly overrides: Overrides;
  /** Undefined: read from disk. */
  readonly files: ConfigurationFiles | undefined;
}

export type LoadOutcome =
  | { readonly kind: 'loaded'; readonly files: ConfigurationFiles; readonly summary: ConfigurationSummary }
  | { readonly kind: 'refused'; readonly reason: string; readonly problems: readonly RuleProblem[] };

export interface BeginOrder {
  readonly index: number;
  readonly workers: number;
  /** The connection ids below it were given by the worker's predecessors. */
  readonly firstConnection: number;
  /** It alone logs what is wrong with the configuration. */
  readonly lead: boolean;
  /** Version of Shardmesh. */
  readonly build: string;
}

export type ReloadReason = 'start' | 'file' | 'signal' | 'statement' | 'admin';

export interface ReloadOrder {
  readonly reason: ReloadReason;
  /** Undefined: read from disk. */
  readonly files: ConfigurationFiles | undefined;
  readonly lead: boolean;
}

export interface ReloadOutcome {
  readonly result: 'applied' | 'unchanged' | 'refused';
  /** Why it was refused. */
  readonly reason: string;
  /** `file:line:column code message`. */
  readonly problems: readonly string[];
  /** Keys that need a restart. */
  readonly restart: readonly string[];
  /** Of what is in force afterwards. */
  readonly summary: ConfigurationSummary;
}

export interface HealthReason {
  readonly code: string;
  readonly message: string;
}

/** Asked by workers, answered by the supervisor. */
export type SupervisorQuestions = {
  /** The event loop turns. Told, not asked for: what the supervisor sends waits behind sockets on their way. */
  beat: { ask: undefined; answer: undefined };
  /** Resolves when the other serving workers have applied them. */
  'share.publish': { ask: readonly SharedEntry[]; answer: undefined };
  'counter.take': { ask: { readonly name: string; readonly max: number }; answer: boolean };
  'counter.give': { ask: string; answer: undefined };
  /** A socket that was handed over has closed: the name of its door. */
  'client.closed': { ask: string; answer: undefined };
  /** From now on this worker takes its share of what connects there. Answers the real address. */
  listen: { ask: ListenAddress; answer: { readonly door: string; readonly address: string } };
  unlisten: { ask: string; answer: undefined };
  reload: { ask: ReloadReason; answer: Omit<ReloadOutcome, 'summary'> };
  /** The new configuration is ready: resolves to swap it, fails to give it up. */
  'reload.prepared': { ask: ConfigurationFiles | undefined; answer: undefined };
  /** The same question to every other worker; answers of those that gave one. */
  others: { ask: { readonly name: string; readonly body: unknown }; answer: readonly unknown[] };
  /** A question to one worker; undefined: there is none of that index. */
  one: {
    ask: { readonly index: number; readonly name: string; readonly body: unknown };
    answer: { readonly answer: unknown } | undefined;
  };
};

/** Asked by the supervisor, answered by each worker. */
export type WorkerQuestions = {
  load: { ask: LoadOrder; answer: LoadOutcome };
  /** Resolves when it can take clients. */
  begin: { ask: BeginOrder; answer: undefined };
  /** A client's socket comes with it. `full`: tell it that there are too many. */
  client: { ask: { readonly door: string; readonly full: boolean }; answer: undefined };
  'share.apply': { ask: readonly SharedEntry[]; answer: undefined };
  reload: { ask: ReloadOrder; answer: ReloadOutcome };
  metrics: { ask: undefined; answer: MetricValues };
  health: { ask: undefined; answer: readonly HealthReason[] };
  /** What another worker, or an operator, asks of it: a name of src/main.ts. */
  peer: { ask: { readonly name: string; readonly body: unknown }; answer: unknown };
  /** Close each session at its quiet point. */
  quiet: { ask: undefined; answer: undefined };
  /** Close all sessions now. */
  close: { ask: undefined; answer: undefined };
  /** Give back what is held, and exit with 0. */
  end: { ask: undefined; answer: undefined };
};
