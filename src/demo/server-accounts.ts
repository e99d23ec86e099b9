/** The least-privilege account with which the sidecar works on a server, the schemas that it may use, and the tables of transactions. */
import { initStatements, meshSchema, randomName } from '../transaction/index.ts';
import type { ServerProcess } from './server-process.ts';

/** What the sidecar needs on each schema that holds shards: no administration, no other schema. */
const schemaPrivileges = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'CREATE',
  'DROP',
  'ALTER',
  'INDEX',
  'REFERENCES',
  'CREATE VIEW',
  'SHOW VIEW',
  'CREATE TEMPORARY TABLES',
  'LOCK TABLES',
  'EXECUTE',
  'TRIGGER',
  'CREATE ROUTINE',
  'ALTER ROUTINE',
].join(', ');

const quoteName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
const quoteText = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

/** What the sidecar needs to keep transactions over several servers together. */
const transactionGrants = (server: ServerProcess, who: string): readonly string[] => [
  `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON ${meshSchema}.* TO ${who}`,
  ...(server.binary.kind === 'mysql' ? [`GRANT XA_RECOVER_ADMIN ON *.* TO ${who}`] : []),
];

export interface Account {
  readonly user: string;
  readonly password: string;
}

/** Makes the tables of transactions, as `shardmesh init-transactions` does; they may be there already. */
export const makeTransactionTables = async (server: ServerProcess): Promise<void> => {
  await server.execute(...initStatements(randomName(8)));
};

/**
 * Creates the schemas and the account if they are missing and grants the account its privileges on them.
 * Connections of one account may always kill each other, so PROCESS is not needed; replica lag needs one global privilege.
 */
export const grantSchemas = async (
  server: ServerProcess,
  account: Account,
  schemas: readonly string[],
): Promise<void> => {
  const who = `${quoteText(account.user)}@'%'`;
  const lag = server.binary.kind === 'mariadb' ? 'SLAVE MONITOR, BINLOG MONITOR' : 'REPLICATION CLIENT';
  await server.execute(
    `CREATE USER IF NOT EXISTS ${who} IDENTIFIED BY ${quoteText(account.password)}`,
    `GRANT ${lag} ON *.* TO ${who}`,
    ...transactionGrants(server, who),
    ...schemas.flatMap((schema) => [
      `CREATE DATABASE IF NOT EXISTS ${quoteName(schema)}`,
      `GRANT ${schemaPrivileges} ON ${quoteName(schema)}.* TO ${who}`,
    ]),
  );
};
