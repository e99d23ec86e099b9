/** Column definitions (protocol 4.1): parse, build, and patch the names of a raw packet. */
import { MalformedPacket, PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export interface ColumnDefinition {
  readonly schema: string;
  /** The table's alias in the statement. */
  readonly table: string;
  readonly orgTable: string;
  /** The column's alias in the statement: what the client sees as its name. */
  readonly name: string;
  readonly orgName: string;
  /** Collation id; 63 is binary. */
  readonly collation: number;
  /** Longest value in bytes. */
  readonly length: number;
  /** FieldType. */
  readonly type: number;
  /** ColumnFlag bits. */
  readonly flags: number;
  /** Digits after the point; 31 (0x1f) for dynamic (floats, strings). */
  readonly decimals: number;
  /** Default value, only in an answer to COM_FIELD_LIST; null is NULL. */
  readonly defaultValue?: string | null;
}

export function parseColumnDefinition(payload: Buffer): ColumnDefinition {
  const reader = new PacketReader(payload);
  reader.skip(reader.lenenc()); // catalog, always "def"
  const schema = reader.lenencString();
  const table = reader.lenencString();
  const orgTable = reader.lenencString();
  const name = reader.lenencString();
  const orgName = reader.lenencString();
  if (reader.lenenc() < 12) throw new MalformedPacket('column definition');
  const collation = reader.int2();
  const length = reader.int4();
  const type = reader.int1();
  const flags = reader.int2();
  const decimals = reader.int1();
  reader.skip(2);
  const base = { schema, table, orgTable, name, orgName, collation, length, type, flags, decimals };
  if (reader.remaining === 0) return base;
  if (reader.peek() === 0xfb) return { ...base, defaultValue: null };
  return { ...base, defaultValue: reader.lenencString() };
}

/** Writes a definition into the open packet. */
export function buildColumnDefinition(writer: PacketWriter, column: ColumnDefinition): void {
  writer
    .lenencString('def')
    .lenencString(column.schema)
    .lenencString(column.table)
    .lenencString(column.orgTable)
    .lenencString(column.name)
    .lenencString(column.orgName)
    .int1(12)
    .int2(column.collation)
    .int4(column.length)
    .int1(column.type)
    .int2(column.flags)
    .int1(column.decimals)
    .int2(0);
  if (column.defaultValue === null) writer.int1(0xfb);
  else if (column.defaultValue !== undefined) writer.lenencString(column.defaultValue);
}

/** New names for a raw definition; what is left out stays as it is. */
export interface ColumnPatch {
  readonly schema?: string;
  readonly table?: string;
  readonly orgTable?: string;
  readonly name?: string;
}

/** Writes a raw definition payload into the open packet with some of its names replaced; everything else stays byte for byte. */
export function patchColumnDefinition(writer: PacketWriter, payload: Buffer, patch: ColumnPatch): void {
  const reader = new PacketReader(payload);
  writer.lenencBytes(reader.lenencBytes());
  name(writer, reader, patch.schema);
  name(writer, reader, patch.table);
  name(writer, reader, patch.orgTable);
  name(writer, reader, patch.name);
  writer.bytes(reader.restBytes());
}

function name(writer: PacketWriter, reader: PacketReader, replacement: string | undefined): void {
  const old = reader.lenencBytes();
  if (replacement === undefined) writer.lenencBytes(old);
  else writer.lenencString(replacement);
}
