/** What a front end works with: one configuration as a value, swapped as a whole by main. */
import type { TransactionType } from '../base/index.ts';
import type { SchemaSnapshot } from '../catalog/index.ts';
import type { SourceDirectory } from '../execute/index.ts';
import type { KeySupply, LocalRows } from '../plan/index.ts';
import type { HostPattern, RuleSet } from '../rules/index.ts';
import type { MeshValues } from '../session/index.ts';
import type { ResolveOrder } from '../transaction/index.ts';
import type { Credential } from '../wire/index.ts';
import type { KillOrder, KillOutcome } from './kill-statement.ts';
import type { ProcessStatus } from './session-directory.ts';

/** A user of the mesh, as `users` of shardmesh.yaml lists them. */
export interface Account {
  readonly user: string;
  readonly host: HostPattern;
  readonly credential: Credential;
  /** Logical databases, or all of them. */
  readonly databases: readonly string[] | 'all';
  readonly admin: boolean;
  readonly require: 'none' | 'tls' | 'certificate';
  /** At one time; undefined: no limit. */
  readonly connections: number | undefined;
  /** What the user's sessions begin with; undefined: the rules' or the configuration's. */
  readonly transactionType: TransactionType | undefined;
}

/** One logical database, ready to serve. */
export interface LogicalDatabase {
  readonly name: string;
  readonly rules: RuleSet;
  /** The catalog as it is now: read anew for each statement. */
  schema(): SchemaSnapshot;
  readonly directory: SourceDirectory;
  readonly keys: KeySupply;
  /** A statement changed the schema; resolves when the new catalog is in force. */
  schemaChanged(reason: string): Promise<void>;
}

export interface MeshLimits {
  readonly connections: number;
  readonly maxAllowedPacket: number;
  readonly resultMemory: number;
  /** 0: statements may run for ever. */
  readonly statementTimeoutMs: number;
  /** Of one session. */
  readonly preparedStatements: number;
  readonly handshakeTimeoutMs: number;
}

export interface MeshSnapshot {
  /** Increases with each reload. */
  readonly version: number;
  /** Narrowest hosts first. */
  readonly accounts: readonly Account[];
  readonly databases: ReadonlyMap<string, LogicalDatabase>;
  readonly serverVersion: string;
  /** Networks whose connections begin with a PROXY protocol header. */
  readonly proxies: readonly HostPattern[];
  readonly limits: MeshLimits;
  readonly transactionType: TransactionType;
  /** The consistency of reads on replicas that sessions begin with. */
  readonly consistency: MeshValues['shardmesh_consistency'];
}

/** What the front end asks of the process around it. */
export interface MeshHandle {
  /** The configuration in force. */
  current(): MeshSnapshot;
  /** SHOW MESH ...; undefined for words it does not know. */
  show(words: readonly string[]): Promise<LocalRows | undefined>;
  /** SHOW PROCESSLIST, of all workers. */
  processes(): Promise<readonly ProcessStatus[]>;
  /** KILL of a session of another worker. */
  kill(order: KillOrder): Promise<KillOutcome>;
  /** MESH RESOLVE; rejects with a MeshError that says why not. */
  resolve(order: ResolveOrder): Promise<void>;
  /** RELOAD MESH; resolves with the problems, empty if it took effect. */
  reload(): Promise<readonly string[]>;
}
