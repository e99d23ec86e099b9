/** Every metric of the sidecar, in one list. docs/operations.md is held equal to it by a test. */
import { Counter, Histogram, type Metric, Observed } from './metric.ts';
import { MetricRegistry } from './registry.ts';

/** What a client's command was. */
export const commands = ['query', 'execute', 'prepare', 'ping', 'init_db', 'other'] as const;
export type CommandLabel = (typeof commands)[number];

/** The kinds of plan::Action that reach a client. */
export const routes = [
  'reply',
  'forward',
  'scatter',
  'scratch',
  'write',
  'insertSelect',
  'selectInto',
  'load',
  'ddl',
  'control',
  'set',
  'session',
  'use',
  'inspect',
  'kill',
  'explain',
  'reload',
  'resolve',
  'pinned',
  'refuse',
] as const;
export type RouteLabel = (typeof routes)[number];

export const phases = ['parse', 'plan', 'lease', 'execute', 'merge', 'total'] as const;
export type PhaseLabel = (typeof phases)[number];

/** refusal: the mesh said no; server: a backend's own error; fault: a socket or time-out; bug: an assertion. */
export const errorKinds = ['refusal', 'server', 'fault', 'bug'] as const;
export type ErrorKindLabel = (typeof errorKinds)[number];

/** What became of an attempt. */
export const deliveryOutcomes = ['delivered', 'postponed', 'dead'] as const;

export const reloadResults = ['applied', 'unchanged', 'refused'] as const;

/** Shards reached by a statement. */
const fanOutBuckets = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Makes all metrics of one worker, registered. Keep the object; ask `series` once, not per query. */
export function createMeshMetrics() {
  const registry = new MetricRegistry();
  const add = <M extends Metric>(metric: M): M => {
    registry.register(metric);
    return metric;
  };
  const counter = <const L extends Record<string, readonly string[]>>(name: string, help: string, labels: L) =>
    add(new Counter(name, help, labels));
  const histogram = <const L extends Record<string, readonly string[]>>(
    name: string,
    help: string,
    labels: L,
    bounds?: readonly number[],
  ) => add(new Histogram(name, help, labels, bounds));
  const observed = (
    kind: 'counter' | 'gauge',
    name: string,
    help: string,
    labels: readonly string[],
    combine: 'sum' | 'min' | 'max' | 'first' = 'sum',
  ) => add(new Observed(kind, name, help, labels, combine));

  return {
    registry,

    // Statements
    commands: counter('shardmesh_commands_total', 'Commands of clients.', { command: commands }),
    queries: counter('shardmesh_queries_total', 'Statements by the kind of their route.', { route: routes }),
    errors: counter('shardmesh_errors_total', 'Errors answered to clients, by who made them.', { kind: errorKinds }),
    latency: histogram('shardmesh_query_duration_seconds', 'Time of each phase of a statement.', { phase: phases }),
    fanOut: histogram('shardmesh_query_shards', 'Shards that a statement reached.', {}, fanOutBuckets),
    parserDisagreements: observed(
      'counter',
      'shardmesh_parser_disagreements_total',
      'Statements that two parsers read differently.',
      [],
    ),
    slowQueries: counter('shardmesh_slow_queries_total', 'Statements over the limit of the slow log.', {}),
    resultMemory: observed(
      'gauge',
      'shardmesh_result_memory_bytes',
      'Memory held by results that are being merged.',
      [],
    ),

    // Plan cache
    planCacheLookups: observed('counter', 'shardmesh_plan_cache_lookups_total', 'Look-ups of the plan cache.', [
      'result',
    ]),
    planCacheEntries: observed('gauge', 'shardmesh_plan_cache_entries', 'Plans in the cache.', []),
    planCacheBytes: observed('gauge', 'shardmesh_plan_cache_bytes', 'Approximate memory of the cached plans.', []),

    // Clients
    connections: observed('gauge', 'shardmesh_client_connections', 'Client connections now.', []),
    connectionsOpened: counter(
      'shardmesh_client_connections_total',
      'Client connections by outcome of the handshake.',
      { result: ['accepted', 'denied', 'limit'] },
    ),
    clientBytes: observed('counter', 'shardmesh_client_bytes_total', 'Bytes from and to clients.', ['direction']),
    pins: observed('gauge', 'shardmesh_pinned_sessions', 'Sessions that hold a backend connection, by reason.', [
      'reason',
    ]),

    // Transactions
    transactionsOpen: observed('gauge', 'shardmesh_transactions_open', 'Transactions that hold connections now.', [
      'type',
    ]),
    transactions: observed('counter', 'shardmesh_transactions_total', 'Transactions, by what became of them.', [
      'type',
      'outcome',
    ]),
    xaCommits: observed('counter', 'shardmesh_xa_commits_total', 'XA transactions over several writers, by outcome.', [
      'outcome',
    ]),
    xaPrepared: observed(
      'gauge',
      'shardmesh_xa_prepared',
      'Prepared branches on all primaries, by whether their sidecar lives.',
      ['state'],
      'max',
    ),
    xaOldest: observed('gauge', 'shardmesh_xa_oldest_seconds', 'Age of the oldest prepared branch.', [], 'max'),
    xaRecovered: observed('counter', 'shardmesh_xa_recovered_total', 'Branches ended by recovery.', ['outcome']),
    xaHazards: observed('gauge', 'shardmesh_xa_hazards', 'Branches that an operator has to look at.', [], 'max'),
    xaHeuristic: observed(
      'counter',
      'shardmesh_xa_heuristic_total',
      'Branches that ended otherwise than decided, or by an operator’s force.',
      [],
    ),
    deliveries: counter(
      'shardmesh_deliveries_total',
      'Attempts to deliver what BEST_EFFORT transactions left in an outbox.',
      { outcome: deliveryOutcomes },
    ),
    outboxRows: observed(
      'gauge',
      'shardmesh_outbox_rows',
      'Rows in outboxes, as seen last: waiting to be delivered, or dead letters.',
      ['server', 'state'],
      'max',
    ),
    outboxAge: observed(
      'gauge',
      'shardmesh_outbox_age_seconds',
      'Age of the oldest such row.',
      ['server', 'state'],
      'max',
    ),

    // Transactions across services
    serviceTransactions: counter(
      'shardmesh_service_transactions_total',
      'Transactions across services that ended, by kind and outcome.',
      { kind: ['saga', 'tcc', 'message', 'xa'], outcome: ['succeeded', 'failed'] },
    ),
    serviceOpen: observed(
      'gauge',
      'shardmesh_service_transactions_open',
      'Transactions across services in the store that have not ended, by phase; suspended ones wait for an operator.',
      ['phase'],
      'max',
    ),
    serviceHeld: observed(
      'gauge',
      'shardmesh_service_transactions_held',
      'Transactions across services that this sidecar works on now.',
      [],
    ),
    branchCalls: counter('shardmesh_branch_calls_total', 'Calls to services, by operation and verdict.', {
      operation: ['action', 'compensate', 'try', 'confirm', 'cancel', 'commit', 'rollback', 'msg'],
      verdict: ['done', 'failed', 'ongoing', 'unknown'],
    }),
    branchCallTime: histogram('shardmesh_branch_call_duration_seconds', 'Time of a call to a service.', {}),
    storeUp: observed(
      'gauge',
      'shardmesh_transaction_store_up',
      '1 if the store of transactions across services answered last, 0 if not.',
      [],
      'first',
    ),
    storeFailures: counter(
      'shardmesh_transaction_store_failures_total',
      'Failures of the store of transactions across services.',
      {},
    ),

    // Pools and sources
    poolConnections: observed('gauge', 'shardmesh_pool_connections', 'Backend connections by state.', [
      'database',
      'source',
      'state',
    ]),
    poolWaiting: observed('gauge', 'shardmesh_pool_waiting', 'Statements that wait for a backend connection.', [
      'database',
      'source',
    ]),
    poolAcquires: observed('counter', 'shardmesh_pool_acquires_total', 'Leases given out.', ['database', 'source']),
    poolTimeouts: observed('counter', 'shardmesh_pool_timeouts_total', 'Waits for a lease that ended without one.', [
      'database',
      'source',
    ]),
    poolConnects: observed('counter', 'shardmesh_pool_connects_total', 'Backend connections opened, by result.', [
      'database',
      'source',
      'result',
    ]),
    poolDiscarded: observed(
      'counter',
      'shardmesh_pool_discarded_total',
      'Backend connections closed because they were not provably clean.',
      ['database', 'source'],
    ),
    sourceUp: observed(
      'gauge',
      'shardmesh_source_up',
      '1 if the source answers, 0 if it does not.',
      ['database', 'source', 'role'],
      'min',
    ),
    schemaVersion: observed(
      'gauge',
      'shardmesh_schema_version',
      'Version of the schema snapshot.',
      ['database'],
      'max',
    ),
    schemaMissing: observed(
      'gauge',
      'shardmesh_schema_missing_sources',
      'Sources whose schema has never been read.',
      ['database'],
      'max',
    ),

    // Groups with replicas
    replicaReads: observed(
      'counter',
      'shardmesh_replica_reads_total',
      'Reads of groups with replicas, by the member that served them.',
      ['database', 'source'],
    ),
    replicaWaits: observed(
      'counter',
      'shardmesh_replica_waits_total',
      'Reads that asked a replica to wait for a position.',
      ['database', 'group'],
    ),
    replicaWaitsLate: observed(
      'counter',
      'shardmesh_replica_waits_late_total',
      'Such waits that ended without the position.',
      ['database', 'group'],
    ),
    replicaFallbacks: observed(
      'counter',
      'shardmesh_replica_fallbacks_total',
      'Reads that went to the primary because no replica could serve them.',
      ['database', 'group'],
    ),
    replicaLag: observed(
      'gauge',
      'shardmesh_replica_lag_seconds',
      'Seconds that a replica says it is behind.',
      ['database', 'source'],
      'max',
    ),
    replicaLatency: observed(
      'gauge',
      'shardmesh_replica_latency_seconds',
      'Moving average of the time of reads.',
      ['database', 'source'],
      'max',
    ),
    replicaHealthy: observed(
      'gauge',
      'shardmesh_replica_healthy',
      '1 if the member answers its probes and is not quarantined.',
      ['database', 'source'],
      'first',
    ),
    replicaWritable: observed(
      'gauge',
      'shardmesh_group_writable',
      '1 if the group has a primary that can be written.',
      ['database', 'group'],
      'first',
    ),
    replicaEpoch: observed(
      'gauge',
      'shardmesh_group_epoch',
      'Epoch of the group’s primary: takeovers so far.',
      ['database', 'group'],
      'max',
    ),
    replicaFailovers: observed(
      'counter',
      'shardmesh_group_failovers_total',
      'Changes of the primary that this process has seen.',
      ['database', 'group'],
    ),
    replicaHeal: observed(
      'gauge',
      'shardmesh_group_heal_seconds',
      'How long the group was last without a primary.',
      ['database', 'group'],
      'max',
    ),
    replicaBuffered: observed('counter', 'shardmesh_group_buffered_total', 'Statements that waited for a primary.', [
      'database',
      'group',
    ]),
    replicaWaiting: observed('gauge', 'shardmesh_group_buffered', 'Statements that wait for a primary now.', [
      'database',
      'group',
    ]),

    // Configuration and life
    configuration: observed(
      'gauge',
      'shardmesh_configuration_info',
      '1, labelled with the version and hash in force.',
      ['version', 'hash'],
      'first',
    ),
    reloads: counter('shardmesh_configuration_reloads_total', 'Reloads by result.', { result: reloadResults }),
    ready: observed(
      'gauge',
      'shardmesh_ready',
      '1 if the sidecar is ready, 0 if it starts, drains or waits.',
      [],
      'first',
    ),

    // Process
    eventLoopDelay: observed(
      'gauge',
      'shardmesh_event_loop_delay_seconds',
      'Delay of the event loop since the last scrape.',
      ['quantile'],
      'max',
    ),
    memory: observed('gauge', 'shardmesh_memory_bytes', 'Memory of the process.', ['area']),
    cpu: observed('counter', 'shardmesh_cpu_seconds_total', 'CPU time of the process.', ['mode']),
    openDescriptors: observed('gauge', 'shardmesh_open_descriptors', 'Open file descriptors (Linux).', []),
    descriptorsUsed: observed(
      'gauge',
      'shardmesh_descriptors_used_ratio',
      'Open file descriptors of what one process may open, 0 to 1 (Linux).',
      [],
      'max',
    ),
    memoryUsed: observed(
      'gauge',
      'shardmesh_memory_used_ratio',
      'Resident memory of what the container or machine has, 0 to 1.',
      [],
    ),
    workers: observed('gauge', 'shardmesh_workers', 'Worker processes by state.', ['state'], 'first'),
    workerRestarts: observed(
      'counter',
      'shardmesh_worker_restarts_total',
      'Workers that ended and were started again: crashed, or stuck and ended by the watchdog.',
      ['reason'],
      'first',
    ),
    started: observed(
      'gauge',
      'shardmesh_start_time_seconds',
      'When the process started, in seconds since 1970.',
      [],
      'first',
    ),
    build: observed(
      'gauge',
      'shardmesh_build_info',
      '1, labelled with the version of Shardmesh and of Node.',
      ['version', 'node'],
      'first',
    ),
  };
}

export type MeshMetrics = ReturnType<typeof createMeshMetrics>;
