/** SHOW MESH SOURCES | TRANSACTIONS | TABLES | RULES | SESSIONS | PINS | DIGESTS: what the sidecar knows, as rows for admin users. */
import type { LocalRows } from '../plan/index.ts';
import type { RuleSet } from '../rules/index.ts';
import type { SourceStatus } from './handles.ts';

/** One client session as an operator sees it. */
export interface SessionStatus {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly database: string | undefined;
  readonly running: string | undefined;
  readonly inTransaction: boolean;
  readonly pinnedTo: string | undefined;
  readonly pinReasons: readonly string[];
}

/** Statistics of one digest; times in milliseconds. */
export interface DigestStatus {
  readonly name: string;
  readonly database: string;
  readonly text: string;
  readonly count: number;
  readonly errors: number;
  readonly totalMs: number;
  readonly maxMs: number;
  readonly rows: number;
  readonly affected: number;
  readonly bytes: number;
  readonly shards: number;
  readonly lastSeen: number;
}

/** Of all workers. */
/** One branch of a transaction that has not ended. */
export interface TransactionStatus {
  readonly gid: string;
  readonly type: string;
  readonly state: string;
  /** The server or source that holds it. */
  readonly place: string;
  readonly branch: string;
  readonly owner: string;
  readonly ageMs: number;
  readonly tries: number;
  readonly detail: string;
}

export interface MeshRowHandles {
  transactions(): Promise<readonly TransactionStatus[]>;
  digests(): Promise<readonly DigestStatus[]>;
  sources(): Promise<readonly SourceStatus[]>;
  ruleSets(): Iterable<RuleSet>;
  sessions(): Promise<readonly SessionStatus[]>;
}

/** Undefined for words that it does not know. */
export async function meshRows(words: readonly string[], handles: MeshRowHandles): Promise<LocalRows | undefined> {
  switch (words[0]?.toUpperCase()) {
    case 'SOURCES':
      return table(
        [
          'database',
          'group',
          'source',
          'role',
          'address',
          'state',
          'idle',
          'leased',
          'waiting',
          'lag_seconds',
          'latency_ms',
          'reads',
          'epoch',
          'zone',
          'reason',
        ],
        (await handles.sources()).map((source) => [
          source.database,
          source.group,
          source.source,
          source.role,
          source.address,
          source.member?.state ?? (source.up ? 'up' : 'down'),
          BigInt(source.idle),
          BigInt(source.leased),
          BigInt(source.waiting),
          source.member?.lagSeconds === undefined ? null : String(source.member.lagSeconds),
          source.member === undefined ? null : source.member.latencyMs.toFixed(3),
          source.member === undefined ? null : BigInt(source.member.reads),
          source.member === undefined ? null : BigInt(source.member.epoch),
          source.member?.zone ?? null,
          source.reason ?? null,
        ]),
      );
    case 'TRANSACTIONS':
      return table(
        ['gid', 'type', 'state', 'place', 'branch', 'owner', 'age_s', 'tries', 'detail'],
        (await handles.transactions()).map((one) => [
          one.gid,
          one.type,
          one.state,
          one.place,
          one.branch,
          one.owner,
          BigInt(Math.floor(one.ageMs / 1000)),
          BigInt(one.tries),
          one.detail,
        ]),
      );
    case 'TABLES':
      return table(
        ['database', 'table', 'kind', 'sharding_columns', 'nodes', 'binding_group', 'key_generator'],
        [...handles.ruleSets()].flatMap((rules) =>
          [...rules.tables.values()].map((logical) => [
            rules.databaseName,
            logical.name,
            logical.kind,
            logical.shardingColumns.join(', '),
            logical.nodes.map((node) => `${node.source}.${node.table}`).join(', '),
            logical.bindingGroup === undefined ? null : BigInt(logical.bindingGroup),
            logical.keyGenerate === undefined
              ? null
              : `${logical.keyGenerate.column}: ${logical.keyGenerate.generator.type}`,
          ]),
        ),
      );
    case 'RULES':
      return table(
        ['database', 'version', 'file', 'sources', 'default_source'],
        [...handles.ruleSets()].map((rules) => [
          rules.databaseName,
          rules.version,
          rules.file,
          rules.shardSources.join(', '),
          rules.defaultSource,
        ]),
      );
    case 'SESSIONS':
      return table(
        ['id', 'user', 'host', 'database', 'state', 'transaction', 'statement'],
        (await handles.sessions()).map((session) => [
          BigInt(session.id),
          session.user,
          session.host,
          session.database ?? null,
          session.running === undefined ? 'idle' : 'running',
          session.inTransaction ? 'open' : '',
          session.running ?? null,
        ]),
      );
    case 'DIGESTS':
      return table(
        [
          'digest',
          'database',
          'count',
          'errors',
          'total_ms',
          'average_ms',
          'max_ms',
          'rows_sent',
          'rows_affected',
          'bytes',
          'shards',
          'last_seen',
          'statement',
        ],
        (await handles.digests()).map((digest) => [
          digest.name,
          digest.database,
          BigInt(digest.count),
          BigInt(digest.errors),
          digest.totalMs.toFixed(3),
          (digest.totalMs / Math.max(1, digest.count)).toFixed(3),
          digest.maxMs.toFixed(3),
          BigInt(digest.rows),
          BigInt(digest.affected),
          BigInt(digest.bytes),
          BigInt(digest.shards),
          new Date(digest.lastSeen).toISOString(),
          digest.text,
        ]),
      );
    case 'PINS':
      return table(
        ['id', 'user', 'source', 'reasons'],
        (await handles.sessions())
          .filter((session) => session.pinnedTo !== undefined)
          .map((session) => [
            BigInt(session.id),
            session.user,
            session.pinnedTo ?? null,
            session.pinReasons.join(', '),
          ]),
      );
    default:
      return undefined;
  }
}

function table(names: readonly string[], rows: LocalRows['rows']): LocalRows {
  return {
    columns: names.map((name, index) => ({
      name,
      type: rows.some((row) => typeof row[index] === 'bigint') ? 'integer' : 'string',
    })),
    rows,
  };
}
