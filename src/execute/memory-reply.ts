/** A reply that keeps its rows: for statements whose rows the mesh itself must work on. */
import { MeshError } from '../base/index.ts';
import {
  BinaryRowView,
  type ColumnDefinition,
  ColumnFlag,
  decodeBinaryValue,
  FieldType,
  parseColumnDefinition,
  TextRowView,
  temporalToText,
} from '../wire/index.ts';
import type { ErrorValues, Reply } from './reply.ts';

/** Values are text-protocol bytes, or null for NULL, whatever the protocol was. */
export class MemoryReply implements Reply {
  readonly protocol: 'text' | 'binary';
  readonly #bytesMax: number;
  #bytes = 0;
  #raw: Buffer[] = [];
  columns: readonly ColumnDefinition[] = [];
  readonly rows: (Buffer | null)[][] = [];
  failure: ErrorValues | MeshError | undefined;
  readonly congested = false;
  readonly closed = false;
  readonly atPacketBoundary = true;
  rowsPassed = 0;
  moreResults = false;

  constructor(protocol: 'text' | 'binary', bytesMax: number) {
    this.protocol = protocol;
    this.#bytesMax = bytesMax;
  }

  /** Bytes of the rows kept. */
  get bytesHeld(): number {
    return this.#bytes;
  }

  header(columns: readonly Buffer[]): void {
    this.columns = columns.map((column) => parseColumnDefinition(column));
  }

  /** The rows are views of what came. */
  readonly settled = false;

  rawRows(chunk: Buffer, start: number, end: number): void {
    this.#count(end - start);
    this.#raw.push(chunk.subarray(start, end));
  }

  row(payload: Buffer): void {
    this.#count(payload.length);
    this.#add(payload, 0, payload.length);
  }

  end(): void {
    const bytes = Buffer.concat(this.#raw);
    this.#raw = [];
    let at = 0;
    while (at < bytes.length) {
      const length = bytes.readUIntLE(at, 3);
      if (length === 0xff_ffff) this.failure ??= new MeshError('SM_RESULT_TOO_LARGE', { limit: length });
      this.#add(bytes, at + 4, at + 4 + length);
      this.rowsPassed += 1;
      at += 4 + length;
    }
  }

  ok(): void {
    this.failure ??= new MeshError('SM_INTERNAL', { message: 'an OK where rows were due' });
  }

  error(error: ErrorValues | MeshError): void {
    this.failure ??= error;
  }

  flush(): void {}

  drained(): Promise<void> {
    return Promise.resolve();
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) throw new MeshError('SM_RESULT_TOO_LARGE', { limit: this.#bytesMax });
  }

  #add(buffer: Buffer, start: number, end: number): void {
    if (this.protocol === 'text') {
      const view = new TextRowView(this.columns.length);
      view.reset(buffer, start, end);
      this.rows.push(this.columns.map((_, index) => copy(view.bytes(index))));
      return;
    }
    const view = new BinaryRowView(this.columns.map((column) => column.type));
    view.reset(buffer, start, end);
    this.rows.push(
      this.columns.map((column, index) => {
        const [from, to] = [view.starts[index] as number, view.ends[index] as number];
        return from < 0 ? null : textOf(column, buffer, from, to);
      }),
    );
  }
}

function copy(value: Buffer | undefined): Buffer | null {
  return value === undefined ? null : Buffer.from(value);
}

/** A binary value as the text protocol would write it; numbers with all their digits. */
export function textOf(column: ColumnDefinition, buffer: Buffer, from: number, to: number): Buffer {
  const value = decodeBinaryValue(column.type, (column.flags & ColumnFlag.UNSIGNED) !== 0, buffer, from, to);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  switch (column.type) {
    case FieldType.DATE:
    case FieldType.DATETIME:
    case FieldType.TIMESTAMP:
    case FieldType.TIME:
      return Buffer.from(temporalToText(column.type, buffer, from, to, column.decimals));
    default:
      return Buffer.from(Object.is(value, -0) ? '-0' : String(value));
  }
}
