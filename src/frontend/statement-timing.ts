/** Follows one statement of a session from its first byte to its last, then tells the observer and the trace. */
import { type Outcome, quietOutcome } from '../execute/index.ts';
import type { Action } from '../plan/index.ts';
import { type Digest, type Span, startSpan, traceparentOf, tracingOn } from '../telemetry/index.ts';
import { StatementRecord } from './frontend-observer.ts';
import type { CommandContext } from './session.ts';

/** Filled and read in one go. */
const record = new StatementRecord();
const failedOutcome: Outcome = { ...quietOutcome, failed: true };

/** Owned by one session and used by one statement after the other. Times are performance.now(). */
export class StatementTiming {
  #started = 0;
  #parsed = 0;
  #planned = 0;
  #bytesBefore = 0;
  #digest: Digest | undefined;
  #span: Span | undefined;

  begin(context: CommandContext): void {
    this.#started = performance.now();
    this.#parsed = this.#started;
    this.#planned = this.#started;
    this.#bytesBefore = context.reply.bytesAnswered;
    this.#digest = undefined;
    this.#span = undefined;
    context.session.backend.leases.meter.begin();
  }

  /** The text is understood as far as its digest; `comments` may name the span that this one belongs to. */
  parsed(digest: Digest, comments: readonly string[]): void {
    this.#parsed = performance.now();
    this.#planned = this.#parsed;
    this.#digest = digest;
    if (tracingOn()) this.#span = startSpan('shardmesh.statement', parentOf(comments));
  }

  planned(): void {
    this.#planned = performance.now();
  }

  /** The answer is complete. `action` is undefined if the statement was refused before it had one. */
  ended(context: CommandContext, action: Action | undefined, outcome: Outcome = failedOutcome): void {
    const { session } = context;
    record.digest = this.#digest;
    record.route = action?.kind ?? 'refuse';
    record.parseMs = this.#parsed - this.#started;
    record.planMs = this.#planned - this.#parsed;
    record.totalMs = performance.now() - this.#started;
    record.failed = outcome.failed;
    record.errno = outcome.failed ? (session.state.diagnostics[0]?.code ?? 0) : 0;
    record.rows = Number(outcome.rows);
    record.affected = outcome.affected > 0n ? Number(outcome.affected) : 0;
    record.bytes = context.reply.bytesAnswered - this.#bytesBefore;
    record.shards = action === undefined ? 0 : shardsOf(action);
    session.share.observer.statement(session, record);
    if (this.#span !== undefined) this.#endSpan(this.#span, context);
  }

  /** Names follow OpenTelemetry's conventions for databases where there is one. */
  #endSpan(span: Span, context: CommandContext): void {
    const { state, backend } = context.session;
    span.set('db.system.name', 'mysql');
    span.set('db.namespace', state.database ?? '');
    span.set('db.query.text', this.#digest?.text ?? '');
    span.set('db.response.returned_rows', record.rows);
    span.set('shardmesh.route', record.route);
    span.set('shardmesh.shards', record.shards);
    span.set('shardmesh.parse_ms', record.parseMs);
    span.set('shardmesh.plan_ms', record.planMs);
    span.set('shardmesh.lease_ms', backend.leases.meter.leaseMs);
    span.set('shardmesh.merge_ms', backend.leases.meter.mergeMs);
    if (record.failed) span.set('db.response.status_code', String(record.errno));
    span.end(record.failed ? new Error(`error ${record.errno}`) : undefined);
    this.#span = undefined;
  }
}

function parentOf(comments: readonly string[]): string | undefined {
  for (const comment of comments) {
    const parent = traceparentOf(comment);
    if (parent !== undefined) return parent;
  }
  return undefined;
}

/** Physical tables' nodes that the action reaches. */
function shardsOf(action: Action): number {
  return 'route' in action ? action.route.nodes.length : 0;
}
