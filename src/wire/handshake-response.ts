/** The client's answer to the handshake (HandshakeResponse41) and its request for TLS before it. */
import { type Capabilities, Capability, hasCapability } from './capabilities.ts';
import { MalformedPacket, PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export interface HandshakeResponse {
  readonly capabilities: Capabilities;
  /** The client's max_allowed_packet in bytes; 0 if it does not say. */
  readonly packetSizeMax: number;
  /** Collation id, one byte. */
  readonly collation: number;
  readonly user: string;
  readonly authResponse: Buffer;
  /** Empty if none. */
  readonly database: string;
  /** Empty if the client has no PLUGIN_AUTH. */
  readonly authPlugin: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Level of the client that asks for zstd; 0 if it does not say. */
  readonly zstdLevel?: number;
}

/** A TLS request is the first 32 bytes of a response, with the SSL flag, and nothing more. */
export function isSslRequest(payload: Buffer): boolean {
  return payload.length === 32 && hasCapability(payload.readUInt32LE(0), Capability.SSL);
}

/** Throws MalformedPacket, also for clients older than protocol 4.1. */
export function parseHandshakeResponse(payload: Buffer): HandshakeResponse {
  const reader = new PacketReader(payload);
  const capabilities = reader.int4();
  if (!hasCapability(capabilities, Capability.PROTOCOL_41)) throw new MalformedPacket('a client without protocol 4.1');
  const packetSizeMax = reader.int4();
  const collation = reader.int1();
  reader.skip(23);
  const user = reader.nulString();
  const authResponse = readAuthResponse(reader, capabilities);
  let database = '';
  if (hasCapability(capabilities, Capability.CONNECT_WITH_DB) && reader.remaining > 0) database = reader.nulString();
  let authPlugin = '';
  if (hasCapability(capabilities, Capability.PLUGIN_AUTH) && reader.remaining > 0) authPlugin = readPluginName(reader);
  const attributes = hasCapability(capabilities, Capability.CONNECT_ATTRS)
    ? readAttributes(reader)
    : new Map<string, string>();
  const named = hasCapability(capabilities, Capability.ZSTD_COMPRESSION) && reader.remaining > 0;
  const zstdLevel = named ? reader.int1() : 0;
  return { capabilities, packetSizeMax, collation, user, authResponse, database, authPlugin, attributes, zstdLevel };
}

/** Writes the payload into the open packet. The flags decide which fields are sent. */
export function buildHandshakeResponse(writer: PacketWriter, response: HandshakeResponse): void {
  const { capabilities } = response;
  buildSslRequest(writer, response);
  writer.nulString(response.user);
  if (hasCapability(capabilities, Capability.PLUGIN_AUTH_LENENC)) writer.lenencBytes(response.authResponse);
  else writer.int1(response.authResponse.length).bytes(response.authResponse);
  if (hasCapability(capabilities, Capability.CONNECT_WITH_DB)) writer.nulString(response.database);
  if (hasCapability(capabilities, Capability.PLUGIN_AUTH)) writer.nulString(response.authPlugin);
  if (hasCapability(capabilities, Capability.CONNECT_ATTRS)) {
    let total = 0;
    for (const [key, value] of response.attributes) total += lenencStringSize(key) + lenencStringSize(value);
    writer.lenenc(total);
    for (const [key, value] of response.attributes) writer.lenencString(key).lenencString(value);
  }
  if (hasCapability(capabilities, Capability.ZSTD_COMPRESSION)) writer.int1(response.zstdLevel ?? 0);
}

/** Writes the 32 bytes that ask for TLS, which are also the head of a response. */
export function buildSslRequest(
  writer: PacketWriter,
  head: Pick<HandshakeResponse, 'capabilities' | 'packetSizeMax' | 'collation'>,
): void {
  writer.int4(head.capabilities).int4(head.packetSizeMax).int1(head.collation).zeros(23);
}

/** Attributes are informative only: a truncated block ends them without an error. */
export function readAttributes(reader: PacketReader): Map<string, string> {
  const attributes = new Map<string, string>();
  if (reader.remaining === 0) return attributes;
  const total = reader.lenenc();
  const end = reader.position + Math.min(total, reader.remaining);
  try {
    while (reader.position < end) attributes.set(reader.lenencString(), reader.lenencString());
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error;
  }
  return attributes;
}

/** A plugin name may come without its NUL when it is the last field. */
export function readPluginName(reader: PacketReader): string {
  const end = reader.buffer.indexOf(0, reader.position);
  return end >= 0 && end < reader.position + reader.remaining ? reader.nulString() : reader.restString();
}

function readAuthResponse(reader: PacketReader, capabilities: Capabilities): Buffer {
  if (hasCapability(capabilities, Capability.PLUGIN_AUTH_LENENC)) return Buffer.from(reader.lenencBytes());
  if (hasCapability(capabilities, Capability.SECURE_CONNECTION)) return Buffer.from(reader.bytes(reader.int1()));
  return Buffer.from(reader.nulBytes());
}

function lenencStringSize(text: string): number {
  const length = Buffer.byteLength(text);
  return length + (length < 0xfb ? 1 : length <= 0xffff ? 3 : length <= 0xff_ffff ? 4 : 9);
}
