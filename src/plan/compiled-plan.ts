/** What a plan is inside of this room: its public face and how it is bound. */
import type { MeshError } from '../base/index.ts';
import type { ParseProblem } from '../sql/index.ts';
import type { Action, BindInput, Plan, PrepareText } from './types.ts';

/** A statement that the parser does not understand: the frontend decides by wire-and-session.md section 0 whether it is forwarded. */
export interface NotUnderstoodPlan extends Plan {
  readonly kind: 'notUnderstood';
  readonly problem: ParseProblem;
}

/** A statement that is refused for every value. */
export interface RefusePlan extends Plan {
  readonly kind: 'refuse';
  readonly error: MeshError;
}

/** How a kind of statement turns values into an action. */
export interface Binding {
  readonly kind: string;
  /** May throw MeshError: `bind` turns it into a refusal. */
  bind(input: BindInput): Action | Promise<Action>;
  /** See PrepareText; absent: the mesh answers by itself. */
  prepare?(input: BindInput): PrepareText | undefined;
}

export interface CompiledPlan extends Plan {
  readonly binding: Binding;
}
