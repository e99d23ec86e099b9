/** COM_STMT_EXECUTE: parse with parameters, and build for a backend. */
import { type BoundParameter, readBoundParameters } from './bound-parameters.ts';
import { type Capabilities, Capability, hasCapability } from './capabilities.ts';
import { Command } from './command.ts';
import { binaryWidth } from './field-type.ts';
import { MalformedPacket, PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export type ExecuteParameter = BoundParameter;

export interface ExecutePacket {
  readonly statementId: number;
  /** 0 none, 1 a read-only cursor is asked for (other bits likewise as sent), without the attribute bit. */
  readonly cursor: number;
  /** The statement's own parameters, in the order of its placeholders. */
  readonly parameters: readonly ExecuteParameter[];
  /** Query attributes, in MySQL's order after the parameters. */
  readonly attributes: readonly ExecuteParameter[];
  /** The packet carried types: keep `types` for later packets which do not. */
  readonly newTypes: boolean;
  /** Two bytes for each of `parameters`; undefined when there are none. */
  readonly types: Buffer | undefined;
}

const PARAMETER_COUNT_AVAILABLE = 0x08;
const none = (): boolean => false;

/**
 * Parses a whole payload, command byte included. `parameterCount` is the statement's; `knownTypes` are the types of an earlier
 * execution; `isLong` tells which parameters came as long data. Throws MalformedPacket.
 */
export function parseExecute(
  payload: Buffer,
  parameterCount: number,
  capabilities: Capabilities,
  knownTypes?: Buffer,
  isLong: (index: number) => boolean = none,
): ExecutePacket {
  const reader = new PacketReader(payload, 1);
  const statementId = reader.int4();
  const flags = reader.int1();
  reader.skip(4); // iteration count, always 1
  const named = hasCapability(capabilities, Capability.QUERY_ATTRIBUTES);
  let count = parameterCount;
  // Clients with attributes always send the count where there are placeholders; the flag is for attributes without any.
  if (named && (parameterCount > 0 || (flags & PARAMETER_COUNT_AVAILABLE) !== 0)) count = reader.lenenc();
  if (count < parameterCount || count > 65_535)
    throw new MalformedPacket(`${count} parameters for ${parameterCount} placeholders`);
  const block = readBoundParameters(reader, count, named, knownTypes, isLong);
  return {
    statementId,
    cursor: flags & ~PARAMETER_COUNT_AVAILABLE,
    parameters: block.parameters.slice(0, parameterCount),
    attributes: block.parameters.slice(parameterCount),
    newTypes: block.newTypes,
    types: block.types?.subarray(0, 2 * parameterCount),
  };
}

/**
 * Writes the payload, command byte included, into the open packet, for a backend without query attributes. `source` is the payload
 * that the parameters' slices point into. `withTypes` must be true the first time on a backend connection.
 */
export function buildExecute(
  writer: PacketWriter,
  statementId: number,
  cursor: number,
  parameters: readonly ExecuteParameter[],
  source: Buffer,
  withTypes: boolean,
): void {
  writer.int1(Command.STMT_EXECUTE).int4(statementId).int1(cursor).int4(1);
  if (parameters.length === 0) return;
  const bitmap = Buffer.alloc((parameters.length + 7) >>> 3);
  for (let i = 0; i < parameters.length; i += 1) {
    if (parameters[i]?.kind === 'null') bitmap[i >>> 3] = (bitmap[i >>> 3] as number) | (1 << (i & 7));
  }
  writer.bytes(bitmap).int1(withTypes ? 1 : 0);
  if (withTypes) for (const { type, unsigned } of parameters) writer.int1(type).int1(unsigned ? 0x80 : 0);
  for (const { kind, type, start, end } of parameters) {
    if (kind !== 'value') continue;
    const width = binaryWidth(type);
    if (width === -1) writer.lenenc(end - start);
    else if (width === -2) writer.int1(end - start);
    writer.raw(source, start, end);
  }
}
