/** Session variables of the mesh that a statement's hints set, for this statement only. */
import { MeshError } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { isMeshVariable, type MeshVariableName, meshValueOf, meshVariables, withMeshValue } from '../session/index.ts';
import type { CommandContext } from './session.ts';

/** Throws for a bad value (1231), and where the transaction in progress has another one that it must keep (1568). Answers what takes them back. */
export function setHinted(context: CommandContext, plan: Plan, variables: ReadonlyMap<string, string>): () => void {
  const { session } = context;
  const { state } = session;
  const before = state.mesh;
  const names: MeshVariableName[] = [];
  for (const [name, text] of variables) {
    if (!isMeshVariable(name)) throw new MeshError('ER_UNKNOWN_SYSTEM_VARIABLE', { name });
    const value = meshValueOf(name, text);
    if (name === 'shardmesh_position') {
      // It stays: what has been seen once is not unseen.
      session.backend.takePosition(session.backend.reads.open(value));
      continue;
    }
    if (meshVariables[name].fixedInTransaction === true && continues(context, plan) && value !== inForce(context, name))
      throw new MeshError('ER_CANT_CHANGE_TX_CHARACTERISTICS');
    names.push(name);
    state.mesh = withMeshValue(state.mesh, name, value);
  }
  return () => {
    for (const name of names) state.mesh = withMeshValue(state.mesh, name, before[name]);
  };
}

/** The statement belongs to the transaction in progress; BEGIN starts another one. */
function continues({ session }: CommandContext, plan: Plan): boolean {
  const { statement } = plan;
  return session.state.inTransaction && !(statement?.kind === 'transaction' && statement.verb === 'begin');
}

/** What the transaction in progress works with. */
function inForce({ session }: CommandContext, name: MeshVariableName): string {
  if (name === 'shardmesh_snapshot') return session.state.transaction.snapshot ?? session.state.mesh[name];
  if (name !== 'shardmesh_transaction_type') return session.state.mesh[name];
  return session.backend.transaction?.coordinator.type ?? session.state.transaction.type ?? session.state.mesh[name];
}
