/** Listen addresses: `host:port`, `[::1]:port`, `unix:/path`. */
import type { ListenAddress } from '../mesh-config.ts';

/** Answers a text that says what is wrong. A port alone listens on loopback. */
export function readAddress(text: string): ListenAddress | string {
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    if (!path.startsWith('/')) return `'${text}': a socket path starts with /`;
    if (Buffer.byteLength(path) > 107) return `'${text}': a socket path has at most 107 bytes`;
    return Object.freeze({ kind: 'unix', path });
  }
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:\s]+):)?(\d{1,5})$/.exec(text);
  if (match === null) return `'${text}' is no address; 127.0.0.1:3307, [::1]:3307 and unix:/path are`;
  const port = Number(match[2]);
  if (port > 65_535) return `'${text}': a port is a number up to 65535`;
  return Object.freeze({ kind: 'tcp', host: (match[1] ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1'), port });
}
