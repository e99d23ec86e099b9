/** OK packets: parse and build, also in their role as the end of rows (header 0xfe, DEPRECATE_EOF). */
import { type Capabilities, Capability, hasCapability } from './capabilities.ts';
import { MalformedPacket, PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';
import { parseSessionTrack, type SessionChange, writeSessionTrack } from './session-track.ts';
import { StatusFlag } from './status-flags.ts';

export interface OkPacket {
  readonly affectedRows: bigint;
  readonly insertId: bigint;
  /** StatusFlag bits. */
  readonly status: number;
  readonly warnings: number;
  readonly info: string;
  readonly changes: readonly SessionChange[];
}

/** Parses a payload that begins with 0x00 or 0xfe. `capabilities` are those of the connection it came from. */
export function parseOk(payload: Buffer, capabilities: Capabilities): OkPacket {
  const reader = new PacketReader(payload);
  const header = reader.int1();
  if (header !== 0 && header !== 0xfe) throw new MalformedPacket('OK header');
  const affectedRows = reader.lenencBig();
  const insertId = reader.lenencBig();
  const status = reader.int2();
  const warnings = reader.int2();
  let info = '';
  let changes: readonly SessionChange[] = [];
  if (hasCapability(capabilities, Capability.SESSION_TRACK)) {
    if (reader.remaining > 0) info = reader.lenencString();
    if ((status & StatusFlag.SESSION_STATE_CHANGED) !== 0 && reader.remaining > 0) {
      changes = parseSessionTrack(reader.lenencBytes());
    }
  } else if (reader.remaining > 0) {
    info = reader.lenencString();
  }
  return { affectedRows, insertId, status, warnings, info, changes };
}

/**
 * Writes the payload of an OK packet (between `begin` and `end` of the writer) as `capabilities` of the receiver demand:
 * changes are left out, with their status flag, for receivers without SESSION_TRACK. `endOfRows` gives it the header 0xfe.
 */
export function buildOk(writer: PacketWriter, ok: OkPacket, capabilities: Capabilities, endOfRows = false): void {
  const tracks = hasCapability(capabilities, Capability.SESSION_TRACK);
  const withChanges = tracks && ok.changes.length > 0;
  const status = withChanges
    ? ok.status | StatusFlag.SESSION_STATE_CHANGED
    : ok.status & ~StatusFlag.SESSION_STATE_CHANGED;
  writer
    .int1(endOfRows ? 0xfe : 0)
    .lenenc(ok.affectedRows)
    .lenenc(ok.insertId)
    .int2(status)
    .int2(ok.warnings);
  if (tracks) {
    if (ok.info !== '' || withChanges) writer.lenencString(ok.info);
    if (withChanges) writeSessionTrack(writer, ok.changes);
  } else if (ok.info !== '') {
    // Documented as a string up to the end, but servers send a length and drivers (PHP's) read it.
    writer.lenencString(ok.info);
  }
}

/** Where the two status bytes of an OK payload are (the two after them count warnings), for patching in place. */
export function okStatusOffset(payload: Buffer): number {
  const reader = new PacketReader(payload);
  reader.int1();
  reader.lenencBig();
  reader.lenencBig();
  const at = reader.position;
  reader.int4();
  return at;
}
