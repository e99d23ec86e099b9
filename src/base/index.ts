/** The ground floor: errors, time, bounded maps, reads of sockets. */

export { type Clock, systemClock } from './clock.ts';
export { type ErrorCode, type ErrorRow, errorTable } from './error-table.ts';
export { isLoopback } from './loopback.ts';
export { Lru } from './lru.ts';
export type { Machine, Step } from './machine.ts';
export { MeshError } from './mesh-error.ts';
export { ownCopies, ownCopy } from './own-copy.ts';
export { branchIdMax, branchIdProblem, branchPattern, gidMax, gidProblem } from './service-names.ts';
export {
  localCounters,
  localShare,
  type Share,
  type SharedCounters,
  type SharedEntry,
  type SharedHandler,
  type SharedPosition,
  type SharedTopic,
  type SharedTopics,
  SharedValues,
} from './share.ts';
export { adoptSocket, connectSocket, giveBack } from './socket-reading.ts';
export { type TransactionType, transactionTypeOf, transactionTypes } from './transaction-type.ts';
export { unreachable } from './unreachable.ts';
