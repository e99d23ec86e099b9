/** The session-state blocks at the end of an OK packet: parsed, and written again for clients that negotiated SESSION_TRACK. */
import { PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';

export const SessionTrackType = {
  SYSTEM_VARIABLES: 0,
  SCHEMA: 1,
  STATE_CHANGE: 2,
  GTIDS: 3,
  TRANSACTION_CHARACTERISTICS: 4,
  TRANSACTION_STATE: 5,
} as const;

export type SessionChange =
  | { readonly kind: 'variable'; readonly name: string; readonly value: string }
  | { readonly kind: 'schema'; readonly schema: string }
  /** Some session state changed that is not reported in detail. */
  | { readonly kind: 'state'; readonly changed: boolean }
  | { readonly kind: 'gtids'; readonly gtids: string }
  /** SQL text that would start a transaction with the same characteristics. */
  | { readonly kind: 'characteristics'; readonly sql: string }
  /** Eight characters, see "Session transaction state": `________` is none, T/I open, and so on. */
  | { readonly kind: 'transaction'; readonly state: string }
  /** A type that this build does not know; kept as it came. */
  | { readonly kind: 'other'; readonly type: number; readonly data: Buffer };

/** Parses the blocks (without their total length). Throws MalformedPacket. */
export function parseSessionTrack(bytes: Buffer): SessionChange[] {
  const changes: SessionChange[] = [];
  const reader = new PacketReader(bytes);
  while (reader.remaining > 0) {
    const type = reader.int1();
    const data = reader.lenencBytes();
    const inner = new PacketReader(data);
    switch (type) {
      case SessionTrackType.SYSTEM_VARIABLES:
        // MariaDB may put several pairs into one block.
        while (inner.remaining > 0) {
          changes.push({ kind: 'variable', name: inner.lenencString(), value: inner.lenencString() });
        }
        break;
      case SessionTrackType.SCHEMA:
        changes.push({ kind: 'schema', schema: inner.lenencString() });
        break;
      case SessionTrackType.STATE_CHANGE:
        // The one block whose content has no length of its own.
        changes.push({ kind: 'state', changed: inner.restString() === '1' });
        break;
      case SessionTrackType.GTIDS:
        inner.int1(); // encoding specification, always 0
        changes.push({ kind: 'gtids', gtids: inner.lenencString() });
        break;
      case SessionTrackType.TRANSACTION_CHARACTERISTICS:
        changes.push({ kind: 'characteristics', sql: inner.lenencString() });
        break;
      case SessionTrackType.TRANSACTION_STATE:
        changes.push({ kind: 'transaction', state: inner.lenencString() });
        break;
      default:
        changes.push({ kind: 'other', type, data: Buffer.from(data) });
    }
  }
  return changes;
}

/** Writes the blocks with their total length in front. */
export function writeSessionTrack(writer: PacketWriter, changes: readonly SessionChange[]): void {
  let total = 0;
  for (const change of changes) total += 1 + lenencSize(contentSize(change));
  writer.lenenc(total);
  for (const change of changes) {
    writer.int1(typeOf(change)).lenenc(contentSize(change));
    switch (change.kind) {
      case 'variable':
        writer.lenencString(change.name).lenencString(change.value);
        break;
      case 'schema':
        writer.lenencString(change.schema);
        break;
      case 'state':
        writer.string(change.changed ? '1' : '0');
        break;
      case 'gtids':
        writer.int1(0).lenencString(change.gtids);
        break;
      case 'characteristics':
        writer.lenencString(change.sql);
        break;
      case 'transaction':
        writer.lenencString(change.state);
        break;
      case 'other':
        writer.bytes(change.data);
        break;
    }
  }
}

function typeOf(change: SessionChange): number {
  switch (change.kind) {
    case 'variable':
      return SessionTrackType.SYSTEM_VARIABLES;
    case 'schema':
      return SessionTrackType.SCHEMA;
    case 'state':
      return SessionTrackType.STATE_CHANGE;
    case 'gtids':
      return SessionTrackType.GTIDS;
    case 'characteristics':
      return SessionTrackType.TRANSACTION_CHARACTERISTICS;
    case 'transaction':
      return SessionTrackType.TRANSACTION_STATE;
    case 'other':
      return change.type;
  }
}

function contentSize(change: SessionChange): number {
  switch (change.kind) {
    case 'variable':
      return stringSize(change.name) + stringSize(change.value);
    case 'schema':
      return stringSize(change.schema);
    case 'state':
      return 1;
    case 'gtids':
      return 1 + stringSize(change.gtids);
    case 'characteristics':
      return stringSize(change.sql);
    case 'transaction':
      return stringSize(change.state);
    case 'other':
      return change.data.length;
  }
}

function stringSize(text: string): number {
  return lenencSize(Buffer.byteLength(text));
}

/** `length` bytes and the length-encoded integer in front of them. */
function lenencSize(length: number): number {
  return length + (length < 0xfb ? 1 : length <= 0xffff ? 3 : length <= 0xff_ffff ? 4 : 9);
}
