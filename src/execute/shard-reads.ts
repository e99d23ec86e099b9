/** Sends one statement's read queries to their shards and hands back their row streams. */
import type { ShardQuery } from '../plan/index.ts';
import type { Diagnostic } from '../session/index.ts';
import type { StatementLease } from './session-backend.ts';
import { sendShardQuery } from './shard-request.ts';
import { ShardStream } from './shard-stream.ts';
import type { StatementRun } from './statement-run.ts';

export interface ShardReads {
  /** In the order of the queries. */
  readonly streams: readonly ShardStream[];
  /** Waits for what is still arriving, then gives the leases back; answers the warnings of the queries. Never rejects. */
  close(): Promise<readonly Diagnostic[]>;
}

/**
 * `interleaved`: the reader takes rows of all streams in turn (a sorted merge), so no stream may hold back another one on
 * the same connection. Otherwise the streams are read one after the other, in the order of the queries.
 *
 * Connections: one per source, taken in the order of their names, so that two statements never wait for each other's;
 * further queries of a source use connections that happen to be idle, or queue behind the first.
 */
export async function openShardReads(
  run: StatementRun,
  queries: readonly ShardQuery[],
  interleaved: boolean,
): Promise<ShardReads> {
  const bySource = new Map<string, StatementLease[]>();
  const leases: StatementLease[] = [];
  const streams: (ShardStream | undefined)[] = queries.map(() => undefined);
  const counts = new Map<string, number>();
  for (const query of queries) counts.set(query.source, (counts.get(query.source) ?? 0) + 1);

  const onLease = new Map<StatementLease, ShardStream>();
  const close = async (): Promise<readonly Diagnostic[]> => {
    let lost: string | undefined;
    const diagnostics: Diagnostic[] = [];
    for (const stream of streams) stream?.cancel();
    await Promise.all(streams.map((stream) => stream?.finished));
    for (const lease of leases) {
      const fault = streams.find((stream) => stream?.source === lease.source && stream.fault !== undefined)?.fault;
      if (fault !== undefined) {
        if (lease.held) lost = lease.source;
        lease.destroy();
      } else {
        // Of several queries on one connection the last one's warnings are still there.
        if ((onLease.get(lease)?.warnings ?? 0) > 0)
          diagnostics.push(...(await run.backend.diagnostics(lease.lease).catch(() => [])));
        await lease.done(run.plan.effects.opaque);
      }
    }
    if (lost !== undefined) await run.backend.transactionLost(`the connection to source '${lost}' was lost`);
    return diagnostics;
  };

  try {
    for (const source of [...counts.keys()].sort()) {
      const first = await run.backend.take(source, 'read');
      leases.push(first);
      const own = [first];
      const wanted = counts.get(source) as number;
      while (!first.held && interleaved && own.length < wanted) {
        const more = await run.backend.takeIdle(source);
        if (more === undefined) break;
        leases.push(more);
        own.push(more);
      }
      bySource.set(source, own);
    }
    const next = new Map<string, number>();
    for (const [index, query] of queries.entries()) {
      const own = bySource.get(query.source) as StatementLease[];
      const turn = next.get(query.source) ?? 0;
      next.set(query.source, turn + 1);
      const lease = own[turn % own.length] as StatementLease;
      const shared = interleaved && (counts.get(query.source) as number) > own.length;
      const stream = new ShardStream(query.source, lease.lease.connection, shared, run.limits.resultMemory);
      await sendShardQuery(lease.lease, query, run.request, stream.handler);
      streams[index] = stream;
      onLease.set(lease, stream);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { streams: streams as ShardStream[], close };
}
