/** ERR packets: parse and build. */
import { isUtf8 } from 'node:buffer';
import type { MeshError } from '../base/index.ts';
import { MalformedPacket, PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export interface ErrPacket {
  readonly errno: number;
  /** Five characters; `HY000` if the server sent none (before the handshake is done). */
  readonly sqlState: string;
  readonly message: string;
}

export function parseErr(payload: Buffer): ErrPacket {
  const reader = new PacketReader(payload);
  if (reader.int1() !== 0xff) throw new MalformedPacket('ERR header');
  const errno = reader.int2();
  let sqlState = 'HY000';
  if (reader.peek() === 0x23) {
    reader.skip(1);
    sqlState = reader.bytes(5).toString('latin1');
  }
  return { errno, sqlState, message: textOf(reader.restBytes()) };
}

/** Servers write errors in character_set_results: UTF-8 in nearly all sessions; what is none is read as latin1. */
function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
}

/**
 * Writes an ERR payload into the open packet. `withState` is false before a client's capabilities are known. `latin1`: the
 * client's character_set_results, in which servers write their errors; all others get UTF-8.
 */
export function buildErr(writer: PacketWriter, err: ErrPacket, withState = true, latin1 = false): void {
  writer.int1(0xff).int2(err.errno);
  if (withState) writer.string(`#${err.sqlState}`);
  if (latin1) writer.bytes(Buffer.from(err.message.replace(/[\u0100-\uffff]/g, '?'), 'latin1'));
  else writer.string(err.message);
}

/** How a refusal looks to a client. */
export function errOf(error: MeshError): ErrPacket {
  return { errno: error.errno, sqlState: error.sqlState, message: error.clientMessage };
}
