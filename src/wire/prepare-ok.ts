/** The first packet of a prepare answer. */
import { MalformedPacket } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export interface PrepareOk {
  readonly statementId: number;
  readonly columnCount: number;
  readonly parameterCount: number;
  readonly warnings: number;
}

export function parsePrepareOk(payload: Buffer): PrepareOk {
  if (payload[0] !== 0 || payload.length < 9) throw new MalformedPacket('prepare answer');
  return {
    statementId: payload.readUInt32LE(1),
    columnCount: payload.readUInt16LE(5),
    parameterCount: payload.readUInt16LE(7),
    warnings: payload.length >= 12 ? payload.readUInt16LE(10) : 0,
  };
}

export function buildPrepareOk(writer: PacketWriter, ok: PrepareOk): void {
  writer.int1(0).int4(ok.statementId).int2(ok.columnCount).int2(ok.parameterCount).int1(0).int2(ok.warnings);
}
