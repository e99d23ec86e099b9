/** The slow log and the audit log: lines about statements and logins, with texts that hold no literal. */
import type { MeshError } from '../base/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { StatementRecord } from './frontend-observer.ts';
import type { Session } from './session.ts';

/** Which statements the audit log names; logins too, unless it is off. */
export type AuditLevel = 'off' | 'ddl' | 'write' | 'all';

export interface StatementLogSettings {
  /** Statements that take longer are logged; 0: none. */
  readonly slowMs: number;
  readonly audit: AuditLevel;
}

const changesSchema: ReadonlySet<string> = new Set(['ddl', 'reload', 'resolve', 'kill']);
const changesRows: ReadonlySet<string> = new Set([...changesSchema, 'write', 'insertSelect', 'load']);
/** Verbs of statements that pass through to one shard and change something there. */
const writingVerb = /^(?:INSERT|REPLACE|UPDATE|DELETE|CALL|LOAD)\b/i;

export class StatementLog {
  readonly #logger: Logger;
  /** Followed by reloads. */
  settings: StatementLogSettings;

  constructor(logger: Logger, settings: StatementLogSettings) {
    this.#logger = logger;
    this.settings = settings;
  }

  /** A statement has ended. True if it was slow. */
  ended(session: Session, record: StatementRecord): boolean {
    const { slowMs, audit } = this.settings;
    if (audit !== 'off' && this.#audited(record, audit)) {
      this.#logger.info({ ...who(session), ...what(record) }, 'audit.statement');
    }
    if (slowMs === 0 || record.totalMs < slowMs) return false;
    const { meter } = session.backend.leases;
    const times = {
      ms: round(record.totalMs),
      parseMs: round(record.parseMs),
      planMs: round(record.planMs),
      leaseMs: round(meter.leaseMs),
      mergeMs: round(meter.mergeMs),
    };
    this.#logger.warn({ ...who(session), ...what(record), ...times }, 'query.slow');
    return true;
  }

  login(session: Session): void {
    if (this.settings.audit !== 'off') this.#logger.info({ ...who(session) }, 'audit.login');
  }

  /** Always logged: somebody knocks with a wrong key. */
  loginFailed(error: MeshError, host: string): void {
    this.#logger.warn({ host, reason: error.clientMessage }, 'session.login_failed');
  }

  #audited(record: StatementRecord, audit: AuditLevel): boolean {
    if (audit === 'all') return true;
    if (changesSchema.has(record.route)) return true;
    return audit === 'write' && (changesRows.has(record.route) || writingVerb.test(record.digest?.text ?? ''));
  }
}

function who({ state }: Session) {
  return { connection: state.connectionId, user: state.user, host: state.host, database: state.database };
}

function what(record: StatementRecord) {
  return {
    route: record.route,
    shards: record.shards,
    rows: record.rows,
    affected: record.affected,
    ...(record.failed ? { errno: record.errno } : {}),
    digest: record.digest?.name,
    statement: record.digest?.text,
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
