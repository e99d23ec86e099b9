/** A session's transaction over several sources, and the protocols that commit it. */
export * from './best-effort/index.ts';
export type { Branch } from './branch.ts';
export {
  type BarrierRole,
  type BranchIdentity,
  barrierSql,
  barrierStatesSql,
  type Passage,
  passageOf,
  readBranchIdentity,
  tombstoneSql,
  verdictOf,
} from './branch-barrier.ts';
export {
  type AtomicSnapshots,
  type BranchOpening,
  type BranchResult,
  type BranchStatement,
  type CommitProtocol,
  type CommitProtocols,
  type Coordinator,
  plainOpening,
  rollbackAll,
  type TransactionScope,
} from './commit-protocol.ts';
export { localProtocol } from './local-protocol.ts';
export { randomName } from './server-identity.ts';
export { columnsOf, initStatements, type MeshTable, meshSchema, meshTables, serverTime } from './tables.ts';
export { Transaction } from './transaction.ts';
export { type OpenTransaction, TransactionDesk } from './transaction-desk.ts';
export {
  type BranchRole,
  beginCommit,
  type CommitEffect,
  type CommitEvent,
  type CommitVerdict,
  commitMachine,
} from './xa/commit-machine.ts';
export type { Hazard, SeenBranch } from './xa/recoverer.ts';
export {
  beginRecovery,
  type DecisionState,
  type RecoveryEffect,
  type RecoveryEvent,
  recoveryMachine,
} from './xa/recovery-machine.ts';
export {
  addressOf,
  judgeVersion,
  openInternal,
  readFacts,
  type ServerFacts,
  type ServerTarget,
} from './xa/server-facts.ts';
export { type OpenXaBranch, XaDesk } from './xa/xa-desk.ts';
export { XaNode, type XaNodeOptions } from './xa/xa-node.ts';
export { xaProtocol } from './xa/xa-protocol.ts';
