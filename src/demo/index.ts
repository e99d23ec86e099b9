/** The demo: private real servers, the sidecar and a sample shop in one command. Its servers serve the tests too. */

export { pickPort, portIsFree } from './free-port.ts';
export { runDemo } from './run-demo.ts';
export { type Account, grantSchemas, makeTransactionTables } from './server-accounts.ts';
export { findProgram, findServer, type ServerBinary } from './server-binary.ts';
export { type ServerOptions, type ServerProcess, startServerProcess } from './server-process.ts';
export { followPrimary, waitForReplica } from './server-replica.ts';
export { type SidecarOptions, type SidecarProcess, startSidecar } from './sidecar-process.ts';
