/** COM_QUERY: where its text is, and its query attributes. */
import { type BoundParameter, readBoundParameters } from './bound-parameters.ts';
import { type Capabilities, Capability, hasCapability } from './capabilities.ts';
import { MalformedPacket, PacketReader } from './packet-reader.ts';

export interface QueryPacket {
  /** The statement is `[textStart, payload.length)` of the payload. */
  readonly textStart: number;
  /** Slices point into the payload. */
  readonly attributes: readonly BoundParameter[];
}

const plain: QueryPacket = { textStart: 1, attributes: [] };

/** Parses a whole payload, command byte included. Throws MalformedPacket. */
export function parseQuery(payload: Buffer, capabilities: Capabilities): QueryPacket {
  if (!hasCapability(capabilities, Capability.QUERY_ATTRIBUTES)) return plain;
  if (payload[1] === 0 && payload[2] === 1) return { textStart: 3, attributes: [] };
  const reader = new PacketReader(payload, 1);
  const count = reader.lenenc();
  const sets = reader.lenenc();
  if (sets !== 1 || count > 65_535) throw new MalformedPacket('query attributes');
  const { parameters } = readBoundParameters(reader, count, true, undefined, () => false);
  return { textStart: reader.position, attributes: parameters };
}
