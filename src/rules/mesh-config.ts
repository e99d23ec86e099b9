/** The words of shardmesh.yaml: the sidecar's own configuration as a frozen snapshot. */

import type { TransactionType } from '../base/index.ts';
import type { HostPattern } from './host-pattern.ts';
import type { RuleProblem, RuleSet } from './types.ts';

/** Where a listener listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Who may connect. `toJSON` leaves secrets out. */
export interface MeshUser {
  readonly name: string;
  readonly host: HostPattern;
  readonly secret: UserSecret;
  /** Logical databases that the user may use; an admin may use all. */
  readonly databases: readonly string[];
  readonly admin: boolean;
  readonly require: 'none' | 'tls' | 'certificate';
  /** At one time; undefined: no limit. */
  readonly connections: number | undefined;
  /** What the user's sessions begin with; undefined: the rules' or the configuration's. */
  readonly transactionType: TransactionType | undefined;
}
export type UserSecret =
  | { readonly kind: 'plain'; readonly password: string }
  /** SHA1(SHA1(password)), 20 bytes as upper-case hex: `*HEX` of mysql_native_password. */
  | { readonly kind: 'native'; readonly hash: string }
  /** MySQL's stored form `$A$005$` + 20 bytes salt + 43 characters: caching_sha2_password. `rounds` = 1000 x the number. */
  | { readonly kind: 'sha2'; readonly rounds: number; readonly salt: Uint8Array; readonly digest: string };

export interface ListenTls {
  /** Absolute paths. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients are asked for a certificate that is signed by it. */
  readonly caFile?: string;
  /** Refuse connections without TLS. */
  readonly require: boolean;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface Limits {
  /** Bytes. */
  readonly maxAllowedPacket: number;
  /** Bytes that the merge of one statement may hold. */
  readonly resultMemory: number;
  /** 0: none. */
  readonly statementTimeoutMs: number;
  /** Of one session. */
  readonly preparedStatements: number;
  /** Client connections of all workers together. */
  readonly connections: number;
}

/** Where transactions across services are kept. */
export interface CoordinatorStore {
  readonly kind: 'mysql';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly schema: string;
}

export interface CoordinatorConfig {
  readonly listen: ListenAddress;
  readonly token: string | undefined;
  readonly tls: ListenTls | undefined;
  /** Names, `*.suffix` or addresses that branches may have wherever they lead. */
  readonly branchHosts: readonly string[];
  /** Undefined: the schema `shardmesh` beside the first database's default source. */
  readonly store: CoordinatorStore | undefined;
  /** Where called services' sidecars answer, with `{host}`. */
  readonly barrierUrl: string | undefined;
  /** How long ended transactions are kept. */
  readonly keepMs: number;
}

/** How reads go to replicas, and what happens when a primary is lost. */
export interface ReplicaConfig {
  /** What a session's `shardmesh_consistency` is at first. */
  readonly consistency: 'eventual' | 'session' | 'application' | 'strict';
  /** Signs positions that clients carry; undefined: derived. */
  readonly positionKey: string | undefined;
  readonly waitLimitMs: number;
  readonly lagMaxSeconds: number;
  readonly probeIntervalMs: number;
  readonly slowStartMs: number;
  readonly zone: string | undefined;
  readonly writeBufferMs: number;
  readonly writeBufferMax: number;
}

export interface MeshConfig {
  /** As it was named. */
  readonly file: string;
  /** Hex SHA-256 (first 16 digits) over this file's and all rules files' versions. */
  readonly version: string;
  readonly listen: readonly ListenAddress[];
  /** Health and metrics; undefined: off. */
  readonly http: ListenAddress | undefined;
  readonly admin: ListenAddress | undefined;
  /** Networks whose connections begin with a PROXY protocol header. */
  readonly proxyProtocol: readonly HostPattern[];
  /** What clients see; undefined: what the backends say. */
  readonly serverVersion: string | undefined;
  readonly workers: number;
  /** A worker whose event loop does not answer for so long is ended; 0: never. */
  readonly watchdogMs: number;
  readonly tls: ListenTls | undefined;
  readonly users: readonly MeshUser[];
  /** By database name, in file order. */
  readonly databases: ReadonlyMap<string, RuleSet>;
  readonly transaction: {
    readonly defaultType: TransactionType;
    readonly unsafeReplication: 'refuse' | 'warn';
    /** How long XA decisions and marks are kept. */
    readonly keepDecisionsMs: number;
    /** Transactions across services; undefined: off. */
    readonly coordinator: CoordinatorConfig | undefined;
  };
  readonly limits: Limits;
  readonly replicas: ReplicaConfig;
  readonly control: { readonly redis: string | undefined };
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
    readonly format: 'json' | 'pretty';
    /** Statements over this many milliseconds are logged; 0: none. */
    readonly slow: number;
    readonly audit: 'off' | 'ddl' | 'write' | 'all';
  };
  /** Every file that was read, to watch for changes. */
  readonly files: readonly string[];
}

/** Flags and SHARDMESH_* variables by their name in the file; a flag wins over the variable, that over the file. */
export type Override = 'listen' | 'http' | 'admin' | 'serverVersion' | 'workers' | 'logLevel' | 'logFormat';
export type Overrides = Readonly<Partial<Record<Override, string>>>;

/** What the loaders may touch. `readFile` throws if it cannot; `glob` answers paths in order; both take absolute paths. */
export interface LoadPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readFile(path: string): string;
  glob(pattern: string): readonly string[];
}

export interface LoadSource extends LoadPorts {
  /** Shown in problems; relative names in it are taken from its folder. */
  readonly file: string;
  readonly text: string;
}

export interface Loaded<T> {
  /** Present if there is no problem of severity `error`. */
  readonly value?: T;
  /** In order of file, line and column. */
  readonly problems: readonly RuleProblem[];
}

/** What `check --connect` asks of live servers; its adapters live above. Each answers its own problems, at the rules' positions. */
export type LiveCheck =
  | 'server answers'
  | 'version'
  | 'privileges'
  | 'tables exist'
  | 'columns alike'
  | 'keys alike'
  | 'collations alike'
  | 'string keys compare exactly'
  | 'replicas replicate'
  | 'XA allowed';
