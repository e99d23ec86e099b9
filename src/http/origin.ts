/** Who can reach an address, and which host a URL or a Host header names. */
import { isIP } from 'node:net';
import type { ListenAddress } from '../rules/index.ts';

/** Whether only this machine can reach it. */
export function isLoopback(address: ListenAddress): boolean {
  if (address.kind === 'unix') return true;
  const host = address.host.replace(/^\[|\]$/g, '').toLowerCase();
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The host of a URL, lower-cased, without brackets. */
export function hostOf(url: string): string | undefined {
  try {
    const name = new URL(url).hostname.toLowerCase();
    return name === '' ? undefined : name.replace(/^\[|\]$/g, '');
  } catch {
    return undefined;
  }
}
