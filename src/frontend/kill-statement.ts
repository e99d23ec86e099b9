/** KILL and COM_PROCESS_KILL: ends another session of the mesh, or what it is running, whichever worker has it. */
import { MeshError } from '../base/index.ts';
import type { CommandContext } from './session.ts';
import type { SessionDirectory } from './session-directory.ts';

/** Users may kill their own sessions, admins all. */
export interface KillOrder {
  readonly id: number;
  readonly target: 'connection' | 'query';
  readonly user: string;
  readonly admin: boolean;
}
export type KillOutcome = 'done' | 'denied' | 'unknown';

export async function runKill(context: CommandContext, target: 'connection' | 'query', id: bigint): Promise<void> {
  const { session, account, reply } = context;
  const { sessions, mesh } = session.share;
  const order = { id: Number(id), target, user: session.state.user, admin: account.admin };
  if (sessions.find(order.id)?.session === session) {
    // Its own: nothing else runs that could be stopped.
    if (target === 'query') throw new MeshError('ER_QUERY_INTERRUPTED');
    reply.closeAfterReply = true;
    throw new MeshError('ER_CONNECTION_KILLED');
  }
  const here = await killSession(sessions, order);
  const outcome = here === 'unknown' ? await mesh.kill(order) : here;
  if (outcome === 'unknown') throw new MeshError('ER_NO_SUCH_THREAD', { id: String(id) });
  if (outcome === 'denied') throw new MeshError('ER_KILL_DENIED_ERROR', { id: String(id) });
  reply.done();
}

/** Of this worker's sessions. */
export async function killSession(sessions: SessionDirectory, order: KillOrder): Promise<KillOutcome> {
  const victim = sessions.find(order.id);
  if (victim === undefined) return 'unknown';
  if (!order.admin && victim.session.state.user !== order.user) return 'denied';
  // An idle session has nothing to be interrupted; its next statement must not be hit.
  if (victim.session.running !== undefined) await victim.session.backend.leases.interrupt();
  if (order.target === 'connection') victim.kill();
  return 'done';
}
