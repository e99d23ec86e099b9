/** `users` of shardmesh.yaml: accounts and their secrets. */
import { readHostPattern } from '../host-pattern.ts';
import type { LoadPorts, MeshUser, UserSecret } from '../mesh-config.ts';
import type { MeshFile } from './mesh-schema.ts';
import { readSecret } from './read-data-sources.ts';
import { readTransactionType } from './read-transaction-type.ts';
import { redacted } from './redact.ts';
import type { Path, YamlFile } from './yaml-file.ts';

/** `databases` are the names that exist; `certain`: all rules files could be read. */
export function readUsers(
  entries: MeshFile['users'],
  yaml: YamlFile,
  folder: string,
  ports: LoadPorts,
  databases: readonly string[],
  certain: boolean,
  tls: MeshFile['tls'],
): MeshUser[] {
  const users: MeshUser[] = [];
  for (const [index, entry] of entries.entries()) {
    const path: Path = ['users', index];
    const at = entry.user.lastIndexOf('@');
    const account = {
      name: at < 0 ? entry.user : entry.user.slice(0, at),
      host: at < 0 ? '%' : entry.user.slice(at + 1),
    };
    if (account.name === '' || account.name.length > 80)
      yaml.report([...path, 'user'], 'SM_WRONG_VALUE', `'${entry.user}' names no user; write name@host`);
    if (account.host === '')
      yaml.report([...path, 'user'], 'SM_WRONG_VALUE', `'${entry.user}' has an empty host; write name@%`);
    const host = readHostPattern(account.host);
    if (typeof host === 'string') {
      yaml.report([...path, 'user'], 'SM_WRONG_VALUE', host);
      continue;
    }
    if (host.isName)
      yaml.report(
        [...path, 'user'],
        'SM_WRONG_VALUE',
        `'${account.host}' matches nobody: clients are known by their addresses, whose names are not looked up`,
        { severity: 'warning', suggestion: 'an address, a pattern like 10.%, or a network like 10.0.0.0/8' },
      );
    if (users.some((user) => user.name === account.name && user.host.text.toLowerCase() === host.text.toLowerCase())) {
      yaml.report([...path, 'user'], 'SM_DUPLICATE_NAME', `user ${account.name}@${account.host} is there twice`);
    }
    checkRequire(entry, tls, yaml, path);
    if (certain) {
      for (const [position, database] of entry.databases.entries()) {
        if (!databases.includes(database))
          yaml.reportUnknown([...path, 'databases', position], 'SM_WRONG_VALUE', 'database', database, databases);
      }
    }
    if (entry.databases.length === 0 && !entry.admin)
      yaml.report(path, 'SM_MISSING_KEY', `user '${entry.user}' may use no database`, {
        suggestion: 'add databases, or admin: true',
        severity: 'warning',
      });
    const secret = readUserSecret(entry, yaml, path, folder, ports);
    if (secret !== undefined)
      users.push(
        redacted(
          {
            name: account.name,
            host,
            secret,
            databases: Object.freeze([...entry.databases]),
            admin: entry.admin,
            require: entry.require,
            connections: entry.connections,
            transactionType: readTransactionType(entry.transactionType, yaml, [...path, 'transactionType']),
          },
          ['secret'],
        ),
      );
  }
  return users;
}

/** What no connection could fulfil is a mistake. */
function checkRequire(entry: MeshFile['users'][number], tls: MeshFile['tls'], yaml: YamlFile, path: Path): void {
  if (entry.require !== 'none' && tls === undefined)
    yaml.report([...path, 'require'], 'SM_WRONG_VALUE', `'${entry.require}' needs TLS for clients`, {
      suggestion: 'add tls: { cert: ..., key: ... }',
    });
  else if (entry.require === 'certificate' && tls?.ca === undefined)
    yaml.report([...path, 'require'], 'SM_WRONG_VALUE', 'client certificates need the authority that signs them', {
      suggestion: 'add tls.ca',
    });
}

function readUserSecret(
  entry: MeshFile['users'][number],
  yaml: YamlFile,
  path: Path,
  folder: string,
  ports: LoadPorts,
): UserSecret | undefined {
  const given = (['password', 'passwordFile', 'authenticationString'] as const).filter(
    (key) => entry[key] !== undefined,
  );
  if (given.length !== 1) {
    yaml.report(
      path,
      given.length === 0 ? 'SM_MISSING_KEY' : 'SM_WRONG_VALUE',
      given.length === 0 ? `user '${entry.user}' has no password` : `${given.join(' and ')} exclude each other`,
      {
        suggestion: 'give one of password, passwordFile, authenticationString',
      },
    );
    return undefined;
  }
  if (entry.authenticationString !== undefined) {
    const secret = parseAuthenticationString(entry.authenticationString);
    if (secret === undefined)
      yaml.report([...path, 'authenticationString'], 'SM_WRONG_VALUE', 'this is no hash that is understood', {
        suggestion: '* and 40 hex digits, or $A$005$ and 63 characters',
      });
    return secret;
  }
  const password =
    entry.passwordFile !== undefined
      ? readSecret(entry.passwordFile, yaml, [...path, 'passwordFile'], folder, ports)
      : (yaml.sourceText([...path, 'password']) ?? entry.password ?? '');
  if (password === '' && !yaml.failed)
    yaml.report(path, 'SM_WEAK_SECRET', `user '${entry.user}' has an empty password`, { severity: 'warning' });
  return redacted({ kind: 'plain' as const, password }, ['password']);
}

/** Undefined: not understood. The text is the one of MySQL's `mysql.user.authentication_string`, byte for byte. */
export function parseAuthenticationString(text: string): UserSecret | undefined {
  if (/^\*[0-9a-fA-F]{40}$/.test(text))
    return redacted({ kind: 'native' as const, hash: text.slice(1).toUpperCase() }, ['hash']);
  const match = /^\$A\$([0-9a-fA-F]{3})\$/.exec(text);
  if (match === null) return undefined;
  // The salt is 20 bytes of 7 bits, control characters among them; the digest 43 of crypt's letters.
  const rest = text.slice(match[0].length);
  const digest = rest.slice(20);
  if (rest.length !== 63 || !/^[./0-9A-Za-z]{43}$/.test(digest)) return undefined;
  const salt = Uint8Array.from(rest.slice(0, 20), (character) => character.charCodeAt(0));
  return redacted({ kind: 'sha2' as const, rounds: Number.parseInt(match[1]!, 16) * 1000, salt, digest }, [
    'salt',
    'digest',
  ]);
}
