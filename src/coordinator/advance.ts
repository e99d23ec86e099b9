/** The coordinator as a pure function: what a transaction does next, given what happened. One for all kinds. */
import type { Machine, Step } from '../base/index.ts';
import { backoffMs } from './backoff.ts';
import type { Side, TransactionDefinition } from './definition.ts';
import {
  type BranchProgress,
  type CallState,
  idleBranch,
  idleCall,
  isFinal,
  type Phase,
  type Progress,
} from './progress.ts';

/** What a call told. `unknown`: nothing certain (5xx, time-out, cut). */
export type Verdict = 'done' | 'failed' | 'ongoing' | 'unknown';

/** What an operator may order of a transaction. */
export type Order =
  | { readonly kind: 'retry' }
  /** The branch's open call counts as done, without being made. */
  | { readonly kind: 'skip'; readonly branch: string }
  /** Undo what has not been decided yet. */
  | { readonly kind: 'rollback' }
  /** Ends it here, whatever its branches are at. */
  | { readonly kind: 'force'; readonly outcome: 'succeeded' | 'failed' };

export type TransactionEvent = { readonly at: number } & (
  | { readonly kind: 'submit' }
  | { readonly kind: 'abort'; readonly reason: string }
  /** Time has passed. */
  | { readonly kind: 'tick' }
  /** Taken over: whatever was being called may have run or not. */
  | { readonly kind: 'claimed' }
  | {
      readonly kind: 'answer';
      /** -1: the question of a prepared message. */
      readonly branch: number;
      readonly side: Side;
      readonly verdict: Verdict;
      readonly detail?: string;
      /** 0 to 1, for the jitter. */
      readonly random: number;
    }
  | { readonly kind: 'order'; readonly order: Order }
);

export interface CallEffect {
  readonly kind: 'call';
  /** -1: the question of a prepared message. */
  readonly branch: number;
  readonly side: Side;
  readonly attempt: number;
}
export type Effect = CallEffect | { readonly kind: 'alert'; readonly reason: string };

/** The machine of one transaction. Branches that were registered after `progress` was made count as begun. */
export function transactionMachine(definition: TransactionDefinition): Machine<Progress, TransactionEvent, Effect> {
  const later = dependents(definition);
  return (state, event) => conclude(definition, later, react(definition, grown(definition, state), event), event.at);
}

/** By index of a branch: the indexes of all that begin only after it, directly or not. */
type Later = readonly ReadonlySet<number>[];

function dependents({ branches }: TransactionDefinition): Later {
  const later = branches.map(() => new Set<number>());
  // Branches come after earlier ones only, so the last ones are known first.
  for (let index = branches.length - 1; index >= 0; index--)
    for (const before of branches[index]?.after ?? []) {
      later[before]?.add(index);
      for (const further of later[index] ?? []) later[before]?.add(further);
    }
  return later;
}

/** When time alone will change something: the earliest of repeated calls and limits. Undefined: never. */
export function nextWake(definition: TransactionDefinition, state: Progress): number | undefined {
  const times: number[] = [];
  const { phase } = state;
  if (isFinal(phase) || phase === 'suspended') return undefined;
  const failAt = failTime(definition, state);
  if (phase === 'prepared') {
    if (state.query?.status === 'waiting') times.push(state.query.dueAt ?? 0);
    else if (failAt !== undefined && state.query?.status !== 'calling') times.push(failAt);
    return earliest(times);
  }
  if (phase === 'forward' && failAt !== undefined) times.push(failAt);
  times.push(state.phaseAt + definition.maxAgeMs);
  const startAt = state.createdAt + definition.delayMs;
  if (
    phase !== 'undo' &&
    definition.delayMs > 0 &&
    state.branches.every((branch) => opened(branch, phase).status === 'idle')
  )
    times.push(startAt);
  for (const branch of state.branches) {
    const call = opened(branch, phase);
    if (call.status === 'waiting') times.push(call.dueAt ?? 0);
  }
  return earliest(times);
}

function earliest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Whether a call may be under way. */
export function inFlight(state: Progress): number {
  let count = state.query?.status === 'calling' ? 1 : 0;
  for (const { forward, settle: second } of state.branches)
    count += (forward.status === 'calling' ? 1 : 0) + (second.status === 'calling' ? 1 : 0);
  return count;
}

function opened(branch: BranchProgress, phase: Phase): CallState {
  return phase === 'forward' ? branch.forward : branch.settle;
}

function grown(definition: TransactionDefinition, state: Progress): Progress {
  if (state.branches.length >= definition.branches.length) return state;
  return { ...state, branches: definition.branches.map((_, index) => state.branches[index] ?? idleBranch) };
}

function failTime(definition: TransactionDefinition, state: Progress): number | undefined {
  return definition.failAfterMs === 0 ? undefined : state.createdAt + definition.failAfterMs;
}

// -- what an event changes --

function react(definition: TransactionDefinition, state: Progress, event: TransactionEvent): Progress {
  switch (event.kind) {
    case 'submit':
      if (state.phase !== 'prepared') return state;
      return enter(
        state,
        definition.kind === 'saga' || !definition.external ? firstPhase(definition) : 'complete',
        event.at,
      );
    case 'abort':
      if (state.phase === 'prepared' && definition.kind === 'message')
        return { ...enter(state, 'failed', event.at), reason: event.reason };
      if (state.phase === 'prepared' || state.phase === 'forward') return undoing(state, event.reason, event.at);
      return state;
    case 'tick':
      return state;
    case 'claimed':
      return {
        ...state,
        ...(state.query === undefined ? {} : { query: repeated(state.query, event.at) }),
        branches: state.branches.map(({ forward, settle: second }) => ({
          forward: repeated(forward, event.at),
          settle: repeated(second, event.at),
        })),
      };
    case 'answer':
      return event.branch < 0 ? answeredQuery(definition, state, event) : answered(definition, state, event);
    case 'order':
      return ordered(definition, state, event.order, event.at);
  }
}

/** Messages have no forward part: what was submitted is to be completed. */
function firstPhase(definition: TransactionDefinition): Phase {
  return definition.kind === 'message' ? 'complete' : 'forward';
}

function repeated(call: CallState, at: number): CallState {
  return call.status === 'calling' ? { ...call, status: 'waiting', dueAt: at } : call;
}

function enter(state: Progress, phase: Phase, at: number): Progress {
  const { resume: _, ...rest } = state;
  return { ...rest, phase, phaseAt: at };
}

function undoing(state: Progress, reason: string, at: number): Progress {
  return { ...enter(state, 'undo', at), reason };
}

function suspended(state: Progress, reason: string, at: number): Progress {
  if (state.phase === 'suspended' || isFinal(state.phase)) return state;
  return { ...state, phase: 'suspended', resume: state.phase, reason, phaseAt: at };
}

type Answer = Extract<TransactionEvent, { kind: 'answer' }>;

function answered(definition: TransactionDefinition, state: Progress, event: Answer): Progress {
  const branch = state.branches[event.branch];
  const defined = definition.branches[event.branch];
  if (branch === undefined || defined === undefined) return state;
  const forward = event.side === 'forward';
  const before = forward ? branch.forward : branch.settle;
  // An answer to a call that is not open any more (an operator skipped it) changes nothing.
  if (before.status !== 'calling') return state;
  const after = callAfter(definition, before, event);
  const next: Progress = {
    ...state,
    branches: state.branches.with(event.branch, forward ? { ...branch, forward: after } : { ...branch, settle: after }),
  };
  const what = `${defined.id} ${event.side}`;
  if (forward) {
    if (state.phase !== 'forward') return next;
    if (event.verdict === 'failed') return undoing(next, event.detail ?? `branch ${what} failed`, event.at);
    const { forwardLimit } = definition.retry;
    if (event.verdict === 'unknown' && forwardLimit > 0 && after.attempts > forwardLimit)
      return undoing(next, `branch ${what}: no success after ${after.attempts} calls: ${event.detail ?? ''}`, event.at);
    return next;
  }
  if (event.verdict === 'failed')
    return suspended(next, `branch ${what} answered 409, which it must not: ${event.detail ?? ''}`, event.at);
  const { settleLimit } = definition.retry;
  if (event.verdict === 'unknown' && settleLimit > 0 && after.attempts >= settleLimit)
    return suspended(next, `branch ${what}: no success after ${after.attempts} calls: ${event.detail ?? ''}`, event.at);
  return next;
}

function callAfter(definition: TransactionDefinition, call: CallState, event: Answer): CallState {
  const { error: _, dueAt: __, ...rest } = call;
  const told = { ...rest, lastAt: event.at, ...(event.detail === undefined ? {} : { error: event.detail }) };
  switch (event.verdict) {
    case 'done':
      return { ...rest, status: 'done', lastAt: event.at };
    case 'failed':
      return { ...told, status: 'failed' };
    case 'ongoing':
      // Work in progress is asked after at an even pace, and does not count as a failed attempt.
      return { ...told, status: 'waiting', attempts: call.attempts - 1, dueAt: event.at + definition.retry.baseMs };
    case 'unknown':
      return {
        ...told,
        status: 'waiting',
        dueAt: event.at + backoffMs(definition.retry, call.attempts, event.random),
      };
  }
}

function answeredQuery(definition: TransactionDefinition, state: Progress, event: Answer): Progress {
  if (state.query?.status !== 'calling') return state;
  const next: Progress = { ...state, query: callAfter(definition, state.query, event) };
  if (state.phase !== 'prepared') return next;
  if (event.verdict === 'done') return enter(next, 'complete', event.at);
  if (event.verdict === 'failed')
    return { ...enter(next, 'failed', event.at), reason: event.detail ?? 'its sender says that it was not meant' };
  return next;
}

function ordered(definition: TransactionDefinition, state: Progress, order: Order, at: number): Progress {
  if (isFinal(state.phase)) return state;
  switch (order.kind) {
    case 'retry': {
      const fresh = (call: CallState): CallState =>
        call.status === 'waiting' || call.status === 'failed'
          ? { ...call, status: 'waiting', attempts: 0, dueAt: at }
          : call;
      const phase = state.phase === 'suspended' ? (state.resume ?? 'undo') : state.phase;
      const branches = state.branches.map((branch) =>
        phase === 'forward'
          ? { ...branch, forward: fresh(branch.forward) }
          : { ...branch, settle: fresh(branch.settle) },
      );
      return {
        ...enter(state, phase, at),
        branches,
        ...(state.query === undefined ? {} : { query: fresh(state.query) }),
      };
    }
    case 'skip': {
      const index = definition.branches.findIndex((branch) => branch.id === order.branch);
      const branch = state.branches[index];
      if (branch === undefined) return state;
      const phase = state.phase === 'suspended' ? (state.resume ?? 'undo') : state.phase;
      const skip = (call: CallState): CallState => ({ ...call, status: 'skipped', lastAt: at });
      const changed =
        phase === 'forward' ? { ...branch, forward: skip(branch.forward) } : { ...branch, settle: skip(branch.settle) };
      return { ...enter(state, phase, at), branches: state.branches.with(index, changed) };
    }
    case 'rollback': {
      const phase = state.phase === 'suspended' ? state.resume : state.phase;
      return phase === 'forward' || phase === 'prepared' ? undoing(state, 'an operator rolled it back', at) : state;
    }
    case 'force':
      return { ...enter(state, order.outcome, at), reason: `an operator ended it as ${order.outcome}` };
  }
}

// -- what is to be done now --

/** Limits of time, ends of phases, and the calls that are due. */
function conclude(
  definition: TransactionDefinition,
  later: Later,
  before: Progress,
  at: number,
): Step<Progress, Effect> {
  let state = expired(definition, before, at);
  const effects: Effect[] = [];
  // A phase that is done leads to the next: forward to complete, complete to succeeded.
  for (let turn = 0; turn < 3; turn++) {
    const next = passed(definition, state, at);
    if (next === state) break;
    state = next;
  }
  state = calls(definition, later, state, at, effects);
  if (state.phase === 'suspended' && effects.length === 0 && state.phaseAt === at && state.reason !== undefined)
    effects.push({ kind: 'alert', reason: state.reason });
  return { next: state, effects };
}

function expired(definition: TransactionDefinition, state: Progress, at: number): Progress {
  const failAt = failTime(definition, state);
  if (failAt !== undefined && at >= failAt) {
    const reason = `not done within ${definition.failAfterMs} ms`;
    if (state.phase === 'forward') return undoing(state, reason, at);
    if (state.phase === 'prepared' && definition.kind !== 'message') return undoing(state, reason, at);
  }
  const working = state.phase === 'forward' || state.phase === 'complete' || state.phase === 'undo';
  if (working && at >= state.phaseAt + definition.maxAgeMs)
    return suspended(state, `no end after ${definition.maxAgeMs} ms in phase ${state.phase}`, at);
  return state;
}

function passed(definition: TransactionDefinition, state: Progress, at: number): Progress {
  if (state.phase === 'forward') {
    if (!state.branches.every(({ forward }) => over(forward))) return state;
    return enter(state, definition.kind === 'saga' ? 'succeeded' : 'complete', at);
  }
  if (state.phase === 'complete' || state.phase === 'undo') {
    const { phase } = state;
    const open = state.branches.some((branch, index) => needs(definition, state, index, phase) && !over(branch.settle));
    if (open) return state;
    // Undone means undone: a forward call that is still under way must end first.
    if (phase === 'undo' && state.branches.some(({ forward }) => forward.status === 'calling')) return state;
    return enter(state, phase === 'complete' ? 'succeeded' : 'failed', at);
  }
  return state;
}

function over(call: CallState): boolean {
  return call.status === 'done' || call.status === 'skipped';
}

/** Whether a branch has anything to be completed or undone. What was never begun is not undone. */
function needs(definition: TransactionDefinition, state: Progress, index: number, phase: 'complete' | 'undo'): boolean {
  if (definition.branches[index]?.urls[phase] === undefined) return false;
  if (phase === 'complete') return true;
  return definition.external || state.branches[index]?.forward.status !== 'idle';
}

function calls(
  definition: TransactionDefinition,
  later: Later,
  state: Progress,
  at: number,
  effects: Effect[],
): Progress {
  if (state.phase === 'prepared') return question(definition, state, at, effects);
  const { phase } = state;
  if (phase !== 'forward' && phase !== 'complete' && phase !== 'undo') return state;
  if (phase !== 'undo' && at < state.createdAt + definition.delayMs) return state;
  let { branches } = state;
  for (const [index, defined] of definition.branches.entries()) {
    const branch = branches[index] as BranchProgress;
    const call = opened(branch, phase);
    const due = call.status === 'idle' || (call.status === 'waiting' && (call.dueAt ?? 0) <= at);
    if (!due || !ready(definition, later, { ...state, branches }, index)) continue;
    const side: Side = phase;
    const { dueAt: _, ...rest } = call;
    const begun: CallState =
      defined.urls[side] === undefined
        ? { ...rest, status: 'done', firstAt: at, lastAt: at }
        : { ...rest, status: 'calling', attempts: call.attempts + 1, firstAt: call.firstAt ?? at, lastAt: at };
    if (begun.status === 'calling') effects.push({ kind: 'call', branch: index, side, attempt: begun.attempts });
    branches = branches.with(index, phase === 'forward' ? { ...branch, forward: begun } : { ...branch, settle: begun });
  }
  if (branches === state.branches) return state;
  const next = { ...state, branches };
  // Branches without an address are done at once and may free others, or end the phase.
  if (effects.some((effect) => effect.kind === 'call')) return next;
  const after = passed(definition, next, at);
  return calls(definition, later, after, at, effects);
}

function ready(definition: TransactionDefinition, later: Later, state: Progress, index: number): boolean {
  const { phase } = state;
  const { after } = definition.branches[index] as TransactionDefinition['branches'][number];
  const at = (other: number): BranchProgress => state.branches[other] ?? idleBranch;
  if (phase === 'forward') return after.every((other) => over(at(other).forward));
  if (phase === 'complete') return definition.kind !== 'message' || after.every((other) => over(at(other).settle));
  if (!needs(definition, state, index, 'undo') || at(index).forward.status === 'calling') return false;
  if (definition.kind !== 'saga') return true;
  // In the opposite order: whoever came after this branch must have been undone.
  return [...(later[index] ?? [])].every((other) => !undoable(definition, state, other) || over(at(other).settle));
}

/** Whether a branch, or one that came after it, is still to be undone. */
function undoable(definition: TransactionDefinition, state: Progress, index: number): boolean {
  if (needs(definition, state, index, 'undo')) return true;
  return state.branches[index]?.forward.status === 'calling';
}

function question(definition: TransactionDefinition, state: Progress, at: number, effects: Effect[]): Progress {
  if (definition.kind !== 'message' || definition.queryUrl === undefined) return state;
  const failAt = failTime(definition, state);
  if (failAt === undefined || at < failAt) return state;
  const call = state.query ?? idleCall;
  if (call.status !== 'idle' && !(call.status === 'waiting' && (call.dueAt ?? 0) <= at)) return state;
  const attempts = call.attempts + 1;
  effects.push({ kind: 'call', branch: -1, side: 'forward', attempt: attempts });
  const { dueAt: _, ...rest } = call;
  return { ...state, query: { ...rest, status: 'calling', attempts, firstAt: call.firstAt ?? at, lastAt: at } };
}
