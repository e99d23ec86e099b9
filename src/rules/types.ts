/** The words of the rules room: one logical database as a frozen snapshot, its tables, strategies and sources. */

import type { TransactionType } from '../base/index.ts';

// ---- values of sharding keys --------------------------------------------------------------------------------

/**
 * One value of a sharding column, already converted to the column's type as MySQL would store or compare it
 * (sql.md, section 0, point 1): nothing here guesses a conversion that could change which rows match.
 */
export type KeyValue =
  /** TINYINT ... BIGINT (signed and unsigned), YEAR. */
  | { readonly kind: 'integer'; readonly value: bigint }
  /** DECIMAL in plain notation with the column's scale: `-12.50`. */
  | { readonly kind: 'decimal'; readonly text: string }
  /** Character columns. */
  | { readonly kind: 'string'; readonly text: string }
  /** BINARY, VARBINARY, BLOB; and weight strings for algorithms with `keyForm: collation`. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** DATE, DATETIME, TIMESTAMP, TIME in MySQL's own spelling: `2024-01-31`, `2024-01-31 10:00:00.123456`. */
  | { readonly kind: 'temporal'; readonly type: 'DATE' | 'DATETIME' | 'TIME'; readonly text: string }
  | { readonly kind: 'null' };

/** A stretch of key values; an absent bound is open. */
export interface KeyRange {
  readonly low?: KeyValue;
  readonly high?: KeyValue;
  readonly lowInclusive: boolean;
  readonly highInclusive: boolean;
}

/** What a statement demands of one column. A column without condition is absent from the map. */
export type KeyCondition =
  | { readonly kind: 'values'; readonly values: readonly KeyValue[] }
  | ({ readonly kind: 'range' } & KeyRange);

/** By lower-cased column name (column names of MySQL are case-insensitive). */
export type KeyConditions = ReadonlyMap<string, KeyCondition>;

// ---- algorithms ---------------------------------------------------------------------------------------------

export type AlgorithmType =
  | 'MOD'
  | 'HASH_MOD'
  | 'VOLUME_RANGE'
  | 'BOUNDARY_RANGE'
  | 'AUTO_INTERVAL'
  | 'INLINE'
  | 'INTERVAL'
  | 'COMPLEX_INLINE'
  | 'HINT_INLINE'
  | 'CRC32_MOD'
  | 'MURMUR_HASH'
  | 'XXHASH_RANGE'
  | 'VITESS_HASH'
  | 'LIST'
  | 'LOOKUP';

/**
 * Where a value goes: the index of a target, or why there is none.
 * `nowhere`: provably no row with this value exists on any target (LIST, LOOKUP): reads answer nothing.
 * `unknown`: the algorithm cannot place the value (not a number, outside the targets): reads go to all targets, inserts are refused.
 */
export type Placement = number | 'nowhere' | 'unknown';

/** Target indexes, ascending and without repetition, or all targets. */
export type TargetSet = readonly number[] | 'all';

/** An algorithm over a fixed list of target names (data sources or actual tables). Pure and deterministic. */
export interface BoundAlgorithm {
  /** Never throws. `null` values are `unknown`. */
  placeValue(value: KeyValue): Placement;
  /** Every target that may hold a value of the range: contains the number that `placeValue` gives for each value of it. Never throws. */
  placeRange(range: KeyRange): TargetSet;
}

/** A standard algorithm: one column. */
export interface StandardAlgorithm {
  readonly kind: 'standard';
  /** As the rules call it; inline shorthand gets a name in angle brackets. */
  readonly name: string;
  readonly type: AlgorithmType;
  readonly props: Readonly<Record<string, string>>;
  /**
   * `value`: it hashes or compares the value's own bytes, so equality under a case-insensitive collation does not imply the same shard.
   * `collation`: its string values are weight strings (kind `bytes`), so every collation's equality implies the same shard.
   */
  readonly keyForm: 'value' | 'collation';
  /** How many targets it needs by its own properties (MOD: sharding-count), for autoTables. */
  readonly targetCount: number | undefined;
  /** Names that its expression uses; they must be the strategy's column. */
  readonly variables: readonly string[];
  bind(targets: readonly string[]): BoundAlgorithm;
}

/** COMPLEX_INLINE: several columns. */
export interface ComplexAlgorithm {
  readonly kind: 'complex';
  readonly name: string;
  readonly type: AlgorithmType;
  readonly props: Readonly<Record<string, string>>;
  readonly keyForm: 'value';
  /** Names that its expression uses, lower-cased. */
  readonly variables: readonly string[];
  bind(targets: readonly string[], columns: readonly string[]): BoundComplexAlgorithm;
}
export interface BoundComplexAlgorithm {
  /** Values in the order of the strategy's columns. */
  placeRow(values: readonly KeyValue[]): Placement;
}

/** HINT_INLINE: the value comes from a hint. */
export interface HintAlgorithm {
  readonly kind: 'hint';
  readonly name: string;
  readonly type: AlgorithmType;
  readonly props: Readonly<Record<string, string>>;
  readonly keyForm: 'value';
  bind(targets: readonly string[]): BoundHintAlgorithm;
}
export interface BoundHintAlgorithm {
  placeHint(value: string): Placement;
}

/** LOOKUP: a table of the database says where a key lives. Only `routeNodes` reads it. */
export interface LookupAlgorithm {
  readonly kind: 'lookup';
  readonly name: string;
  readonly type: 'LOOKUP';
  readonly props: Readonly<Record<string, string>>;
  readonly keyForm: 'value';
  readonly lookup: LookupTable;
}
/** `SELECT targetColumn FROM table WHERE keyColumn IN (...)` on `source`; the answers are target names. */
export interface LookupTable {
  /** Shard source name. */
  readonly source: string;
  readonly table: string;
  readonly keyColumn: string;
  readonly targetColumn: string;
}

export type ShardingAlgorithm = StandardAlgorithm | ComplexAlgorithm | HintAlgorithm | LookupAlgorithm;

// ---- strategies and tables ----------------------------------------------------------------------------------

export type ShardingStrategy =
  | { readonly kind: 'none' }
  /** `column` as written in the rules. */
  | { readonly kind: 'standard'; readonly column: string; readonly algorithm: StandardAlgorithm | LookupAlgorithm }
  | { readonly kind: 'complex'; readonly columns: readonly string[]; readonly algorithm: ComplexAlgorithm }
  | { readonly kind: 'hint'; readonly algorithm: HintAlgorithm };

/** One physical table: a shard source (group or data source) and a table name in its schema. */
export interface ActualNode {
  readonly source: string;
  readonly table: string;
}

export interface KeyGenerate {
  /** As written in the rules. */
  readonly column: string;
  readonly generator: KeyGeneratorSpec;
}

/** A key generator as the rules describe it; `createKeyGenerator` makes it live. */
export type KeyGeneratorSpec =
  | {
      readonly kind: 'snowflake';
      readonly name: string;
      readonly type: 'SNOWFLAKE';
      /** First id of this process group; absent: leased through WorkerIdPort. */
      readonly workerId: number | undefined;
      readonly maxVibrationOffset: number;
      readonly maxTolerateTimeDifferenceMs: number;
      readonly props: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'uuid';
      readonly name: string;
      readonly type: 'UUID';
      readonly props: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'segment';
      readonly name: string;
      readonly type: 'SEGMENT';
      /** Shard source and table that hold the ranges. */
      readonly source: string;
      readonly table: string;
      /** Row of the table: the sequence's name. */
      readonly sequence: string;
      /** Ids fetched at once. */
      readonly step: number;
      /** Fetch the next range when fewer than this are left. */
      readonly prefetchBelow: number;
      readonly props: Readonly<Record<string, string>>;
    };

/** Refuses statements: DML_SHARDING_CONDITIONS wants a sharding condition in every SELECT, UPDATE and DELETE of the table. */
export interface Auditor {
  readonly name: string;
  readonly type: 'DML_SHARDING_CONDITIONS';
  /** A hint DISABLE_AUDIT_NAMES may switch it off. */
  readonly allowHintDisable: boolean;
}

export interface LogicalTable {
  readonly name: string;
  readonly kind: 'sharded' | 'broadcast' | 'single';
  /** In the order of the rules; routes are indexes of this list. Broadcast: one per shard source. Single: exactly one. */
  readonly nodes: readonly ActualNode[];
  /** Picks among the distinct sources of `nodes`. */
  readonly databaseStrategy: ShardingStrategy;
  /** Picks among the distinct table names of `nodes`. */
  readonly tableStrategy: ShardingStrategy;
  /** Lower-cased names of every column that any strategy reads; no repetition. */
  readonly shardingColumns: readonly string[];
  readonly keyGenerate?: KeyGenerate;
  /** Tables with the same number are sharded alike: node i of one joins node i of the other. */
  readonly bindingGroup?: number;
  readonly auditors: readonly Auditor[];
}

// ---- sources ------------------------------------------------------------------------------------------------

/** One physical schema on one server. `toJSON` leaves the password out. */
export interface DataSource {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
  /** Physical schema. */
  readonly database: string;
  readonly username: string;
  readonly password: string;
  readonly pool: PoolSettings;
  readonly tls: SourceTls;
  /** Where the server is, for reads that prefer a replica near by. */
  readonly zone?: string;
}

export interface PoolSettings {
  readonly sizeMax: number;
  readonly sizeMin: number;
  /** How long a statement waits for a connection. */
  readonly connectionTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** 0: for ever. */
  readonly lifetimeMaxMs: number;
}

/** disabled: plain TCP. preferred: TLS if the server has it. required: TLS, any certificate. verify-ca, verify-identity: as MySQL's --ssl-mode. */
export interface SourceTls {
  readonly mode: 'disabled' | 'preferred' | 'required' | 'verify-ca' | 'verify-identity';
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface LoadBalancer {
  readonly name: string;
  readonly type: 'ROUND_ROBIN' | 'RANDOM' | 'WEIGHT' | 'LEAST_LATENCY';
  readonly props: Readonly<Record<string, string>>;
}

/** A read/write splitting group. */
export interface SourceGroup {
  readonly name: string;
  /** Data source names. */
  readonly primary: string;
  readonly replicas: readonly string[];
  readonly transactionalReads: 'PRIMARY' | 'FIXED' | 'DYNAMIC';
  readonly balancer: LoadBalancer;
}

/** `source.table` patterns of !SINGLE; `*` in either place stands for all. */
export interface SinglePattern {
  readonly source: string;
  readonly table: string;
}

/** One logical database: complete, checked, frozen. A reload makes a new one. */
export interface RuleSet {
  readonly databaseName: string;
  /** The file it came from, as it was named. */
  readonly file: string;
  /** Hex SHA-256 (first 16 digits) of the file's content after environment substitution; passwords are left out. */
  readonly version: string;
  readonly dataSources: ReadonlyMap<string, DataSource>;
  readonly groups: ReadonlyMap<string, SourceGroup>;
  /** What tables live on: group names, then data sources that are in no group; file order. */
  readonly shardSources: readonly string[];
  /** Shard source for statements without table, and for new single tables. */
  readonly defaultSource: string;
  /** Sharded and broadcast tables and the single tables listed by name; exact case. */
  readonly tables: ReadonlyMap<string, LogicalTable>;
  /** Names of the tables of each binding group; the index is `LogicalTable.bindingGroup`. */
  readonly bindingGroups: readonly (readonly string[])[];
  /** Where the catalog may look for single tables. Empty: every shard source ("*.*"). */
  readonly singlePatterns: readonly SinglePattern[];
  readonly keyGenerators: ReadonlyMap<string, KeyGeneratorSpec>;
  readonly algorithms: ReadonlyMap<string, ShardingAlgorithm>;
  /** Of sessions that use this database; undefined: the configuration's. */
  readonly transactionType: TransactionType | undefined;
}

// ---- problems -----------------------------------------------------------------------------------------------

/** One finding of `shardmesh check`; printed as `file:line:column code message`. Lines and columns count from 1. */
export interface RuleProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly code: ProblemCode;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly suggestion?: string;
}

export type ProblemCode =
  | 'SM_YAML_SYNTAX'
  | 'SM_YAML_DUPLICATE_KEY'
  | 'SM_YAML_UNKNOWN_TAG'
  | 'SM_FILE_UNREADABLE'
  | 'SM_ENVIRONMENT_MISSING'
  | 'SM_UNKNOWN_KEY'
  | 'SM_MISSING_KEY'
  | 'SM_WRONG_TYPE'
  | 'SM_WRONG_VALUE'
  | 'SM_UNKNOWN_SOURCE'
  | 'SM_UNKNOWN_ALGORITHM'
  | 'SM_UNKNOWN_GENERATOR'
  | 'SM_UNKNOWN_AUDITOR'
  | 'SM_UNKNOWN_BALANCER'
  | 'SM_UNKNOWN_TABLE'
  | 'SM_UNKNOWN_ALGORITHM_TYPE'
  | 'SM_ALGORITHM_PROPERTY'
  | 'SM_EXPRESSION'
  | 'SM_WRONG_STRATEGY'
  | 'SM_FEATURE_NOT_BUILT'
  | 'SM_CLASS_BASED'
  | 'SM_UNREACHABLE_SHARD'
  | 'SM_OUTSIDE_NODES'
  | 'SM_BINDING_NOT_ALIKE'
  | 'SM_OVERLAPPING_TABLES'
  | 'SM_DUPLICATE_NODE'
  | 'SM_DUPLICATE_NAME'
  | 'SM_GROUPED_SOURCE'
  | 'SM_NO_PRIMARY'
  | 'SM_WORKER_IDS'
  | 'SM_WEAK_SECRET'
  | 'SM_UNUSED'
  // What `check --connect` finds on live servers.
  | 'SM_LIVE_SERVER'
  | 'SM_LIVE_VERSION'
  | 'SM_LIVE_PRIVILEGES'
  | 'SM_LIVE_TABLE'
  | 'SM_LIVE_COLUMNS'
  | 'SM_LIVE_STRING_KEY'
  | 'SM_LIVE_UNIQUE_KEY'
  | 'SM_LIVE_AUTO_INCREMENT'
  | 'SM_LIVE_REPLICA';

// ---- routing ------------------------------------------------------------------------------------------------

/** How a route was found, for EXPLAIN. */
export type RoutedBy = 'key' | 'hint' | 'all';

export type NodeRoute =
  /** Sorted node indexes of the table; empty: no row can match. */
  | { readonly kind: 'nodes'; readonly nodes: readonly number[]; readonly by: RoutedBy }
  /** Lookup tables must be asked first; call again with the answers. */
  | { readonly kind: 'needsKeys'; readonly requests: readonly LookupRequest[] };

export interface LookupRequest {
  readonly lookup: LookupTable;
  readonly values: readonly KeyValue[];
}

/** Answers a lookup: for each value of the request, the target name, or undefined if the key is not in the table. */
export interface LookupPort {
  lookUp(request: LookupRequest): Promise<readonly (string | undefined)[]>;
}

/** Answers already fetched: `lookupKey(lookup, value)` -> target name, or undefined: not in the table. */
export type LookupAnswers = ReadonlyMap<string, string | undefined>;

// ---- hints --------------------------------------------------------------------------------------------------

/** What the comments and query attributes of one statement say. */
export interface Hints {
  /** SHARDING_DATABASE_VALUE without table, and per lower-cased table name. */
  readonly databaseValue: string | undefined;
  readonly databaseValues: ReadonlyMap<string, readonly string[]>;
  readonly tableValues: ReadonlyMap<string, readonly string[]>;
  /** SHARDING_TABLE_VALUE without table. */
  readonly tableValue: string | undefined;
  readonly writeRouteOnly: boolean;
  /** A data source or group to send the statement to, as it is. */
  readonly dataSourceName: string | undefined;
  readonly disableAuditNames: readonly string[];
  readonly skipSqlRewrite: boolean;
  /** Session variables of the mesh for this statement alone, by their full lower-cased names; values as they were written. */
  readonly variables: ReadonlyMap<string, string>;
}
