/** Which addresses only this machine can reach. */
import { isIP } from 'node:net';

/** Whether only this machine can reach it. */
export function isLoopback(
  address:
    | { readonly kind: 'tcp'; readonly host: string; readonly port?: number }
    | { readonly kind: 'unix'; readonly path?: string },
): boolean {
  if (address.kind === 'unix') return true;
  const host = address.host.replace(/^\[|\]$/g, '').toLowerCase();
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
