/** The value of an expression that only the mesh can compute (subqueries over shards, session functions), as a literal. */
import { ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { execute, MemoryReply, type ShardAction, textRequest, valueLiteral } from '../execute/index.ts';
import { bind, compile } from '../plan/index.ts';
import { noHints } from '../rules/index.ts';
import { FingerprintBuffer, fingerprint } from '../sql/index.ts';
import { type ColumnDefinition, ColumnFlag } from '../wire/index.ts';
import { checkPrivileges } from './accounts.ts';
import type { CommandContext } from './session.ts';
import { sessionEnvironment } from './session-environment.ts';
import { factsOf } from './session-facts.ts';
import { statementRun } from './shard-run.ts';
import { lexPlain } from './statement-text.ts';

/** Rejects with MeshError or ServerError, also with 1242 for several rows. */
export async function meshValue(context: CommandContext, expression: Buffer): Promise<string> {
  const [row, columns] = await meshRow(
    context,
    Buffer.concat([
      Buffer.from('SELECT v, HEX(v), CHARSET(v), COLLATION(v) FROM (SELECT ('),
      expression,
      Buffer.from(') AS v) AS shardmesh_value'),
    ]),
  );
  const [value, hex, charset, collation] = row.map((field) => field?.toString('latin1') ?? null);
  return valueLiteral({
    type: columns[0]?.type ?? 0,
    unsigned: ((columns[0]?.flags ?? 0) & ColumnFlag.UNSIGNED) !== 0,
    value: value ?? null,
    hex: hex ?? '',
    charset: charset ?? '',
    collation: collation ?? '',
  });
}

/** The one row that a query of the mesh's own making answers, and the definitions of its columns. */
async function meshRow(
  context: CommandContext,
  sql: Buffer,
): Promise<[row: readonly (Buffer | null)[], columns: readonly ColumnDefinition[]]> {
  const { session, account } = context;
  const { share, state } = session;
  const environment = sessionEnvironment(session);
  const tokens = lexPlain(share.lexer, sql, environment.mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  const plan = compile({ tokens, fingerprint: print, env: environment, hints: noHints });
  checkPrivileges(account, plan.privileges, state.host);
  const input = { tokens, fingerprint: print, parameters: [], facts: factsOf(session), keys: session.database.keys };
  const action = await bind(plan, input);
  const memory = new MemoryReply('text', session.snapshot.limits.resultMemory);
  const run = { ...statementRun(context, plan, textRequest), reply: memory };
  await execute(run, action as ShardAction, { schemaChanged: () => Promise.resolve() });
  const { failure } = memory;
  if (failure !== undefined) throw failure instanceof MeshError ? failure : new ServerError(failure);
  const row = memory.rows[0];
  if (row === undefined) throw new MeshError('SM_INTERNAL', { message: 'a value without a row' });
  return [row, memory.columns];
}
