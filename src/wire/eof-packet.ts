/** EOF packets of connections without DEPRECATE_EOF. */
import { MalformedPacket } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export interface EofPacket {
  readonly warnings: number;
  readonly status: number;
}

export function parseEof(payload: Buffer): EofPacket {
  if (payload[0] !== 0xfe || payload.length < 5 || payload.length > 8) throw new MalformedPacket('EOF');
  return { warnings: payload.readUInt16LE(1), status: payload.readUInt16LE(3) };
}

/** Writes an EOF payload into the open packet. */
export function buildEof(writer: PacketWriter, warnings: number, status: number): void {
  writer.int1(0xfe).int2(warnings).int2(status);
}
