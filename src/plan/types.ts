/** The words between planning and execution: what a statement needs, before (Plan) and after (Action) its values are known. */
import type { MeshError } from '../base/index.ts';
import type { SchemaSnapshot, TableSchema } from '../catalog/index.ts';
import type { LookupAnswers, LookupRequest, RuleSet } from '../rules/index.ts';
import type { MeshValues } from '../session/index.ts';
import type {
  Fingerprint,
  LexMode,
  SetItem,
  ShowStatement,
  Statement,
  TokenList,
  TransactionStatement,
} from '../sql/index.ts';

// ---- what planning is given ---------------------------------------------------------------------------------

/** Everything besides the text that a plan's meaning depends on; a plan is cached per environment. */
export interface PlanEnvironment {
  readonly rules: RuleSet;
  readonly schema: SchemaSnapshot;
  /** The session's current logical database, or undefined. */
  readonly database: string | undefined;
  readonly mode: LexMode;
  /** Normalised session sql_mode. */
  readonly sqlMode: string;
  /** collation_connection. */
  readonly collation: string;
  /** The session's temporary tables, which hide others of their names. */
  readonly temporary?: TemporaryTables;
  /** All logical databases that exist in the mesh (for 1049 and cross-database names). */
  readonly databases: ReadonlySet<string>;
}

/** Temporary tables of one session, on one source. */
export interface TemporaryTables {
  readonly source: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
  /** Never the same for two sets of tables in a process. */
  readonly version: number;
}

/** A prepared-statement parameter, decoded without loss. */
export type ParameterValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'decimal'; readonly text: string }
  | { readonly kind: 'string'; readonly bytes: Uint8Array }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array }
  | { readonly kind: 'temporal'; readonly type: 'DATE' | 'TIME' | 'TIMESTAMP'; readonly text: string };

/** What of the session is spliced into a text instead of being asked from a backend. */
export interface SessionFacts {
  readonly database: string | undefined;
  readonly connectionId: number;
  /** user@clienthost, as USER() tells. */
  readonly user: string;
  /** The account, as CURRENT_USER() tells. */
  readonly currentUser: string;
  readonly lastInsertId: bigint;
  readonly foundRows: bigint;
  readonly rowCount: bigint;
  readonly warningCount: number;
  readonly errorCount: number;
  readonly autocommit: boolean;
  /** In a transaction: reads must see its writes. */
  readonly inTransaction: boolean;
  /** The mesh's own session variables. */
  readonly mesh: MeshValues;
  /** Made only when it is asked for. */
  readonly position: { readonly token: string };
}

/** The values of one execution of a plan. */
export interface BindInput {
  readonly tokens: TokenList;
  readonly fingerprint: Fingerprint;
  /** Empty in the text protocol. */
  readonly parameters: readonly ParameterValue[];
  readonly facts: SessionFacts;
  /** Draws the next value of a key generator of the rules; may be asynchronous (SEGMENT). */
  readonly keys: KeySupply;
  /** Answers of lookup tables; filled by `bind` itself. */
  readonly lookups?: LookupAnswers;
}

/** What of sharding keys is asked from outside: new ones, and where LOOKUP tables say that given ones live. */
export interface KeySupply {
  /** Gives `count` keys of the named generator. Synchronous when the generator has them at hand. */
  take(generator: string, count: number): bigint[] | string[] | Promise<bigint[] | string[]>;
  /** Absent: nobody can be asked; reads then go to all nodes and inserts are refused. */
  lookUp?(request: LookupRequest): Promise<readonly (string | undefined)[]>;
}

// ---- the plan -----------------------------------------------------------------------------------------------

export type Access = 'read' | 'write';

/** Effects on the session that the statement may have; what a lease must be cleaned of, and what the session remembers. */
export interface SessionEffects {
  /** User variables assigned in expressions (`SELECT @a := 1`, INTO @a): read back after the statement. */
  readonly assigns: readonly string[];
  /** User variables read: replayed before the statement. */
  readonly reads: readonly string[];
  /** The state of the backend session is unknown afterwards: CALL, stored functions, statements not understood. */
  readonly opaque: boolean;
  /** GET_LOCK and family, temporary tables, LOCK TABLES, HANDLER, SQL_CALC_FOUND_ROWS: state that stays on the backend. */
  readonly pins: readonly PinKind[];
  /** LAST_INSERT_ID(expr) or an INSERT: the OK packet's insert id becomes LAST_INSERT_ID. */
  readonly setsInsertId: boolean;
  /** Reads LAST_INSERT_ID(): replayed with SET last_insert_id. */
  readonly readsInsertId: boolean;
  /** If it warns of nothing, the warnings of the statement before it are still those of the session. */
  readonly keepsDiagnostics: boolean;
}
export type PinKind = 'temporary table' | 'lock tables' | 'user lock' | 'handler' | 'found rows';

/** Who may run it; checked against the user at each execution. */
export interface Privileges {
  /** Logical databases and other schemas (mysql, information_schema, ...) that it names, lower-cased system schemas. */
  readonly schemas: readonly string[];
  /** Needs an admin user: server administration, system schemas other than information_schema, physical names, files. */
  readonly admin: boolean;
  /** For ER_TABLEACCESS_DENIED: SELECT, INSERT, ... and the first table's name. */
  readonly command: string;
  readonly table: string;
  /** For ER_SPECIFIC_ACCESS_DENIED when admin: SUPER, FILE, ... */
  readonly privilege: string;
}

/**
 * What a statement means under the current rules. Independent of the values of its slots and parameters, except for those
 * that planning looked at: they are listed in `pinned` and part of the plan's identity.
 * Opaque to all but this room; `bind` turns it into an Action.
 */
export interface Plan {
  readonly kind: string;
  readonly privileges: Privileges;
  readonly effects: SessionEffects;
  /** It only reads tables: a replica may answer it. */
  readonly replicaReads: boolean;
  readonly parameterCount: number;
  /** The statement's syntax tree; its spans belong to the text that was planned first. */
  readonly statement: Statement | undefined;
  /** Slots whose text is part of the plan's identity. */
  readonly pinned: readonly { readonly slot: number; readonly element: number; readonly text: string }[];
  /** Approximate bytes held, for the cache's limit. */
  readonly weight: number;
}

/**
 * What `prepareText(plan, input)` of this room answers: a text that one backend can PREPARE to learn the metadata of the
 * statement as the client will see it (names of one node, no derived columns, same parameters in order), or `undefined` when
 * the mesh answers the statement by itself. Needs no parameter values: any node will do.
 */
export interface PrepareText {
  readonly query: ShardQuery;
  readonly names: NameMap;
}

// ---- the action: a plan with its values ----------------------------------------------------------------------

export type RouteReason =
  | 'sharding key'
  | 'broadcast table'
  | 'single table'
  | 'no table'
  | 'hint'
  | 'no sharding key'
  | 'inexact sharding key'
  | 'contradiction'
  | 'pinned'
  | 'single source'
  | 'all nodes';

/** Where a statement goes, and why. */
export interface Route {
  readonly target: 'none' | 'one' | 'some' | 'all';
  readonly role: 'primary' | 'replica';
  readonly reason: RouteReason;
  /** One more sentence for EXPLAIN: which column, which hint. */
  readonly detail: string;
  /** Nodes reached / nodes there are. */
  readonly nodes: readonly { readonly source: string; readonly tables: readonly string[] }[];
  readonly nodesTotal: number;
}

/** One text for one shard. */
export interface ShardQuery {
  /** Shard source name of the rules (a group or a data source). */
  readonly source: string;
  /** The bytes to send; the client's own buffer when nothing was spliced. */
  readonly text: Uint8Array;
  /** Which of the client's parameters the text's `?` take, in text order; undefined = all of them in order. */
  readonly parameters: readonly number[] | undefined;
  /** Same text shape for the same plan and node: the key under which a backend statement may be prepared. Undefined in the text protocol. */
  readonly nodeTables: readonly string[];
  /** An INSERT split by rows: which of the statement's rows (from 0) these are, so that "at row 1" can be told as the client counts. */
  readonly rows?: readonly number[];
}

/** How a sort, group or aggregate key of merged rows is compared. Column numbers count in the shard's result row. */
export interface MergeKey {
  readonly column: number;
  /** Hidden column with the weight string (strings) or the numeric value (ENUM, SET, BIT) of `column`: compared as bytes or number instead. */
  readonly weight?: number;
  readonly descending: boolean;
}

export type AggregateFunction = 'COUNT' | 'SUM' | 'MIN' | 'MAX' | 'AVG' | 'ANY' | 'BIT_AND' | 'BIT_OR' | 'BIT_XOR';

/** How one column of a group's row is made from the shards' partial rows. */
export interface AggregateSpec {
  /** Output (and shard) column. For AVG: where the quotient goes; the shard's own AVG there is ignored, its definition gives scale and type. */
  readonly column: number;
  readonly function: AggregateFunction;
  /** AVG: hidden columns with SUM and COUNT. */
  readonly sum?: number;
  readonly count?: number;
  /** MIN/MAX of strings: hidden weight string of the shard's MIN/MAX. */
  readonly weight?: number;
}

/**
 * N row streams -> one. The shards' rows have `visible` columns for the client, then hidden ones.
 * Order of work: merge sorted streams (or concatenate) -> group -> sort again -> offset/limit.
 */
export interface MergeSpec {
  readonly visible: number;
  /** The order in which each shard's rows arrive, and of the merge; empty: concatenate in shard order. */
  readonly inputOrder: readonly MergeKey[];
  /** Group adjacent rows (after the merge) that are equal in these keys; `keys` empty: all rows are one group. DISTINCT is a group by all visible columns without aggregates. */
  readonly group?: {
    readonly keys: readonly MergeKey[];
    readonly aggregates: readonly AggregateSpec[];
    /** No GROUP BY: exactly one row even of no input. */
    readonly always: boolean;
  };
  /** Sort of the (grouped) rows when it is not inputOrder: buffered, inside the memory limit. */
  readonly outputOrder: readonly MergeKey[];
  readonly offset: bigint;
  readonly limit: bigint | undefined;
  /** SQL_CALC_FOUND_ROWS: the shards send all rows, and those beyond the limit are counted too. */
  readonly countsAll?: boolean;
}

/**
 * How a value that a feed's query answers in the text protocol becomes a literal of the INSERT (merge/scratch-load.ts):
 * `number`: the digits as they are; `text`: ASCII in quotes (dates, times, YEAR, UUID); `bytes`: raw bytes of the column's
 * own character set; `json`: utf8mb4 text for a column that refuses binary strings; `epoch`: seconds since 1970 UTC of a
 * TIMESTAMP (0: the zero date).
 */
export type ScratchLoad = 'number' | 'text' | 'bytes' | 'json' | 'epoch';

/**
 * One temporary table of a scratch execution. Its definition and INSERTs run under the session settings
 * `scratchLoadSettings` of merge (UTC, no strictness about dates); its queries, like `final`, under the client's own.
 */
export interface ScratchFeed {
  /** Name of the temporary table; unique in the statement. */
  readonly name: string;
  /** DDL to be run on the scratch source: `CREATE TEMPORARY TABLE name (...)` or `CREATE TEMPORARY TABLE name AS <shard query> LIMIT 0`. */
  readonly define: { readonly text: Uint8Array; readonly parameters: readonly number[] | undefined };
  /** Columns to insert into, in the order of the queries' columns; empty (informationSchema): all, by the rows' own names. */
  readonly columns: readonly string[];
  /** How the values of each column are written into INSERTs; empty for informationSchema. */
  readonly loads: readonly ScratchLoad[];
  readonly rows:
    | { readonly kind: 'queries'; readonly queries: readonly ShardQuery[] }
    /** The rows of an information_schema table of all sources, as logical names, each once. */
    | { readonly kind: 'informationSchema'; readonly table: string };
}

/** Any SELECT: its tables' needed rows are copied into temporary tables of one server, and that server answers the client's own query. */
export interface ScratchSpec {
  readonly source: string;
  readonly feeds: readonly ScratchFeed[];
  readonly final: ShardQuery;
}

/** A small result that the mesh makes by itself. */
export interface LocalRows {
  readonly columns: readonly {
    readonly name: string;
    readonly type: 'string' | 'integer' | 'unsigned' | 'int unsigned' | 'text';
  }[];
  readonly rows: readonly (readonly (string | bigint | null)[])[];
}

/** Names to map back in frame packets and error texts. */
export interface NameMap {
  /** Logical database to show. */
  readonly database: string | undefined;
  /** physical table -> logical table. */
  readonly tables: ReadonlyMap<string, string>;
}

/** How a file's bytes are fields and lines. Separators are ASCII. */
export interface LoadFormat {
  readonly fieldEnd: Uint8Array;
  readonly lineEnd: Uint8Array;
  /** Bytes; -1: none. */
  readonly enclosed: number;
  readonly escaped: number;
}

/** LOAD DATA LOCAL whose lines go to the nodes that own them, as they are. */
export interface LoadSplit {
  /** Name of the file. */
  readonly file: Uint8Array;
  readonly format: LoadFormat;
  /** Of the file; undefined: character_set_database of each server. */
  readonly charset: string | undefined;
  /** Lines at the beginning that are left out. */
  readonly skip: number;
  /** Fields of a line; what is behind them belongs to the line. */
  readonly fields: number;
  /** The fields that `nodeOf` looks at, ascending. */
  readonly wanted: readonly number[];
  /** The LOAD DATA of each node. */
  readonly queries: readonly ShardQuery[];
  /** Every line goes to all nodes. */
  readonly everywhere: boolean;
  /** Draws keys that are put in front of each line as its first field; undefined: none. */
  readonly takeKeys: ((count: number) => bigint[] | string[] | Promise<bigint[] | string[]>) | undefined;
  /**
   * The node of a line. `values` are those of `wanted`: null is NULL, undefined a field that the line does not have.
   * `utf8`: bytes outside of ASCII are UTF-8; `line`: its number, from 1. Throws MeshError.
   */
  nodeOf(
    values: readonly (Uint8Array | null | undefined)[],
    key: bigint | string | undefined,
    utf8: boolean,
    line: number,
  ): number;
}

export type Action =
  /** Rows or OK without any backend. `affected` set: an OK packet. */
  | { readonly kind: 'reply'; readonly rows?: LocalRows; readonly affected?: bigint }
  /** Exactly one shard: bytes pass through. */
  | {
      readonly kind: 'forward';
      readonly access: Access;
      readonly route: Route;
      readonly query: ShardQuery;
      readonly names: NameMap /** Id to report instead of the backend's, for generated keys. */;
      readonly insertId?: bigint;
      /** LOAD DATA LOCAL: the name of the file that the client is asked for when the server asks. */
      readonly infile?: Uint8Array;
    }
  /** LOAD DATA LOCAL into several nodes: all or nothing. */
  | { readonly kind: 'load'; readonly route: Route; readonly load: LoadSplit; readonly names: NameMap }
  /** Read of several shards (or of none: then `queries` has one query that answers the metadata and no rows, `empty` true). */
  | {
      readonly kind: 'scatter';
      readonly route: Route;
      readonly queries: readonly ShardQuery[];
      readonly merge: MergeSpec;
      readonly names: NameMap;
    }
  | { readonly kind: 'scratch'; readonly route: Route; readonly scratch: ScratchSpec; readonly names: NameMap }
  /** Write to several shards (or to none: queries empty): all or nothing. `affected`: sum, or that of the first (broadcast). */
  | {
      readonly kind: 'write';
      readonly route: Route;
      readonly queries: readonly ShardQuery[];
      readonly affected: 'sum' | 'once';
      readonly insertId?: bigint;
      readonly names: NameMap;
    }
  /** INSERT ... SELECT / UPDATE ... that must read first: run `source` as a query of its own, then bind again with its rows. */
  | {
      readonly kind: 'insertSelect';
      readonly read: Action;
      readonly insert: (rows: readonly (readonly (Uint8Array | null)[])[]) => Action | Promise<Action>;
    }
  /** SELECT ... INTO @a, @b of rows that no single node has: read, then the session's variables are set. */
  | { readonly kind: 'selectInto'; readonly read: Action; readonly variables: readonly string[] }
  /** Schema change: one text per node, in order; the catalog is read again afterwards. */
  | { readonly kind: 'ddl'; readonly route: Route; readonly queries: readonly ShardQuery[]; readonly names: NameMap }
  | { readonly kind: 'control'; readonly statement: TransactionStatement }
  | { readonly kind: 'set'; readonly items: readonly SetItem[] }
  /** PREPARE, EXECUTE, DEALLOCATE and GET DIAGNOSTICS: the session's own. */
  | { readonly kind: 'session' }
  | { readonly kind: 'use'; readonly database: string }
  /** SHOW, DESCRIBE, ANALYZE TABLE ...: rows of one node (and of `more`, one after the other) shown under logical names. `query` absent: the frontend answers by `show`. */
  | {
      readonly kind: 'inspect';
      readonly show: ShowStatement | undefined;
      readonly query: ShardQuery | undefined;
      readonly more?: readonly ShardQuery[];
      /** The pattern of SHOW ... LIKE, decoded. */
      readonly like?: string;
      readonly names: NameMap;
    }
  | { readonly kind: 'kill'; readonly target: 'connection' | 'query'; readonly id: bigint }
  | { readonly kind: 'explain'; readonly format: 'mesh'; readonly of: Action }
  | { readonly kind: 'reload' }
  /** MESH RESOLVE: its words are read from the statement's own text. */
  | { readonly kind: 'resolve' }
  /** Needs the backend session itself (GET_LOCK, temporary tables, LOCK TABLES ...): forwarded on a pinned lease. */
  | {
      readonly kind: 'pinned';
      readonly pin: PinKind;
      readonly ends: boolean;
      readonly route: Route;
      readonly query: ShardQuery;
      readonly names: NameMap;
    }
  | { readonly kind: 'refuse'; readonly error: MeshError };
