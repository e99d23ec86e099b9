/**
 * How one transaction over several servers commits, as a pure function: the commit point's own COMMIT carries the decision, all
 * other writers are prepared before it and committed behind it.
 *
 * Steps, numbered as in docs/transactions.md: 1 prepare, 2 decide, 3 commit, 4 remember that all is done. Until step 2 whatever goes
 * wrong takes everything back; behind it everything is committed, by this process or by whichever recovers.
 */
import type { Machine } from '../../base/index.ts';

export type BranchRole = 'commit point' | 'participant' | 'reader';

export type BranchState =
  | 'active'
  /** Prepared, or perhaps prepared: only an outcome ends it. */
  | 'preparing'
  | 'prepared'
  /** Ended, with the outcome of the transaction. */
  | 'ended'
  /** This process cannot end it: whoever recovers its server does. */
  | 'handed over';

export type CommitPhase = 'preparing' | 'deciding' | 'asking' | 'concluding' | 'ended';

/** What is certain about the transaction as a whole. */
export type CommitVerdict = 'committed' | 'rolled back' | 'in doubt';

export interface CommitState {
  readonly phase: CommitPhase;
  readonly verdict: CommitVerdict | undefined;
  readonly branches: readonly { readonly role: BranchRole; readonly state: BranchState }[];
  /** Branches whose effects have not ended yet: an event of any other is one that was heard before. */
  readonly due: readonly number[];
}

export type CommitEvent =
  | { readonly kind: 'begin' }
  | { readonly kind: 'prepared'; readonly branch: number }
  /** `lost`: the connection went away, or gave no answer: it may be prepared. */
  | { readonly kind: 'not prepared'; readonly branch: number; readonly lost: boolean }
  | { readonly kind: 'decided' }
  /** `certain`: the server said that the decision is another, or that there was nothing to commit. */
  | { readonly kind: 'not decided'; readonly certain: boolean }
  /** What the decision's row says, asked anew; `unknown`: the server cannot be asked. */
  | { readonly kind: 'told'; readonly verdict: CommitVerdict }
  | { readonly kind: 'ended'; readonly branch: number }
  | { readonly kind: 'not ended'; readonly branch: number }
  /** A branch that was handed over is still not ended after all patience: its server is down, most likely. */
  | { readonly kind: 'left'; readonly branch: number };

export type CommitEffect =
  /** Mark and XA PREPARE. These run side by side. */
  | { readonly kind: 'prepare'; readonly branch: number }
  /** The decision's row and COMMIT, in one packet. */
  | { readonly kind: 'decide'; readonly branch: number }
  /** Claims the decision for "rolled back" unless it is there, and reads it: from a new connection. */
  | { readonly kind: 'ask'; readonly branch: number }
  | { readonly kind: 'commit'; readonly branch: number }
  | { readonly kind: 'roll back'; readonly branch: number; readonly prepared: boolean }
  /** Ends a branch that only read. */
  | { readonly kind: 'release'; readonly branch: number }
  /** Cuts the session off, so that its branch can be ended from elsewhere. */
  | { readonly kind: 'hand over'; readonly branch: number }
  /** Waits until a branch that was handed over has been committed by whoever recovers it: until then reads would miss what the client is told. */
  | { readonly kind: 'await'; readonly branch: number }
  | { readonly kind: 'answer'; readonly verdict: CommitVerdict }
  /** All branches are committed: the decision need not be kept for them. */
  | { readonly kind: 'done' };

/** `roles`: one commit point, and one participant at least: other transactions need no machine. */
export function beginCommit(roles: readonly BranchRole[]): CommitState {
  return {
    phase: 'preparing',
    verdict: undefined,
    branches: roles.map((role) => ({ role, state: 'active' })),
    due: [],
  };
}

type CommitStep = ReturnType<Machine<CommitState, CommitEvent, CommitEffect>>;

export const commitMachine: Machine<CommitState, CommitEvent, CommitEffect> = (state, event) => {
  const [point = 0] = indices(state, 'commit point');
  const branch = 'branch' in event ? event.branch : point;
  if (event.kind === 'begin') {
    const participants = indices(state, 'participant');
    return {
      next: { ...withStates(state, participants, 'preparing'), due: participants },
      effects: participants.map((each) => ({ kind: 'prepare', branch: each })),
    };
  }
  if (!state.due.includes(branch) || !expected[state.phase].includes(event.kind)) return { next: state, effects: [] };
  const heard = { ...state, due: state.due.filter((other) => other !== branch) };
  switch (event.kind) {
    case 'prepared':
      return gathered(withStates(heard, [branch], 'prepared'));
    case 'not prepared': {
      const changed = event.lost ? heard : withStates(heard, [branch], 'active');
      return gathered({ ...changed, verdict: 'rolled back' });
    }
    case 'decided':
      return concluded(withStates(heard, [point], 'ended'), 'committed');
    case 'not decided':
      if (event.certain) return concluded(heard, 'rolled back');
      return { next: { ...heard, phase: 'asking', due: [point] }, effects: [{ kind: 'ask', branch: point }] };
    case 'told':
      // Whatever the answer, the commit point's own session is gone: it was cut off before asking.
      return concluded(withStates(heard, [point], 'ended'), event.verdict);
    case 'ended':
      return settled(withStates(heard, [branch], 'ended'), []);
    case 'not ended':
      if (state.branches[branch]?.state === 'handed over') return { next: state, effects: [] };
      if (state.verdict !== 'committed')
        return settled(withStates(heard, [branch], 'handed over'), [{ kind: 'hand over', branch }]);
      return {
        next: withStates(state, [branch], 'handed over'),
        effects: [
          { kind: 'hand over', branch },
          { kind: 'await', branch },
        ],
      };
    case 'left':
      return settled(heard, []);
  }
};

const expected: Readonly<Record<CommitPhase, readonly CommitEvent['kind'][]>> = {
  preparing: ['prepared', 'not prepared'],
  deciding: ['decided', 'not decided'],
  asking: ['told'],
  concluding: ['ended', 'not ended', 'left'],
  ended: [],
};

/** When all have answered: the decision, or the end of everything. */
function gathered(state: CommitState): CommitStep {
  if (state.due.length > 0) return { next: state, effects: [] };
  if (state.verdict === 'rolled back') return concluded(state, 'rolled back');
  const [branch = 0] = indices(state, 'commit point');
  return { next: { ...state, phase: 'deciding', due: [branch] }, effects: [{ kind: 'decide', branch }] };
}

/** The verdict is carried to every branch that does not have it yet. In doubt, prepared branches stay so for whoever recovers them. */
function concluded(state: CommitState, verdict: CommitVerdict): CommitStep {
  const effects = state.branches.flatMap(({ role, state: own }, branch): CommitEffect[] => {
    if (own === 'ended') return [];
    if (role === 'reader') return [{ kind: 'release', branch }];
    if (verdict === 'in doubt') return [{ kind: 'hand over', branch }];
    return verdict === 'committed'
      ? [{ kind: 'commit', branch }]
      : [{ kind: 'roll back', branch, prepared: own !== 'active' }];
  });
  const handed = effects.flatMap((effect) => (effect.kind === 'hand over' ? [effect.branch] : []));
  const due = effects.flatMap((effect) => ('branch' in effect && effect.kind !== 'hand over' ? [effect.branch] : []));
  return settled({ ...withStates(state, handed, 'handed over'), phase: 'concluding', verdict, due }, effects);
}

/** When nothing is due any more: the answer, once. */
function settled(state: CommitState, effects: readonly CommitEffect[]): CommitStep {
  if (state.due.length > 0) return { next: state, effects };
  const verdict = state.verdict ?? 'rolled back';
  const complete = verdict === 'committed' && state.branches.every(({ state: own }) => own === 'ended');
  return {
    next: { ...state, phase: 'ended' },
    effects: [...effects, { kind: 'answer', verdict }, ...(complete ? [{ kind: 'done' } as const] : [])],
  };
}

function indices(state: CommitState, role: BranchRole): number[] {
  return state.branches.flatMap((branch, index) => (branch.role === role ? [index] : []));
}

function withStates(state: CommitState, which: readonly number[], value: BranchState): CommitState {
  return {
    ...state,
    branches: state.branches.map((branch, index) => (which.includes(index) ? { ...branch, state: value } : branch)),
  };
}
