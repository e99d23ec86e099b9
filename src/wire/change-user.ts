/** COM_CHANGE_USER: parse and build. */
import { type Capabilities, Capability, hasCapability } from './capabilities.ts';
import { Command } from './command.ts';
import { readAttributes, readPluginName } from './handshake-response.ts';
import { PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export interface ChangeUser {
  readonly user: string;
  readonly authResponse: Buffer;
  /** Empty if none. */
  readonly database: string;
  /** Collation id, 0 if the client does not say. */
  readonly collation: number;
  /** Empty if the client does not say. */
  readonly authPlugin: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** Parses the whole payload, command byte included. `capabilities` are those of the connection. */
export function parseChangeUser(payload: Buffer, capabilities: Capabilities): ChangeUser {
  const reader = new PacketReader(payload, 1);
  const user = reader.nulString();
  const authResponse = Buffer.from(
    hasCapability(capabilities, Capability.SECURE_CONNECTION) ? reader.bytes(reader.int1()) : reader.nulBytes(),
  );
  const database = reader.remaining > 0 ? reader.nulString() : '';
  const collation = reader.remaining >= 2 ? reader.int2() : 0;
  let authPlugin = '';
  if (hasCapability(capabilities, Capability.PLUGIN_AUTH) && reader.remaining > 0) authPlugin = readPluginName(reader);
  const attributes = hasCapability(capabilities, Capability.CONNECT_ATTRS)
    ? readAttributes(reader)
    : new Map<string, string>();
  return { user, authResponse, database, collation, authPlugin, attributes };
}

/** Writes the payload, command byte included, into the open packet; without attributes. */
export function buildChangeUser(
  writer: PacketWriter,
  change: Omit<ChangeUser, 'attributes'>,
  capabilities: Capabilities,
): void {
  writer.int1(Command.CHANGE_USER).nulString(change.user);
  writer.int1(change.authResponse.length).bytes(change.authResponse);
  writer.nulString(change.database).int2(change.collation);
  if (hasCapability(capabilities, Capability.PLUGIN_AUTH)) writer.nulString(change.authPlugin);
  if (hasCapability(capabilities, Capability.CONNECT_ATTRS)) writer.lenenc(0);
}
