/** The parameter block that COM_STMT_EXECUTE and the query attributes of COM_QUERY share: NULL bitmap, types, names, values. */
import { binaryWidth } from './field-type.ts';
import { MalformedPacket, type PacketReader } from './packet-reader.ts';

export interface BoundParameter {
  /** FieldType. */
  readonly type: number;
  readonly unsigned: boolean;
  /** Query attributes have names; placeholders have an empty one. */
  readonly name: string;
  /** `long`: the value was sent before by STMT_SEND_LONG_DATA. */
  readonly kind: 'value' | 'null' | 'long';
  /** `[start, end)` of the packet's payload is the value, without length prefix; both -1 unless `kind` is `value`. */
  readonly start: number;
  readonly end: number;
}

export interface BoundBlock {
  readonly parameters: readonly BoundParameter[];
  readonly newTypes: boolean;
  /** Two bytes for each parameter: type, and 0x80 if unsigned. Undefined when there are no parameters. */
  readonly types: Buffer | undefined;
}

/**
 * Reads a block of `count` parameters. `knownTypes` serve when the packet carries none. Without types at all it is malformed.
 * `isLong(i)` tells whether a parameter's value was sent as long data.
 */
export function readBoundParameters(
  reader: PacketReader,
  count: number,
  named: boolean,
  knownTypes: Buffer | undefined,
  isLong: (index: number) => boolean,
): BoundBlock {
  if (count === 0) return { parameters: [], newTypes: false, types: undefined };
  const bitmap = reader.bytes((count + 7) >>> 3);
  const newTypes = reader.int1() === 1;
  let types = knownTypes;
  const names: string[] = [];
  if (newTypes) {
    const read = Buffer.alloc(2 * count);
    for (let i = 0; i < count; i += 1) {
      read[2 * i] = reader.int1();
      read[2 * i + 1] = reader.int1();
      names.push(named ? reader.lenencString() : '');
    }
    types = read;
  }
  if (types === undefined || types.length < 2 * count) throw new MalformedPacket('parameters without types');
  const parameters: BoundParameter[] = [];
  for (let i = 0; i < count; i += 1) {
    const type = types[2 * i] as number;
    const unsigned = ((types[2 * i + 1] as number) & 0x80) !== 0;
    const name = names[i] ?? '';
    const isNull = ((bitmap[i >>> 3] as number) & (1 << (i & 7))) !== 0;
    if (isNull || isLong(i)) {
      parameters.push({ type, unsigned, name, kind: isLong(i) ? 'long' : 'null', start: -1, end: -1 });
      continue;
    }
    const width = binaryWidth(type);
    if (width === 0) {
      parameters.push({ type, unsigned, name, kind: 'null', start: -1, end: -1 });
      continue;
    }
    const length = width >= 0 ? width : width === -2 ? reader.int1() : reader.lenenc();
    const start = reader.position;
    reader.skip(length);
    parameters.push({ type, unsigned, name, kind: 'value', start, end: start + length });
  }
  return { parameters, newTypes, types };
}
