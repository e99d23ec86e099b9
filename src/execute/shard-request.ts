/** What is sent for one shard query: COM_QUERY with its text, or COM_STMT_EXECUTE of the text prepared on that connection. */
import type { Lease, PreparedHandle, ResponseHandler } from '../backend/index.ts';
import type { ShardQuery } from '../plan/index.ts';
import { buildExecute, type ExecuteParameter, PacketWriter } from '../wire/index.ts';

/** How the client asked: which protocol its answer is in, and its parameters. */
export type ClientRequest =
  | { readonly kind: 'text' }
  | {
      readonly kind: 'prepared';
      readonly parameters: readonly ExecuteParameter[];
      /** The bytes that the parameters' slices point into. */
      readonly source: Buffer;
      /** Cursor flags of the EXECUTE. */
      readonly cursor: number;
    };

export const textRequest: ClientRequest = { kind: 'text' };

/**
 * Sends one shard query; the handler gets its answer. The text is copied. Undefined when it has been sent, which needs no
 * promise; otherwise it must be prepared first: rejects only before anything was sent (ServerError of the PREPARE, BackendFault).
 */
export function sendShardQuery(
  lease: Lease,
  query: ShardQuery,
  request: ClientRequest,
  handler: ResponseHandler,
): Promise<void> | undefined {
  const connection = lease.connection;
  if (request.kind === 'text') {
    connection.runQuery(bufferOf(query.text), handler);
    return undefined;
  }
  const text = textOf(bufferOf(query.text));
  const handle = connection.prepared(text);
  if (handle === undefined)
    return connection.prepare(text).then((prepared) => runPrepared(lease, prepared, query, request, handler));
  runPrepared(lease, handle, query, request, handler);
  return undefined;
}

function runPrepared(
  lease: Lease,
  handle: PreparedHandle,
  query: ShardQuery,
  request: Extract<ClientRequest, { kind: 'prepared' }>,
  handler: ResponseHandler,
): void {
  const parameters =
    query.parameters === undefined
      ? request.parameters
      : query.parameters.map((index) => request.parameters[index] as ExecuteParameter);
  const writer = new PacketWriter(executeBytes(parameters));
  writer.begin();
  buildExecute(writer, handle.statementId, request.cursor, parameters, request.source, true);
  writer.end();
  lease.connection.runFramed(writer.take(), 'result', handler);
}

/** At most what the packet of these parameters takes, so that it is written without growing. */
function executeBytes(parameters: readonly ExecuteParameter[]): number {
  let bytes = 32;
  for (const { start, end } of parameters) bytes += 12 + end - start;
  return bytes;
}

/** Texts of EXECUTEs come back again and again: the string (and with it the hash that finds its handle) is kept. */
const TEXTS_KEPT = 256;
const TEXT_BYTES_MAX = 512;
const keptBytes: (Buffer | undefined)[] = new Array(TEXTS_KEPT).fill(undefined);
const keptTexts: string[] = new Array(TEXTS_KEPT).fill('');

function textOf(bytes: Buffer): string {
  if (bytes.length > TEXT_BYTES_MAX) return bytes.toString('utf8');
  let slot = bytes.length;
  for (let at = 0; at < bytes.length; at += 1) slot = (Math.imul(slot, 31) + (bytes[at] as number)) | 0;
  slot = (slot >>> 0) % TEXTS_KEPT;
  if (keptBytes[slot]?.equals(bytes)) return keptTexts[slot] as string;
  const text = bytes.toString('utf8');
  keptBytes[slot] = Buffer.from(bytes);
  keptTexts[slot] = text;
  return text;
}

/** The same bytes as a Buffer, without a copy. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
