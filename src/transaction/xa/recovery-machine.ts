/**
 * What is to become of one prepared branch that a server lists, as a pure function. Any process may run it, several at once: the
 * decision's primary key on the commit-point server is the arbiter, so a wrong guess about an owner only causes a clean rollback.
 */
import type { Machine } from '../../base/index.ts';

/** What the decision's row says; `none`: there is no row; `unknown`: it cannot be read or claimed now. */
export type DecisionState = 'committed' | 'rolled back' | 'none' | 'unknown';

export interface RecoveryFacts {
  /** The process that began the transaction has not been heard of for long. */
  readonly ownerGone: boolean;
  /** So old that its decision might have been forgotten: never rolled back for want of one. */
  readonly tooOld: boolean;
  /** Its session may be killed if it is still attached to it. */
  readonly mayKill: boolean;
}

export interface RecoveryState {
  readonly facts: RecoveryFacts;
  readonly phase: 'reading' | 'claiming' | 'ending' | 'killing' | 'checking' | 'over';
  readonly decision: 'committed' | 'rolled back' | undefined;
  readonly kills: number;
}

export type RecoveryEvent =
  | { readonly kind: 'begin' }
  | { readonly kind: 'decision'; readonly state: DecisionState }
  /** `attached`: still listed, so its session lives; `gone`: listed no more; `unchanged`: rolled back by its server, nothing was in it. */
  | { readonly kind: 'ended'; readonly how: 'done' | 'attached' | 'gone' | 'unchanged' | 'failed' }
  | { readonly kind: 'killed'; readonly done: boolean }
  | { readonly kind: 'mark'; readonly present: boolean };

export type RecoveryEffect =
  | { readonly kind: 'read decision' }
  /** Claims "rolled back" unless there is a decision, and reads it. */
  | { readonly kind: 'claim' }
  | { readonly kind: 'end'; readonly verdict: 'committed' | 'rolled back' }
  | { readonly kind: 'kill' }
  /** Whether what the branch wrote is there. */
  | { readonly kind: 'check mark' }
  /** An operator has to look at it. */
  | { readonly kind: 'hazard'; readonly reason: 'no decision' | 'not committed' }
  /** Nothing more in this round; the branch is looked at again in the next one. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'finished' };

const KILLS_MAX = 2;

export function beginRecovery(facts: RecoveryFacts): RecoveryState {
  return { facts, phase: 'reading', decision: undefined, kills: 0 };
}

export const recoveryMachine: Machine<RecoveryState, RecoveryEvent, RecoveryEffect> = (state, event) => {
  const over = (effect: RecoveryEffect) => ({ next: { ...state, phase: 'over' as const }, effects: [effect] });
  switch (event.kind) {
    case 'begin':
      return { next: state, effects: [{ kind: 'read decision' }] };
    case 'decision': {
      if (event.state === 'committed' || event.state === 'rolled back')
        return {
          next: { ...state, phase: 'ending', decision: event.state },
          effects: [{ kind: 'end', verdict: event.state }],
        };
      if (event.state === 'unknown' || state.phase === 'claiming') return over({ kind: 'wait' });
      if (state.facts.tooOld) return over({ kind: 'hazard', reason: 'no decision' });
      if (!state.facts.ownerGone) return over({ kind: 'wait' });
      return { next: { ...state, phase: 'claiming' }, effects: [{ kind: 'claim' }] };
    }
    case 'ended':
      switch (event.how) {
        case 'done':
          return over({ kind: 'finished' });
        case 'attached':
          if (!state.facts.mayKill || state.kills >= KILLS_MAX) return over({ kind: 'wait' });
          return { next: { ...state, phase: 'killing', kills: state.kills + 1 }, effects: [{ kind: 'kill' }] };
        case 'gone':
        case 'unchanged':
          if (state.decision !== 'committed') return over({ kind: 'finished' });
          return { next: { ...state, phase: 'checking' }, effects: [{ kind: 'check mark' }] };
        case 'failed':
          return over({ kind: 'wait' });
      }
      break;
    case 'killed':
      if (!event.done || state.decision === undefined) return over({ kind: 'wait' });
      return { next: { ...state, phase: 'ending' }, effects: [{ kind: 'end', verdict: state.decision }] };
    case 'mark':
      return over(event.present ? { kind: 'finished' } : { kind: 'hazard', reason: 'not committed' });
  }
  return { next: state, effects: [] };
};
