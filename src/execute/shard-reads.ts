/** Sends one statement's read queries to their shards and hands back their row streams. */
import type { ShardQuery } from '../plan/index.ts';
import type { Diagnostic } from '../session/index.ts';
import { ATTEMPTS_MAX, Elsewhere, lostReader } from './elsewhere.ts';
import type { ReaderAttempt } from './guarded-read.ts';
import { GuardedRead } from './guarded-read.ts';
import type { StatementLease } from './running-lease.ts';
import { sendShardQuery } from './shard-request.ts';
import { ShardStream } from './shard-stream.ts';
import type { StatementRun } from './statement-run.ts';

export interface ShardReads {
  /** In the order of the queries. */
  readonly streams: readonly ShardStream[];
  /**
   * Streams whose column definitions can be waited for before any row is taken: all of them, unless some queue behind others
   * on one connection and could hold them back.
   */
  readonly first: readonly ShardStream[];
  /** After a failure: where the whole statement may be tried again, as long as nothing of it has been told. */
  again(attempt: number): ReaderAttempt | undefined;
  /** Waits for what is still arriving, then gives the leases back; answers the warnings of the queries. Never rejects. */
  close(): Promise<readonly Diagnostic[]>;
}

/**
 * `interleaved`: the reader takes rows of all streams in turn (a sorted merge), so no stream may hold back another one on
 * the same connection. Otherwise the streams are read one after the other, in the order of the queries.
 *
 * Connections: one per source, taken in the order of their names, so that two statements never wait for each other's;
 * further queries of a source use connections that happen to be idle, or follow the first one on its connection.
 * `reader`: replicas may be read; a stream fails with Elsewhere where the primary must be asked instead.
 */
export async function openShardReads(
  run: StatementRun,
  queries: readonly ShardQuery[],
  interleaved: boolean,
  reader: ReaderAttempt | undefined,
): Promise<ShardReads> {
  const bySource = new Map<string, StatementLease[]>();
  const lanes: Lane[] = [];
  const counts = new Map<string, number>();
  for (const query of queries) counts.set(query.source, (counts.get(query.source) ?? 0) + 1);
  try {
    for (const source of [...counts.keys()].sort()) {
      const first = await (reader === undefined
        ? run.backend.take(source, 'read')
        : run.backend.takeReader(source, reader));
      const own = [first];
      bySource.set(source, own);
      if (run.plan.effects.readsInsertId) await run.backend.leases.replayInsertId(first.lease);
      const wanted = counts.get(source) as number;
      while (!first.held && interleaved && own.length < wanted) {
        const more = await run.backend.leases.takeIdle(source, first.reading);
        if (more === undefined) break;
        own.push(more);
        if (run.plan.effects.readsInsertId) await run.backend.leases.replayInsertId(more.lease);
      }
    }
  } catch (error) {
    for (const leases of bySource.values()) for (const lease of leases) await lease.done();
    throw error;
  }
  for (const leases of bySource.values()) for (const lease of leases) lanes.push(new Lane(run, lease));
  const turns = new Map<string, number>();
  const streams = queries.map((query) => {
    const own = lanes.filter((lane) => lane.lease.source === query.source);
    const turn = turns.get(query.source) ?? 0;
    turns.set(query.source, turn + 1);
    const shared = interleaved && (counts.get(query.source) as number) > own.length;
    return (own[turn % own.length] as Lane).add(query, shared);
  });
  for (const lane of lanes) lane.start();
  return {
    streams,
    first: interleaved ? streams : lanes.map((lane) => lane.streams[0] as ShardStream),
    again(attempt) {
      if (attempt >= ATTEMPTS_MAX) return undefined;
      for (const { error } of streams) if (error instanceof Elsewhere) return error.reader;
      const lost = lanes.find((lane) => lane.fault !== undefined && lane.lease.reading !== undefined);
      return lost === undefined ? undefined : lostReader(lost.lease.reading, lost.fault as Error, attempt);
    },
    async close() {
      for (const stream of streams) stream.cancel();
      const diagnostics: Diagnostic[] = [];
      let lost: string | undefined;
      for (const lane of lanes) {
        await lane.ended;
        diagnostics.push(...lane.diagnostics);
        if (lane.fault === undefined) {
          await lane.lease.done(run.plan.effects.opaque);
          continue;
        }
        if (lane.lease.held && !run.backend.fixedLost(lane.lease)) lost = lane.lease.source;
        lane.lease.destroy();
      }
      if (lost !== undefined) await run.backend.transactionLost(`the connection to source '${lost}' was lost`);
      return diagnostics;
    },
  };
}

/** Queries that run one after the other on one connection. Each one's warnings are read before the next one replaces them. */
class Lane {
  readonly lease: StatementLease;
  readonly streams: ShardStream[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly #run: StatementRun;
  readonly #queries: ShardQuery[] = [];
  ended: Promise<void> = Promise.resolve();

  constructor(run: StatementRun, lease: StatementLease) {
    this.#run = run;
    this.lease = lease;
  }

  get fault(): Error | undefined {
    return this.streams.find((stream) => stream.fault !== undefined)?.fault;
  }

  add(query: ShardQuery, shared: boolean): ShardStream {
    const stream = new ShardStream(query.source, this.lease.lease.connection, shared, this.#run.limits.resultMemory);
    this.#queries.push(query);
    this.streams.push(stream);
    return stream;
  }

  start(): void {
    this.ended = this.#all();
  }

  async #all(): Promise<void> {
    const { reading } = this.lease;
    const guard = reading === undefined ? undefined : new GuardedRead(this.lease.lease, reading);
    if (reading !== undefined) reading.member.inFlight += 1;
    try {
      await this.#each(guard);
      if (this.fault === undefined && guard?.sent === true && guard.tracks) await guard.settled.promise;
      guard?.done();
    } finally {
      if (reading !== undefined) reading.member.inFlight -= 1;
    }
  }

  async #each(guard: GuardedRead | undefined): Promise<void> {
    const last = this.streams.length - 1;
    for (const [index, stream] of this.streams.entries()) {
      const before = this.streams[index - 1];
      if (before !== undefined && (before.fault !== undefined || before.failed || stream.cancelled)) {
        stream.abandon();
        continue;
      }
      try {
        const query = this.#queries[index] as ShardQuery;
        if (guard === undefined) await sendShardQuery(this.lease.lease, query, this.#run.request, stream.handler);
        else await guard.send(query, this.#run.request, stream.guarded(guard), index === 0, index === last);
      } catch (error) {
        stream.abandon(error);
        continue;
      }
      await stream.finished;
      if (stream.warnings === 0 || stream.fault !== undefined) continue;
      this.diagnostics.push(...(await this.#run.backend.diagnostics(this.lease.lease).catch(() => [])));
    }
  }
}
