/** KILL and COM_PROCESS_KILL: ends another session of the mesh, or what it is running. */
import { MeshError } from '../base/index.ts';
import type { CommandContext } from './session.ts';

/** Users may kill their own sessions, admins all. */
export async function runKill(context: CommandContext, target: 'connection' | 'query', id: bigint): Promise<void> {
  const { session, account, reply } = context;
  const victim = session.share.sessions.find(Number(id));
  if (victim === undefined) throw new MeshError('ER_NO_SUCH_THREAD', { id: String(id) });
  if (!account.admin && victim.session.state.user !== session.state.user) {
    throw new MeshError('ER_KILL_DENIED_ERROR', { id: String(id) });
  }
  if (victim.session === session) {
    // Its own: nothing else runs that could be stopped.
    if (target === 'query') throw new MeshError('ER_QUERY_INTERRUPTED');
    reply.closeAfterReply = true;
    throw new MeshError('ER_CONNECTION_KILLED');
  }
  // An idle session has nothing to be interrupted; its next statement must not be hit.
  if (victim.session.running !== undefined) await victim.session.backend.interrupt();
  if (target === 'connection') victim.kill();
  reply.done();
}
