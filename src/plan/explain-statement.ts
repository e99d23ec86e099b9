/** EXPLAIN: the mesh's own answer (FORMAT=MESH), or the server's for statements that run in one place. */
import { MeshError } from '../base/index.ts';
import type { Statement } from '../sql/index.ts';
import type { CompileInner } from './compile.ts';
import type { Binding } from './compiled-plan.ts';
import type { PlanBuilder } from './plan-builder.ts';
import type { Action, KeySupply } from './types.ts';

export function compileExplain(
  statement: Extract<Statement, { kind: 'explain' }>,
  builder: PlanBuilder,
  compileInner: CompileInner,
): Binding {
  const inner = statement.statement;
  if (inner === undefined)
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'EXPLAIN FOR CONNECTION',
      reason: 'connection ids belong to the mesh',
    });
  const mesh = statement.format === 'MESH';
  if (mesh) builder.text.confine(inner);
  const binding = compileInner(inner);
  const explained = (action: Action): Action => {
    if (mesh) return { kind: 'explain', format: 'mesh', of: action };
    // The text of the inner binding is the whole text, EXPLAIN included.
    if (action.kind === 'forward') return { ...action, access: statement.analyze ? action.access : 'read' };
    if (action.kind === 'refuse') return action;
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'EXPLAIN of a statement on several nodes',
      reason: 'use EXPLAIN FORMAT=MESH to see its parts',
    });
  };
  return {
    kind: 'explain',
    bind(input) {
      const quiet = mesh ? { ...input, keys: withoutDrawing(input.keys) } : input;
      const action = binding.bind(quiet);
      return action instanceof Promise ? action.then(explained) : explained(action);
    },
  };
}

/** Explaining asks lookup tables but uses up no keys. */
function withoutDrawing(keys: KeySupply): KeySupply {
  const lookUp = keys.lookUp?.bind(keys);
  return {
    take: (_generator, count) => Array.from({ length: count }, () => 0n),
    ...(lookUp === undefined ? {} : { lookUp }),
  };
}
