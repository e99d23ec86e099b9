/** MESH RESOLVE: an operator's word on a transaction that does not end by itself. */
import { MeshError } from '../base/index.ts';
import type { Expression } from '../sql/index.ts';
import type { ResolveWord } from '../transaction/index.ts';
import { ownStatement } from './own-statement.ts';
import type { CommandContext } from './session.ts';

/** Rejects with MeshError or a server's error; otherwise answers OK. */
export async function runResolve(context: CommandContext, planned: Buffer): Promise<void> {
  const { statement, text } = ownStatement(context, planned);
  if (statement.kind !== 'resolve') throw new Error('a plan of MESH RESOLVE for another statement');
  const { session, account } = context;
  const read = (literal: Expression | undefined): string => (literal === undefined ? '' : wordOf(literal, text));
  const branch = read(statement.branch);
  const word: ResolveWord =
    statement.word === 'FORCE'
      ? { kind: 'force', outcome: statement.outcome === 'COMMIT' ? 'commit' : 'rollback', branch }
      : statement.word === 'SKIP'
        ? { kind: 'skip', branch }
        : { kind: lower[statement.word] };
  await session.share.mesh.resolve({
    gid: read(statement.gid),
    word,
    actor: `${account.user}@${session.state.host}`,
    reason: read(statement.reason),
  });
  context.reply.done();
}

const lower = { COMMIT: 'commit', ROLLBACK: 'rollback', RETRY: 'retry' } as const;

function wordOf(literal: Expression, text: Buffer): string {
  const quoted = /^(['"])(.*)\1$/s.exec(text.toString('utf8', literal.start, literal.end));
  if (quoted === null)
    throw new MeshError('SM_UNSUPPORTED', { what: 'MESH RESOLVE', reason: 'its names are plain strings' });
  return quoted[2] as string;
}
