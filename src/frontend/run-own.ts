/** Statements that are the session's own: PREPARE, EXECUTE and DEALLOCATE, and GET DIAGNOSTICS. */
import { type Outcome, quietOutcome } from '../execute/index.ts';
import { getDiagnostics } from './get-diagnostics.ts';
import { ownStatement } from './own-statement.ts';
import { deallocateNamed, executeNamed, prepareNamed } from './prepare-text.ts';
import type { CommandContext } from './session.ts';

/** What the session remembers is set here; the answer has been told. Rejects with MeshError or ServerError. */
export async function runOwn(context: CommandContext, planned: Buffer): Promise<Outcome> {
  const own = ownStatement(context, planned);
  const { statement } = own;
  if (statement.kind === 'diagnostics') await getDiagnostics(context, statement, own.text);
  else if (statement.kind === 'other') {
    switch (statement.verb) {
      case 'EXECUTE':
        return executeNamed(context, statement, own);
      case 'PREPARE':
        await prepareNamed(context, statement, own);
        break;
      default:
        deallocateNamed(context, statement);
    }
    context.session.state.rowCount = 0n;
  }
  return quietOutcome;
}
