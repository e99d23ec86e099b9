/** What main gives to the HTTP surfaces: questions and orders, no rooms. */

/** One reason why the sidecar is not (fully) well. */
export interface HealthReason {
  /** Short and stable: `starting`, `draining`, `configuration`, `source`, `worker`. */
  readonly code: string;
  readonly message: string;
}

export interface HealthHandles {
  /** Listeners are open. */
  started(): boolean;
  /** Not draining, and able to serve. Sources that are down do not make it unready: their shards fail alone. */
  ready(): boolean;
  /** Why it is not ready, and what an operator should know though it is. */
  reasons(): readonly HealthReason[] | Promise<readonly HealthReason[]>;
  /** The event loops answer; false lets the orchestrator restart the process. */
  alive(): boolean | Promise<boolean>;
}

export interface MetricsHandles {
  /** Prometheus text of all workers. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** One data source as the operator sees it. */
export interface SourceStatus {
  readonly database: string;
  readonly source: string;
  /** Shard source that it belongs to: its group or itself. */
  readonly group: string;
  readonly role: 'primary' | 'replica';
  /** host:port/schema, without credentials. */
  readonly address: string;
  readonly up: boolean;
  readonly reason?: string;
  readonly idle: number;
  readonly leased: number;
  readonly waiting: number;
  /** Of a group with replicas: what its probes and reads say. */
  readonly member?: MemberStatus;
}

export interface MemberStatus {
  /** starting, up, down, half-open, or quarantined. */
  readonly state: string;
  readonly lagSeconds: number | undefined;
  readonly latencyMs: number;
  readonly reads: number;
  readonly epoch: number;
  readonly zone: string | undefined;
}

/** One worker process. */
export interface ProcessReport {
  readonly worker: number;
  readonly pid: number;
  readonly state: 'starting' | 'serving' | 'silent';
  readonly sessions: number;
}

export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  readonly phase: 'starting' | 'ready' | 'draining' | 'stopped';
  readonly uptimeSeconds: number;
  readonly listen: readonly string[];
  readonly http?: string;
  readonly admin?: string;
  readonly workers: number;
  readonly processes: readonly ProcessReport[];
  readonly sessions: number;
  readonly configuration: {
    readonly version: number;
    readonly hash: string;
    readonly loadedAt: string;
    readonly databases: readonly string[];
    /** Outcome of the last reload. */
    readonly last: 'applied' | 'unchanged' | 'refused';
    readonly problems: readonly string[];
  };
  readonly reasons: readonly HealthReason[];
}

export interface ReloadAnswer {
  readonly result: 'applied' | 'unchanged' | 'refused';
  readonly version: number;
  readonly hash: string;
  /** `file:line:column code message`. */
  readonly problems: readonly string[];
  /** Keys that need a restart. */
  readonly restart: readonly string[];
}

export interface OperatorHandles {
  status(): StatusReport | Promise<StatusReport>;
  sources(): readonly SourceStatus[] | Promise<readonly SourceStatus[]>;
  reload(): Promise<ReloadAnswer>;
  /** Begins; the answer is sent at once. Limits that are absent are the sidecar's own. */
  drain(limits: { readonly minDrainMs?: number; readonly maxDrainMs?: number }): void;
  /** Drain without waiting, then exit 0. */
  quit(): void;
}

/** Every order of an operator, for the audit log. */
export type AdminAudit = (action: { readonly route: string; readonly from: string; readonly outcome: number }) => void;
