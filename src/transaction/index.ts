/** A session's transaction over several sources, and the protocol that commits it. */
export type { Branch } from './branch.ts';
export { type CommitProtocol, localProtocol, rollbackAll } from './commit-protocol.ts';
export { Transaction } from './transaction.ts';
