/** Finds the account that a client's user name and host belong to, and what it may do. */
import { MeshError } from '../base/index.ts';
import type { Privileges } from '../plan/index.ts';
import type { MeshUser, UserSecret } from '../rules/index.ts';
import { type Credential, type CredentialStore, StaticCredentials, type UserEntry } from '../wire/index.ts';
import type { Account } from './mesh-snapshot.ts';

/** The accounts that a client from `host` may use, the narrowest host pattern of each user only. `accounts`: narrowest first. */
export function accountsFrom(accounts: readonly Account[], host: string): ReadonlyMap<string, Account> {
  const chosen = new Map<string, Account>();
  for (const account of accounts) {
    if (!chosen.has(account.user) && account.host.matches(host)) chosen.set(account.user, account);
  }
  return chosen;
}

/** The same as a credential store for the handshake. */
export function credentialsOf(accounts: ReadonlyMap<string, Account>): CredentialStore {
  const entries = new Map<string, UserEntry>();
  for (const [user, { credential, require }] of accounts) entries.set(user, { credential, require });
  return new StaticCredentials(entries);
}

/** Schemas that every user may read: the mesh shows only logical names in them. */
const OPEN_SCHEMAS = new Set(['information_schema']);

const SYSTEM_SCHEMAS = new Set(['mysql', 'performance_schema', 'sys']);

/** Throws what MySQL would say if the account may not run a statement with these needs. */
export function checkPrivileges(account: Account, needs: Privileges, clientHost: string): void {
  if (account.admin) return;
  const system = needs.schemas.find((schema) => SYSTEM_SCHEMAS.has(schema));
  if (needs.admin && system !== undefined && needs.table !== '') {
    const table = `\`${system}\`.\`${needs.table}\``;
    throw new MeshError('ER_TABLEACCESS_DENIED_ERROR', {
      command: needs.command,
      user: account.user,
      host: clientHost,
      table,
    });
  }
  if (needs.admin) throw new MeshError('ER_SPECIFIC_ACCESS_DENIED_ERROR', { privilege: needs.privilege });
  for (const schema of needs.schemas) {
    // Who may use no database has none that information_schema could tell of.
    const open = OPEN_SCHEMAS.has(schema) && account.databases.length > 0;
    if (open || (!OPEN_SCHEMAS.has(schema) && mayUse(account, schema))) continue;
    if (needs.table === '') throw databaseDenied(account, schema, clientHost);
    throw new MeshError('ER_TABLEACCESS_DENIED_ERROR', {
      command: needs.command,
      user: account.user,
      host: clientHost,
      table: `\`${schema}\`.\`${needs.table}\``,
    });
  }
}

export function mayUse(account: Account, database: string): boolean {
  if (account.admin || account.databases === 'all') return true;
  return account.databases.includes(database) || OPEN_SCHEMAS.has(database.toLowerCase());
}

export function databaseDenied(account: Account, database: string, host: string): MeshError {
  return new MeshError('ER_DBACCESS_DENIED_ERROR', { user: account.user, host, database });
}

/** The users of shardmesh.yaml as accounts, narrowest hosts first. */
export function accountsOf(users: readonly MeshUser[], requireTls: boolean): Account[] {
  return users
    .map((user) => ({
      user: user.name,
      host: user.host,
      credential: credentialOf(user.secret),
      databases: user.admin ? ('all' as const) : user.databases,
      admin: user.admin,
      require: requireTls && user.require === 'none' ? ('tls' as const) : user.require,
      connections: user.connections,
      transactionType: user.transactionType,
    }))
    .sort((a, b) => b.host.rank - a.host.rank);
}

function credentialOf(secret: UserSecret): Credential {
  switch (secret.kind) {
    case 'plain':
      return { kind: 'cleartext', password: secret.password };
    case 'native':
      return { kind: 'native', hash: Buffer.from(secret.hash, 'hex') };
    case 'sha2':
      return {
        kind: 'caching-sha2',
        stored: { rounds: secret.rounds, salt: Buffer.from(secret.salt), digest: Buffer.from(secret.digest, 'latin1') },
      };
  }
}
