/** Private database servers for tests: started on demand, gone with the test process whatever ends it. */
import {
  type Account,
  followPrimary,
  grantSchemas,
  makeTransactionTables,
  type ServerOptions,
  type ServerProcess,
  startServerProcess,
  waitForReplica,
} from '../../src/demo/index.ts';

export interface TestServerOptions extends ServerOptions {
  /** Schemas to create, on which `mesh` gets its privileges. */
  readonly schemas?: readonly string[];
  /** The tables of transactions. Default true. */
  readonly transactionTables?: boolean;
}

export type TestServer = ServerProcess;

/** The least-privilege account that every test server has. */
export const meshAccount: Account = { user: 'mesh', password: 'mesh' };

/**
 * Starts a server with the account `mesh` and the given schemas (about 0.5 s).
 * Stop it in `after()`; one that is forgotten ends with the process.
 */
export const startServer = async (options: TestServerOptions = {}): Promise<TestServer> => {
  const server = await startServerProcess(options);
  await grantSchemas(server, meshAccount, options.schemas ?? []);
  if (options.transactionTables !== false) await makeTransactionTables(server);
  return server;
};

/** Creates more schemas on a running server and grants them to `mesh`. */
export const addSchemas = async (server: TestServer, ...schemas: readonly string[]): Promise<void> => {
  await grantSchemas(server, meshAccount, schemas);
};

/** Starts a GTID replica of `primary` (which needs `binaryLog: true`) that has caught up when this returns. */
export const startReplica = async (primary: TestServer, options: ServerOptions = {}): Promise<TestServer> => {
  const replica = await startServerProcess({ binaryLog: true, readOnly: true, ...options });
  await followPrimary(replica, primary);
  await waitForReplica(replica, primary);
  return replica;
};

export { waitForReplica };
