/** Runs actions on the leases of a session: one file per kind of action. */

export type { ClientFile } from './client-file.ts';
export { connectOptions } from './connect-options.ts';
export { deliveryGround, ownSource } from './delivery-ground.ts';
export { describeTable } from './describe-table.ts';
export { type Aftermath, execute, type ShardAction } from './executor.ts';
export { clientError, endsTransaction } from './faults.ts';
export { lookupTables } from './lookup-tables.ts';
export { MemoryReply } from './memory-reply.ts';
export { logicalColumn, logicalMessage } from './name-mapping.ts';
export { readSystemVariables, readUserVariables, valueLiteral } from './read-back.ts';
export { ReplicaSets } from './replica-sets.ts';
export type { ErrorValues, OkValues, Reply } from './reply.ts';
export { ruleSources } from './rule-sources.ts';
export { scratchColumns } from './run-scratch.ts';
export type { StatementLease } from './running-lease.ts';
export { serverTargets } from './server-targets.ts';
export { SessionBackend } from './session-backend.ts';
export { type ClientRequest, textRequest } from './shard-request.ts';
export type { SourceDirectory } from './source-directory.ts';
export { SourcePools } from './source-pools.ts';
export { StatementMeter, TransactionTally } from './statement-meter.ts';
export { type Outcome, quietOutcome, type StatementRun } from './statement-run.ts';
export { runForOk } from './write-answer.ts';
export { writeLocalRows } from './write-rows.ts';
