export type { Branch } from './branch.ts';
export { type CommitProtocol, localProtocol, rollbackAll } from './commit-protocol.ts';
export { Transaction } from './transaction.ts';
