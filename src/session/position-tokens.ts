/** Positions as texts that clients carry from one session to another, signed so that only what a sidecar wrote is believed. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { MeshError } from '../base/index.ts';

/** What a token says of one cluster; `unknown`: only its primary is sure to show it. */
export interface HandedPosition {
  readonly cluster: string;
  readonly gtids: string | 'unknown';
}

/** What a token says. */
export interface Handed {
  readonly positions: readonly HandedPosition[];
  /** There is more than is listed: only primaries are sure to show it. */
  readonly more: boolean;
}

/** Characters of a token at most; what does not fit is told as unknown. */
export const TOKEN_MAX = 4096;

const VERSION = 'p1';
const MAC_BYTES = 16;
const nothing: Handed = { positions: [], more: false };

export class PositionTokens {
  readonly #key: () => Buffer;
  readonly #clusters: () => Iterable<string>;

  /** `key`: the installation's; `clusters`: those of the configuration in force. Both are asked each time. */
  constructor(key: () => Buffer, clusters: () => Iterable<string>) {
    this.#key = key;
    this.#clusters = clusters;
  }

  /** Empty if there is nothing to tell. */
  write({ positions, more }: Handed): string {
    const entries = positions.map(({ cluster, gtids }) => `${nameOf(cluster)}=${gtids === 'unknown' ? '' : gtids}`);
    if (more) entries.push('*');
    if (entries.length === 0) return '';
    const token = this.#signed(entries.join(';'));
    return token.length <= TOKEN_MAX ? token : this.#signed('*');
  }

  /** Throws ER_WRONG_VALUE_FOR_VAR (1231) for what no sidecar of this installation has written. */
  read(token: string): Handed {
    if (token === '') return nothing;
    const [version, body, mac, rest] = token.length > TOKEN_MAX ? [] : token.split('.');
    if (version !== VERSION || body === undefined || mac === undefined || rest !== undefined) throw wrong(token);
    const given = Buffer.from(mac, 'base64url');
    if (given.length !== MAC_BYTES || !timingSafeEqual(given, this.#mac(body))) throw wrong(token);
    const names = new Map([...this.#clusters()].map((cluster) => [nameOf(cluster), cluster]));
    const positions: HandedPosition[] = [];
    let more = false;
    for (const entry of Buffer.from(body, 'base64url').toString('latin1').split(';')) {
      const equals = entry.indexOf('=');
      const cluster = names.get(entry.slice(0, Math.max(0, equals)));
      // Servers that this configuration does not have, or knows by other addresses.
      if (cluster === undefined) more = true;
      else positions.push({ cluster, gtids: entry.slice(equals + 1) || 'unknown' });
    }
    return { positions, more };
  }

  #signed(text: string): string {
    const body = Buffer.from(text, 'latin1').toString('base64url');
    return `${VERSION}.${body}.${this.#mac(body).toString('base64url')}`;
  }

  #mac(body: string): Buffer {
    return createHmac('sha256', this.#key()).update(`${VERSION}.${body}`).digest().subarray(0, MAC_BYTES);
  }
}

/** Short, and silent about addresses. */
function nameOf(cluster: string): string {
  return createHash('sha256').update(cluster).digest('base64url').slice(0, 12);
}

function wrong(token: string): MeshError {
  return new MeshError('ER_WRONG_VALUE_FOR_VAR', { name: 'shardmesh_position', value: token.slice(0, 64) });
}
