/**
 * How a best-effort transaction commits, as a pure machine.
 *
 * The home commits what it wrote and, in the same local transaction, one outbox row for each other source: this decides. Each other
 * source then commits its open branch with an inbox row. What does not get there stays in the outbox for the relay.
 */
import type { Machine } from '../../base/index.ts';

export type CommitState =
  | { readonly kind: 'deciding'; readonly targets: number }
  /** The answer to the decision was lost. */
  | { readonly kind: 'asking' }
  | { readonly kind: 'delivering'; readonly due: readonly number[]; readonly left: boolean }
  | {
      readonly kind: 'ended';
      /** `unknown`: the home cannot be asked; it either has all of it or nothing. */
      readonly outcome: 'committed' | 'rolled back' | 'unknown';
    };

export type CommitEvent =
  | { readonly kind: 'decided' }
  /** The home has refused and nothing of it is left there. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'found' }
  /** Not there, and barred from getting there. */
  | { readonly kind: 'barred' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'delivered'; readonly target: number }
  | { readonly kind: 'undelivered'; readonly target: number };

export type CommitEffect =
  /** Commit the home with the outbox rows: decided, refused or unanswered. */
  | { readonly kind: 'decide' }
  /** Ask the home anew, barring the decision if it is not there: found, barred or unreachable. */
  | { readonly kind: 'ask' }
  /** Commit the branch with its inbox row: delivered (also if the relay was faster) or undelivered. Side by side. */
  | { readonly kind: 'deliver'; readonly target: number }
  /** Delete the outbox row: it was delivered. May fail: the relay then finds the inbox row. */
  | { readonly kind: 'forget'; readonly target: number }
  /** Roll every branch but the home's back. */
  | { readonly kind: 'roll back' }
  /** Tell the relay that there is something in the outbox. */
  | { readonly kind: 'hand over' };

export const beginCommit = (targets: number): CommitState => ({ kind: 'deciding', targets });

/** The event of the machine's start is implied: whoever begins carries out `decide` first. */
export const commitMachine: Machine<CommitState, CommitEvent, CommitEffect> = (state, event) => {
  switch (state.kind) {
    case 'deciding':
      switch (event.kind) {
        case 'decided': {
          const due = Array.from({ length: state.targets }, (_, target) => target);
          return {
            next: { kind: 'delivering', due, left: false },
            effects: due.map((target) => ({ kind: 'deliver', target })),
          };
        }
        case 'refused':
          return { next: { kind: 'ended', outcome: 'rolled back' }, effects: [{ kind: 'roll back' }] };
        case 'unanswered':
          // The branches are let go: if the home has decided, the relay writes what they held.
          return { next: { kind: 'asking' }, effects: [{ kind: 'roll back' }, { kind: 'ask' }] };
        default:
          return { next: state, effects: [] };
      }
    case 'asking':
      switch (event.kind) {
        case 'found':
          return { next: { kind: 'ended', outcome: 'committed' }, effects: [{ kind: 'hand over' }] };
        case 'barred':
          return { next: { kind: 'ended', outcome: 'rolled back' }, effects: [] };
        case 'unreachable':
          return { next: { kind: 'ended', outcome: 'unknown' }, effects: [{ kind: 'hand over' }] };
        default:
          return { next: state, effects: [] };
      }
    case 'delivering': {
      if (event.kind !== 'delivered' && event.kind !== 'undelivered') return { next: state, effects: [] };
      if (!state.due.includes(event.target)) return { next: state, effects: [] };
      const due = state.due.filter((target) => target !== event.target);
      const left = state.left || event.kind === 'undelivered';
      const effects: CommitEffect[] = event.kind === 'delivered' ? [{ kind: 'forget', target: event.target }] : [];
      if (due.length > 0) return { next: { kind: 'delivering', due, left }, effects };
      if (left) effects.push({ kind: 'hand over' });
      return { next: { kind: 'ended', outcome: 'committed' }, effects };
    }
    case 'ended':
      return { next: state, effects: [] };
  }
};
