/**
 * Statements that the parser does not understand. Where a database is one server's schema and nothing else, that server may
 * judge; everywhere else the statement is not run, but a plain syntax error is told in the server's own words.
 */
import { ServerError } from '../backend/index.ts';
import type { MeshError } from '../base/index.ts';
import { execute, type Outcome, type StatementRun } from '../execute/index.ts';
import type { CommandContext } from './session.ts';

const ER_PARSE_ERROR = 1064;

export async function notUnderstood(
  run: StatementRun,
  context: CommandContext,
  text: Buffer,
  problem: MeshError,
): Promise<Outcome> {
  const { database, backend } = context.session;
  const names = { database: database.name, tables: new Map<string, string>() };
  const source = backend.directory.defaultSource;
  if (isOneServer(context) && context.account.admin === false && run.request.kind === 'text') {
    const query = { source, text, parameters: undefined, nodeTables: [] };
    const opaque = { ...run, plan: { ...run.plan, effects: { ...run.plan.effects, opaque: true } } };
    const route = {
      target: 'one',
      role: 'primary',
      reason: 'single source',
      detail: '',
      nodes: [{ source, tables: [] }],
      nodesTotal: 1,
    } as const;
    return execute(
      opaque,
      { kind: 'forward', access: 'write', route, query, names },
      { schemaChanged: () => database.schemaChanged('not understood') },
    );
  }
  throw await syntaxJudgement(context, text, problem);
}

/** The server's own error if it finds the syntax wrong as well; else the parser's. PREPARE parses and does not execute. */
export async function syntaxJudgement(context: CommandContext, text: Buffer, problem: MeshError): Promise<Error> {
  const { backend } = context.session;
  const held = await backend.leases.takeFree(backend.directory.defaultSource);
  try {
    const prepared = text.toString('utf8');
    await held.lease.connection.prepare(prepared);
    held.lease.connection.closePrepared(prepared);
    return problem;
  } catch (error) {
    if (error instanceof ServerError) return error.errno === ER_PARSE_ERROR ? error : problem;
    held.destroy();
    return problem;
  } finally {
    await held.done();
  }
}

/** Exactly one source, without replicas, and no sharded or broadcast table. */
function isOneServer(context: CommandContext): boolean {
  const { rules } = context.session.database;
  if (rules.shardSources.length !== 1 || rules.groups.size > 0) return false;
  for (const table of rules.tables.values()) if (table.kind !== 'single') return false;
  return true;
}
