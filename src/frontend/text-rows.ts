/** Rows of the binary protocol told in the text protocol: a text EXECUTE runs as a prepared statement, and is answered as a query. */
import { doubleText } from '../merge/index.ts';
import {
  BinaryRowView,
  type ColumnDefinition,
  ColumnFlag,
  decodeBinaryValue,
  FieldType,
  PACKET_PAYLOAD_MAX,
  parseColumnDefinition,
  payloadOf,
  temporalToText,
  writeTextRow,
} from '../wire/index.ts';

const EMPTY = Buffer.alloc(0);
const HEADER = 4;
/** `decimals` of columns without a fixed number of digits. */
const DECIMALS_DYNAMIC = 31;
/** Significant digits of a FLOAT. */
const FLOAT_DIGITS = 6;

/** Given to a reply for one statement; row packets arrive in runs that begin and end anywhere. */
export class TextRows {
  #columns: readonly ColumnDefinition[] = [];
  #view = new BinaryRowView([]);
  /** The beginning of a packet whose rest has not come yet. */
  #cut: Buffer = EMPTY;
  /** Full packets of a row that goes on behind them. */
  #long: Buffer[] = [];

  /** Of the result that follows. */
  set definitions(definitions: readonly Buffer[]) {
    this.#columns = definitions.map((definition) => parseColumnDefinition(definition));
    this.#view = new BinaryRowView(this.#columns.map((column) => column.type));
  }

  /** Calls `tell` with each row of the run. */
  packets(chunk: Buffer, start: number, end: number, tell: (row: Buffer) => void): void {
    const part = chunk.subarray(start, end);
    const bytes = this.#cut.length === 0 ? part : Buffer.concat([this.#cut, part]);
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const length = bytes.readUIntLE(at, 3);
      if (bytes.length - at < HEADER + length) break;
      const payload = bytes.subarray(at + HEADER, at + HEADER + length);
      at += HEADER + length;
      if (length === PACKET_PAYLOAD_MAX) {
        this.#long.push(Buffer.from(payload));
      } else if (this.#long.length > 0) {
        tell(this.row(Buffer.concat([...this.#long, payload])));
        this.#long = [];
      } else {
        tell(this.row(payload));
      }
    }
    this.#cut = at === bytes.length ? EMPTY : Buffer.from(bytes.subarray(at));
  }

  /** One row's payload. */
  row(payload: Buffer): Buffer {
    const view = this.#view;
    view.reset(payload, 0, payload.length);
    const values = this.#columns.map((column, index) => {
      const from = view.starts[index] as number;
      return from < 0 ? null : textOf(column, payload, from, view.ends[index] as number);
    });
    return payloadOf((writer) => writeTextRow(writer, values));
  }
}

function textOf(column: ColumnDefinition, buffer: Buffer, from: number, to: number): Buffer | string {
  const { type, flags, length, decimals } = column;
  switch (type) {
    case FieldType.DATE:
    case FieldType.DATETIME:
    case FieldType.TIMESTAMP:
    case FieldType.TIME:
      return temporalToText(type, buffer, from, to, decimals);
    case FieldType.FLOAT: {
      const value = buffer.readFloatLE(from);
      return decimals < DECIMALS_DYNAMIC
        ? doubleText(value, decimals)
        : doubleText(Number(value.toPrecision(FLOAT_DIGITS)), decimals);
    }
    case FieldType.DOUBLE:
      return doubleText(buffer.readDoubleLE(from), decimals);
    default: {
      const value = decodeBinaryValue(type, (flags & ColumnFlag.UNSIGNED) !== 0, buffer, from, to);
      if (Buffer.isBuffer(value)) return value;
      const filled = (flags & ColumnFlag.ZEROFILL) !== 0 || type === FieldType.YEAR;
      return filled ? String(value).padStart(length, '0') : String(value);
    }
  }
}
