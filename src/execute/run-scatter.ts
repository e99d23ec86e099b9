/** A read of several shards: their row streams are merged into one result. */
import { MeshError } from '../base/index.ts';
import { merge, sameRowFormat } from '../merge/index.ts';
import type { Action, NameMap } from '../plan/index.ts';
import { type ColumnDefinition, parseColumnDefinition } from '../wire/index.ts';
import { mayUseReplica } from './elsewhere.ts';
import { clientError } from './faults.ts';
import type { ReaderAttempt } from './guarded-read.ts';
import { logicalColumn, logicalMessage } from './name-mapping.ts';
import type { ErrorValues } from './reply.ts';
import { failed } from './run-forward.ts';
import { openShardReads, type ShardReads } from './shard-reads.ts';
import { ShardError } from './shard-stream.ts';
import type { Outcome, StatementRun } from './statement-run.ts';

type Scatter = Extract<Action, { kind: 'scatter' }>;

/** What earlier attempts have told. */
interface Told {
  header: boolean;
  rows: boolean;
}

/** Never rejects: failures are told to the reply, also in the middle of rows. */
export async function runScatter(run: StatementRun, action: Scatter): Promise<Outcome> {
  const told: Told = { header: false, rows: false };
  let reader: ReaderAttempt | undefined = mayUseReplica(run) ? { primaryOnly: false } : undefined;
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await scatterOnce(run, action, reader, told, attempt);
    if (!('primaryOnly' in outcome)) return outcome;
    reader = outcome;
  }
}

/** Answers where to try again if a replica failed before any row was told. */
async function scatterOnce(
  run: StatementRun,
  action: Scatter,
  reader: ReaderAttempt | undefined,
  told: Told,
  attempt: number,
): Promise<Outcome | ReaderAttempt> {
  const { reply, backend } = run;
  const { names, merge: spec } = action;
  let reads: ShardReads | undefined;
  try {
    reads = await openShardReads(run, action.queries, spec.inputOrder.length > 0, reader);
    requireSameFormat(reads);
    const definitions = await allDefinitions(reads);
    const first = definitions[0] as readonly Buffer[];
    if (!told.header)
      reply.header(
        first.slice(0, spec.visible).map((definition) => logicalColumn(definition, names)),
        0,
      );
    told.header = true;
    const columns: ColumnDefinition[] = first.map((definition) => parseColumnDefinition(definition));
    const merged = merge(reads.streams, columns, spec, run.request.kind === 'text' ? 'text' : 'binary', {
      bytesMax: run.limits.resultMemory,
    });
    let rows = 0n;
    const { meter } = backend.leases;
    const { streams } = reads;
    meter.held = () => streams.reduce((sum, stream) => sum + stream.bytesHeld, merged.bytesHeld);
    const merging = performance.now();
    for (;;) {
      const pulled = merged.next();
      const batch = pulled instanceof Promise ? await pulled : pulled;
      if (batch === undefined) break;
      told.rows ||= batch.count > 0;
      for (let index = 0; index < batch.count; index += 1) {
        reply.row(batch.buffer.subarray(batch.bounds[2 * index] as number, batch.bounds[2 * index + 1] as number));
      }
      rows += BigInt(batch.count);
      if (reply.congested) {
        await reply.drained();
        if (reply.closed) break;
      }
    }
    meter.merged = true;
    meter.mergeMs = performance.now() - merging;
    const warnings = reads.streams.reduce((sum, stream) => sum + stream.warnings, 0);
    reply.end(warnings, 0);
    const schemas = backend.directory.physicalSchemas;
    const diagnostics = (await reads.close()).map((entry) => ({
      ...entry,
      message: logicalMessage(entry.message, entry.code, names, schemas),
    }));
    reads = undefined;
    const outcome: Outcome = { failed: false, rows, affected: -1n, insertId: 0n, diagnostics, warnings, errno: 0 };
    return spec.countsAll === true ? { ...outcome, foundRows: BigInt(merged.rowsFound) } : outcome;
  } catch (error) {
    const again = told.rows ? undefined : reads?.again(attempt);
    if (again !== undefined) return again;
    return failed(reply, shardFailure(error, names, backend.directory.physicalSchemas));
  } finally {
    backend.leases.meter.held = undefined;
    await reads?.close();
  }
}

/** A shard whose table has other columns than the rest must not be misread: its stream fails before its first row. */
function requireSameFormat(reads: ShardReads): void {
  let format: readonly ColumnDefinition[] | undefined;
  for (const stream of reads.streams) {
    stream.onColumns = (definitions) => {
      const columns = definitions.map((definition) => parseColumnDefinition(definition));
      format ??= columns;
      if (sameRowFormat(format, columns)) return undefined;
      return new MeshError('SM_UNSUPPORTED', {
        what: `merging rows of source '${stream.source}' with the others`,
        reason: 'their columns have other types there; compare the tables with `shardmesh check --connect`',
      });
    };
  }
}

/** The shards' column definitions: a shard that failed speaks first, before any row is sent, where nothing waits behind it. */
export async function allDefinitions(reads: ShardReads): Promise<readonly (readonly Buffer[])[]> {
  return Promise.all(reads.first.map((stream) => stream.definitions()));
}

/** Any failure of a read over several shards, under logical names. */
export function shardFailure(error: unknown, names: NameMap, schemas: ReadonlySet<string>): ErrorValues | MeshError {
  if (!(error instanceof ShardError)) return clientError(error, '', names, schemas);
  return { ...error.values, message: logicalMessage(error.values.message, error.values.errno, names, schemas) };
}
