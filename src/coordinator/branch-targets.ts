/** Which addresses branches may have: decided on what a name resolves to, at the moment of each connection. */
import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Loopback, link-local (with the metadata services of clouds), unspecified, multicast and shared addresses. */
const refused = new BlockList();
refused.addSubnet('127.0.0.0', 8, 'ipv4');
refused.addSubnet('0.0.0.0', 8, 'ipv4');
refused.addSubnet('169.254.0.0', 16, 'ipv4');
refused.addSubnet('100.100.100.200', 32, 'ipv4');
refused.addSubnet('192.0.0.192', 32, 'ipv4');
refused.addSubnet('224.0.0.0', 4, 'ipv4');
refused.addSubnet('240.0.0.0', 4, 'ipv4');
refused.addAddress('::', 'ipv6');
refused.addAddress('::1', 'ipv6');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addSubnet('ff00::', 8, 'ipv6');
refused.addAddress('fd00:ec2::254', 'ipv6');

/** A target that must not be called. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
}

export class BranchTargets {
  readonly #patterns: readonly RegExp[];
  /** Ports of this sidecar, on which no branch may be. */
  readonly #ownPorts: () => readonly number[];

  /** `hosts`: `name`, `*.suffix` or an address, each with or without `:port`. They may be anywhere. */
  constructor(hosts: readonly string[], ownPorts: () => readonly number[] = () => []) {
    this.#patterns = hosts.map(patternOf);
    this.#ownPorts = ownPorts;
  }

  /** Why a URL cannot be a branch, as far as its text tells; undefined: it can. */
  problem(text: string): string | undefined {
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      return `'${text.slice(0, 200)}' is not a URL`;
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      return `${url.protocol} is not called; only http and https are`;
    if (url.username !== '' || url.password !== '')
      return 'a branch URL must not carry credentials; use branch headers';
    const host = bare(url.hostname);
    return isIP(host) === 0 ? undefined : this.#addressProblem(host, host, portOf(url));
  }

  /** A name look-up for sockets to this URL that fails if it leads to a refused address. */
  lookup(url: URL): LookupFunction {
    const host = bare(url.hostname);
    return (name, options, callback) => {
      resolveName(name, { ...options, all: true }, (error, addresses) => {
        if (error !== null) {
          callback(error, '');
          return;
        }
        const good = addresses.filter(({ address }) => this.#addressProblem(host, address, portOf(url)) === undefined);
        const [first] = good;
        if (first === undefined) {
          const [bad] = addresses;
          const why =
            bad === undefined ? `${host} has no address` : this.#addressProblem(host, bad.address, portOf(url));
          callback(new TargetRefused(why ?? ''), '');
        } else if (options.all === true) callback(null, good);
        else callback(null, first.address, first.family);
      });
    };
  }

  #addressProblem(host: string, address: string, port: number): string | undefined {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const listed = this.#patterns.some(
      (pattern) => pattern.test(`${host}:${port}`) || pattern.test(`${address}:${port}`),
    );
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
    const local = plain === undefined ? refused.check(address, family) : refused.check(plain, 'ipv4');
    if (local && this.#ownPorts().includes(port) && (plain ?? address).match(/^(127\.|::1$)/) !== null)
      return `${host}:${port} is a port of this sidecar`;
    if (listed || !local) return undefined;
    return `${host} leads to ${address}, which is not called unless branchHosts lists it`;
  }
}

function patternOf(text: string): RegExp {
  const { host, port } = /^(?<host>\[.+\]|[^:]+|.*:.*:.*?)(?::(?<port>\d+))?$/.exec(text)?.groups ?? {};
  const name = bare(host ?? text)
    .toLowerCase()
    .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^:/]*');
  return new RegExp(`^${name}:${port ?? '\\d+'}$`, 'i');
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}
