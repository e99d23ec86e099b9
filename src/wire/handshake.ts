/** The server's first packet, protocol version 10: build and parse. */
import { type Capabilities, Capability, hasCapability } from './capabilities.ts';
import { MalformedPacket, PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export interface Handshake {
  readonly serverVersion: string;
  readonly connectionId: number;
  /** 20 bytes, none of them 0. */
  readonly scramble: Buffer;
  readonly capabilities: Capabilities;
  /** Collation id, one byte. */
  readonly collation: number;
  readonly status: number;
  readonly authPlugin: string;
}

/** Throws MalformedPacket, also for protocol versions other than 10. An ERR packet in its place is the caller's to detect (first byte 0xff). */
export function parseHandshake(payload: Buffer): Handshake {
  const reader = new PacketReader(payload);
  const protocol = reader.int1();
  if (protocol !== 10) throw new MalformedPacket(`protocol version ${protocol}`);
  const serverVersion = reader.nulString();
  const connectionId = reader.int4();
  const first = reader.bytes(8);
  reader.skip(1);
  let capabilities = reader.int2();
  let collation = 0;
  let status = 0;
  let second: Buffer = Buffer.alloc(0);
  let authPlugin = 'mysql_native_password';
  if (reader.remaining > 0) {
    collation = reader.int1();
    status = reader.int2();
    capabilities = (capabilities | (reader.int2() << 16)) >>> 0;
    const length = reader.int1();
    reader.skip(10);
    if (hasCapability(capabilities, Capability.SECURE_CONNECTION)) {
      second = reader.bytes(Math.min(Math.max(13, length - 8), reader.remaining));
      if (second[second.length - 1] === 0) second = second.subarray(0, second.length - 1);
    }
    if (hasCapability(capabilities, Capability.PLUGIN_AUTH) && reader.remaining > 0) {
      const rest = reader.restBytes();
      const end = rest.indexOf(0);
      authPlugin = rest.toString('latin1', 0, end < 0 ? rest.length : end);
    }
  }
  return {
    serverVersion,
    connectionId,
    scramble: Buffer.concat([first, second]),
    capabilities,
    collation,
    status,
    authPlugin,
  };
}

/** Writes the payload into the open packet. */
export function buildHandshake(writer: PacketWriter, handshake: Handshake): void {
  const { scramble, capabilities } = handshake;
  writer
    .int1(10)
    .nulString(handshake.serverVersion)
    .int4(handshake.connectionId)
    .bytes(scramble.subarray(0, 8))
    .int1(0)
    .int2(capabilities & 0xffff)
    .int1(handshake.collation)
    .int2(handshake.status)
    .int2(capabilities >>> 16)
    .int1(scramble.length + 1)
    .zeros(10)
    .bytes(scramble.subarray(8))
    .int1(0)
    .nulString(handshake.authPlugin);
}
