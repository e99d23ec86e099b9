/** Reads `mysql://host:port/schema?...` and the JDBC spellings of it. */
import type { SourceTls } from '../types.ts';

export interface SourceUrl {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly socketPath: string | undefined;
  readonly tls: SourceTls['mode'] | undefined;
}

const sslModes: Readonly<Record<string, SourceTls['mode']>> = {
  DISABLED: 'disabled',
  DISABLE: 'disabled',
  PREFERRED: 'preferred',
  REQUIRED: 'required',
  TRUST: 'required',
  VERIFY_CA: 'verify-ca',
  'VERIFY-CA': 'verify-ca',
  VERIFY_IDENTITY: 'verify-identity',
  'VERIFY-FULL': 'verify-identity',
};

/** Answers a text that says what is wrong; the text never repeats the URL, which may hold a password. */
export function readSourceUrl(url: string): SourceUrl | string {
  const plain = url.trim().replace(/^jdbc:/i, '');
  const match =
    /^(mysql|mariadb):\/\/(?:([^@/?]*)@)?(\[[0-9a-fA-F:.]+\]|[^:/?,]*)(?::([^/?,]*))?(?:\/([^?]*))?(?:\?(.*))?$/i.exec(
      plain,
    );
  if (match === null) {
    if (/^(?:mysql|mariadb):\/\/[^/]*,/i.test(plain))
      return 'several hosts in one URL are not supported; write a data source for each and group them with !READWRITE_SPLITTING';
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(plain)?.[1];
    if (scheme !== undefined && !/^(?:mysql|mariadb)$/i.test(scheme))
      return `scheme '${scheme}:' is not supported; only MySQL and MariaDB are`;
    return 'a URL has the form mysql://host:port/schema';
  }
  const [, , credentials, hostPart, portText, databasePart, query] = match;
  const port = portText === undefined ? 3306 : Number(portText);
  if (!/^\d*$/.test(portText ?? '') || !Number.isInteger(port) || port < 1 || port > 65_535)
    return `port '${portText}' is no number from 1 to 65535`;
  const database = decode(databasePart ?? '');
  if (database === undefined || database === '') return 'the URL names no schema: mysql://host:port/schema';
  if (database.includes('/')) return 'the schema has a / in it';
  const parameters = new Map<string, string>();
  for (const pair of (query ?? '').split('&')) {
    const equals = pair.indexOf('=');
    if (equals > 0) parameters.set(pair.slice(0, equals).toLowerCase(), decode(pair.slice(equals + 1)) ?? '');
  }
  const colon = credentials?.indexOf(':') ?? -1;
  const tls = tlsOf(parameters);
  if (typeof tls === 'object') return tls.problem;
  return {
    host: (hostPart ?? '').replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port,
    database,
    username: credentials === undefined ? undefined : decode(colon < 0 ? credentials : credentials.slice(0, colon)),
    password: credentials === undefined || colon < 0 ? undefined : decode(credentials.slice(colon + 1)),
    socketPath: parameters.get('socket') ?? parameters.get('localsocket'),
    tls,
  };
}

function tlsOf(parameters: ReadonlyMap<string, string>): SourceTls['mode'] | undefined | { problem: string } {
  const mode = parameters.get('sslmode');
  if (mode !== undefined)
    return (
      sslModes[mode.toUpperCase()] ?? {
        problem: `sslMode '${mode}' is not known; ${Object.keys(sslModes).join(', ')} are`,
      }
    );
  const use = parameters.get('usessl')?.toLowerCase();
  if (use === undefined) return undefined;
  if (use !== 'true') return 'disabled';
  if (parameters.get('verifyservercertificate')?.toLowerCase() === 'true') return 'verify-ca';
  return parameters.get('requiressl')?.toLowerCase() === 'true' ? 'required' : 'preferred';
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
