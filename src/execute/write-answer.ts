/** What one server answers to a write: an OK, or the rows of RETURNING. */
import { type BackendFault, type Lease, RowBatcher, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { ShardQuery } from '../plan/index.ts';
import { type OkPacket, parseErr, parseOk } from '../wire/index.ts';
import { endOf } from './run-forward.ts';
import { sendShardQuery } from './shard-request.ts';
import type { StatementRun } from './statement-run.ts';

/** Rows of RETURNING, payloads as the server sent them, in the protocol of the request. */
export interface ReturnedRows {
  readonly definitions: readonly Buffer[];
  readonly rows: readonly Buffer[];
}

export interface WriteAnswer {
  /** With RETURNING, which ends without an OK: what is known of it. */
  readonly ok: OkPacket;
  readonly returned: ReturnedRows | undefined;
}

/** Sends one write. Rejects with ServerError, BackendFault, or SM_RESULT_TOO_LARGE for rows that take more than a result may. */
export function runForAnswer(run: StatementRun, query: ShardQuery, lease: Lease): Promise<WriteAnswer> {
  return new Promise((resolve, reject) => {
    const { connection } = lease;
    const definitions: Buffer[] = [];
    const rows: Buffer[] = [];
    let bytes = 0;
    let answer: WriteAnswer | undefined;
    let error: Error | undefined;
    const handler = new RowBatcher({
      onFrame(kind, payload): void {
        if (kind === 'ok') answer = { ok: parseOk(payload, connection.capabilities), returned: undefined };
        else if (kind === 'err') error = new ServerError(parseErr(payload));
        else if (kind === 'column') definitions.push(Buffer.from(payload));
        else if (kind === 'end') {
          const { warnings, status } = endOf(payload, connection.deprecateEof);
          const ok = { affectedRows: BigInt(rows.length), insertId: 0n, status, warnings, info: '', changes: [] };
          answer = { ok, returned: { definitions, rows } };
        }
      },
      onBatch({ buffer, count, bounds }): void {
        bytes += buffer.length;
        if (bytes > run.limits.resultMemory) {
          error ??= new MeshError('SM_RESULT_TOO_LARGE', { limit: run.limits.resultMemory });
          return;
        }
        for (let row = 0; row < count; row += 1)
          rows.push(buffer.subarray(bounds[2 * row] as number, bounds[2 * row + 1] as number));
      },
      onEnd(): void {
        if (error !== undefined) reject(error);
        else if (answer === undefined) reject(new Error('an answer to a write without an end'));
        else resolve(answer);
      },
      onFault(fault: BackendFault): void {
        reject(fault);
      },
    });
    sendShardQuery(lease, query, run.request, handler)?.catch(reject);
  });
}

/** The same for what answers no rows. */
export async function runForOk(run: StatementRun, query: ShardQuery, lease: Lease): Promise<OkPacket> {
  const { ok, returned } = await runForAnswer(run, query, lease);
  if (returned !== undefined) throw new Error('rows where an OK was due');
  return ok;
}
