/** Which client addresses an account or a trusted network covers: MySQL's host part with wildcards, CIDR and netmask. */
import { BlockList, isIP } from 'node:net';

/** The host part of an account. */
export interface HostPattern {
  readonly text: string;
  /** How narrow it is: the pattern with the greatest number wins where several match. */
  readonly rank: number;
  /** It may be a name, and names of clients are not looked up: such a pattern matches nobody. */
  readonly isName: boolean;
  /** `host` is an address in text, or `localhost` for a unix socket. */
  matches(host: string): boolean;
}

const LITERAL = 2000;
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

/** `%` and `_` as in LIKE, an address, `address/bits`, `address/netmask`; `localhost` is loopback. A text says what is wrong. */
export function readHostPattern(text: string): HostPattern | string {
  const lower = text.toLowerCase();
  if (lower === '' || lower === '%') return { text, rank: -1, isName: false, matches: () => true };
  if (lower === 'localhost')
    return { text, rank: LITERAL + 1, isName: false, matches: (host) => LOOPBACK.has(host.toLowerCase()) };
  if (lower.includes('/') || isIP(lower) !== 0) return readNetwork(text);
  const expression = new RegExp(
    `^${lower
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('%', '.*')
      .replaceAll('_', '.')}$`,
  );
  const wildcard = lower.search(/[%_]/);
  return {
    text,
    rank: wildcard < 0 ? LITERAL : wildcard,
    // A pattern that an address can match holds its characters only.
    isName: /[^0-9a-f.:%_]/.test(lower) || (wildcard < 0 && isIP(lower) === 0),
    matches: (host) => expression.test(host.toLowerCase()),
  };
}

/** An address or a network of addresses: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fd00::/8`. A text says what is wrong. */
export function readNetwork(text: string): HostPattern | string {
  const [address = '', length, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0)
    return `'${text}' is no network; 10.0.0.0/8, 10.0.0.0/255.0.0.0 and fd00::/8 are`;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const width = version === 4 ? 32 : 128;
  const bits = length === undefined ? width : prefixBits(length, version);
  if (bits === undefined || bits > width) return `'${text}': '${length}' is neither a number of bits nor a netmask`;
  if (version === 4 && numberOf(address) % 2 ** (32 - bits) !== 0)
    return `'${text}': '${address}' is not where a network of ${bits} bits begins`;
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return {
    text,
    // Below literal names and addresses, above all wildcards; longer prefixes first.
    rank: bits === width ? LITERAL : 1000 + bits,
    isName: false,
    matches: (host) => {
      const kind = isIP(host);
      return kind !== 0 && list.check(host, kind === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

function prefixBits(text: string, version: number): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  if (version !== 4 || isIP(text) !== 4) return undefined;
  const ones = numberOf(text).toString(2).padStart(32, '0');
  return /^1*0*$/.test(ones) ? ones.lastIndexOf('1') + 1 : undefined;
}

/** An IPv4 address as a number. */
function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
