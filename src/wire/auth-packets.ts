/** Packets of the authentication phase after the handshake: switch of plugin, more data. */
import { PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export const AuthPlugin = {
  NATIVE: 'mysql_native_password',
  CACHING_SHA2: 'caching_sha2_password',
  CLEAR: 'mysql_clear_password',
  ED25519: 'client_ed25519',
} as const;

export interface AuthSwitchRequest {
  readonly plugin: string;
  /** Without the NUL at its end. */
  readonly scramble: Buffer;
}

/** A payload that begins with 0xfe; alone that byte asks for the password hash of MySQL 4.0, which is given as plugin `mysql_old_password`. */
export function parseAuthSwitchRequest(payload: Buffer): AuthSwitchRequest {
  if (payload.length === 1) return { plugin: 'mysql_old_password', scramble: Buffer.alloc(0) };
  const reader = new PacketReader(payload, 1);
  const plugin = reader.nulString();
  let scramble = reader.restBytes();
  if (scramble.length > 0 && scramble[scramble.length - 1] === 0) scramble = scramble.subarray(0, scramble.length - 1);
  return { plugin, scramble: Buffer.from(scramble) };
}

/** Writes the payload into the open packet. */
export function buildAuthSwitchRequest(writer: PacketWriter, plugin: string, scramble: Buffer): void {
  writer.int1(0xfe).nulString(plugin).bytes(scramble).int1(0);
}

/** Writes the payload into the open packet. */
export function buildAuthMoreData(writer: PacketWriter, data: Buffer): void {
  writer.int1(0x01).bytes(data);
}
