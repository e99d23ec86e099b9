/** A whole small result in memory: for statements whose rows the mesh itself must look at. */
import { MeshError } from '../base/index.ts';
import type { ShardQuery } from '../plan/index.ts';
import { type ColumnDefinition, PacketReader, parseColumnDefinition } from '../wire/index.ts';
import { openShardReads } from './shard-reads.ts';
import type { StatementRun } from './statement-run.ts';

export interface TextRows {
  /** Definition payloads as the backend sent them. */
  readonly definitions: readonly Buffer[];
  readonly columns: readonly ColumnDefinition[];
  /** Raw values in the text protocol; null is NULL. */
  readonly rows: readonly (readonly (Buffer | null)[])[];
}

/** Runs one text on its source and gathers its rows. Rejects with ShardError, MeshError (also SM_RESULT_TOO_LARGE) or ServerError. */
export async function readRows(run: StatementRun, query: ShardQuery): Promise<TextRows> {
  const reads = await openShardReads({ ...run, request: { kind: 'text' } }, [query], false, undefined);
  try {
    const stream = reads.streams[0] as (typeof reads.streams)[number];
    const definitions = await stream.definitions();
    const rows: (Buffer | null)[][] = [];
    let bytes = 0;
    for (;;) {
      const batch = await stream.next();
      if (batch === undefined) break;
      bytes += batch.buffer.length;
      if (bytes > run.limits.resultMemory)
        throw new MeshError('SM_RESULT_TOO_LARGE', { limit: run.limits.resultMemory });
      for (let index = 0; index < batch.count; index += 1) {
        rows.push(
          textValues(
            batch.buffer,
            batch.bounds[2 * index] as number,
            batch.bounds[2 * index + 1] as number,
            definitions.length,
          ),
        );
      }
    }
    return { definitions, columns: definitions.map((definition) => parseColumnDefinition(definition)), rows };
  } finally {
    await reads.close();
  }
}

/** The values of one text row; copies, so that the batch may go. */
function textValues(buffer: Buffer, start: number, end: number, count: number): (Buffer | null)[] {
  const reader = new PacketReader(buffer, start, end);
  const values: (Buffer | null)[] = [];
  for (let index = 0; index < count; index += 1) {
    if (reader.peek() === 0xfb) {
      reader.skip(1);
      values.push(null);
    } else {
      values.push(Buffer.from(reader.lenencBytes()));
    }
  }
  return values;
}
