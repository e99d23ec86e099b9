/** The PROXY protocol's header, versions 1 (text) and 2 (binary): whose connection a proxy hands on. */
import { isIP, isIPv4 } from 'node:net';
import { MalformedPacket } from './packet-reader.ts';

export interface ProxyHeader {
  /** Bytes of the header. */
  readonly length: number;
  /** The client's address; undefined: the proxy speaks for itself (a health check), or does not know. */
  readonly client: string | undefined;
}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const V1_START = Buffer.from('PROXY ');
const V1_MAX = 107;
const V2_HEAD = 16;
/** Bytes of a header of version 2 that are waited for, its extensions included. */
const V2_MAX = 4096;
const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;

/** Reads the header that `bytes` begin with; undefined: more bytes are needed. Throws MalformedPacket. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsAlike(bytes, SIGNATURE)) return bytes.length < V2_HEAD ? undefined : binaryHeader(bytes);
  if (startsAlike(bytes, V1_START)) return textHeader(bytes);
  throw new MalformedPacket('no PROXY header');
}

/** As far as there are bytes. */
function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function textHeader(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, V1_MAX).indexOf('\r\n');
  if (end < 0) {
    if (bytes.length >= V1_MAX) throw new MalformedPacket('PROXY header without an end');
    return undefined;
  }
  const [, family, source = '', target = '', ...ports] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (family === 'UNKNOWN') return { length, client: undefined };
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1;
  const right =
    isIP(source) === version && isIP(target) === version && ports.length === 2 && ports.every((port) => isPort(port));
  if (!right) throw new MalformedPacket('PROXY header');
  return { length, client: plainAddress(source) };
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function binaryHeader(bytes: Buffer): ProxyHeader | undefined {
  const kind = bytes[12] as number;
  const family = (bytes[13] as number) >>> 4;
  const length = V2_HEAD + bytes.readUInt16BE(14);
  if (kind !== 0x20 && kind !== 0x21) throw new MalformedPacket('PROXY header of another version');
  if (length > V2_MAX) throw new MalformedPacket(`PROXY header of ${length} bytes`);
  if (bytes.length < length) return undefined;
  // LOCAL: the proxy's own connection, whatever addresses are in it.
  if (kind === 0x20) return { length, client: undefined };
  if (family === FAMILY_IPV4) return { length, client: ipv4(bytes, length) };
  if (family === FAMILY_IPV6) return { length, client: ipv6(bytes, length) };
  return { length, client: undefined };
}

function ipv4(bytes: Buffer, length: number): string {
  if (length < V2_HEAD + 12) throw new MalformedPacket('PROXY header without its addresses');
  return [...bytes.subarray(V2_HEAD, V2_HEAD + 4)].join('.');
}

function ipv6(bytes: Buffer, length: number): string {
  if (length < V2_HEAD + 36) throw new MalformedPacket('PROXY header without its addresses');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(V2_HEAD + 2 * index).toString(16));
  return plainAddress(groups.join(':'));
}

/** The shortest writing of an address; IPv4 within IPv6 as IPv4. */
function plainAddress(address: string): string {
  if (isIPv4(address)) return address;
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped === null) return short;
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)];
  return [high >>> 8, high & 0xff, low >>> 8, low & 0xff].join('.');
}
