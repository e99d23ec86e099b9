/** Rows in and out of batches, for tests. */
import type { RowBatch, RowSource } from '../../src/merge/index.ts';

export function batchOf(rows: readonly Buffer[]): RowBatch {
  const bounds = new Uint32Array(2 * rows.length);
  let at = 0;
  rows.forEach((row, i) => {
    bounds[2 * i] = at;
    at += row.length;
    bounds[2 * i + 1] = at;
  });
  return { buffer: Buffer.concat(rows), bounds, count: rows.length };
}

export async function drain(source: RowSource): Promise<Buffer[]> {
  const rows: Buffer[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i += 1)
      rows.push(Buffer.from(batch.buffer.subarray(batch.bounds[2 * i], batch.bounds[2 * i + 1])));
  }
  return rows;
}
