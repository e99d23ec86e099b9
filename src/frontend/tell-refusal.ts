/** How a refusal is told: to the client, and to SHOW WARNINGS behind it. */
import { BackendFault, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { clientError } from '../execute/index.ts';
import type { SessionState } from '../session/index.ts';
import type { CommandContext } from './session.ts';

/** Tells a refusal; anything else is a bug of ours and is told as such. */
export function tell(context: CommandContext, error: unknown): undefined {
  const { state, share, backend, database } = context.session;
  if (error instanceof ServerError || error instanceof BackendFault) {
    const names = { database: database.name, tables: new Map<string, string>() };
    const values = clientError(error, backend.directory.defaultSource, names, backend.directory.physicalSchemas);
    onlyError(state, values, values.message);
    state.rowCount = -1n;
    context.reply.error(values);
    return undefined;
  }
  const refusal =
    error instanceof MeshError ? error : new MeshError('SM_INTERNAL', { message: messageOf(error) }, { cause: error });
  if (refusal !== error) share.observer.bug(error);
  onlyError(state, refusal, refusal.clientMessage);
  state.rowCount = -1n;
  context.reply.error(refusal);
  return undefined;
}

/** The session's list of warnings is this error. */
export function onlyError(
  state: SessionState,
  { errno, sqlState }: { readonly errno: number; readonly sqlState: string },
  message: string,
): void {
  state.diagnostics = [{ level: 'Error', code: errno, message, sqlState }];
  state.warningCount = 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
