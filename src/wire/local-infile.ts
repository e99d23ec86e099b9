/** The server's request for a file's content (LOAD DATA LOCAL). */
import { MalformedPacket } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

/** The file name as sent. */
export function parseLocalInfile(payload: Buffer): string {
  if (payload[0] !== 0xfb) throw new MalformedPacket('LOCAL INFILE request');
  return payload.toString('utf8', 1);
}

/** Writes the payload into the open packet. */
export function buildLocalInfile(writer: PacketWriter, fileName: string | Uint8Array): void {
  writer.int1(0xfb).bytes(Buffer.from(fileName));
}
