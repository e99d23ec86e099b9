/** A statement as transaction coordinators that watch statements are told of it. */
import type { Access, ShardQuery } from '../plan/index.ts';
import type { BranchStatement } from '../transaction/index.ts';
import type { StatementRun } from './statement-run.ts';

export function branchStatement(
  run: StatementRun,
  query: ShardQuery,
  access: Access,
  timestamp?: string,
): BranchStatement {
  const { request, plan, state } = run;
  const parameters = request.kind === 'prepared' ? { values: request.parameters, source: request.source } : undefined;
  return { plan, query, access, parameters, settings: state.settings, timestamp };
}
