/** How far a transaction is: the part of it that changes, kept in the store after every step. */

export const phases = ['prepared', 'forward', 'complete', 'undo', 'succeeded', 'failed', 'suspended'] as const;
/**
 * `prepared`: waits for the application's submit or abort. `forward`: branches are being done. `complete`: decided, all
 * branches are to be completed. `undo`: decided, all are to be undone. `suspended`: a dead letter, waits for an operator.
 */
export type Phase = (typeof phases)[number];

export interface CallState {
  /** `calling`: may be under way. `waiting`: to be repeated at `dueAt`. */
  readonly status: 'idle' | 'calling' | 'waiting' | 'done' | 'failed' | 'skipped';
  readonly attempts: number;
  /** Milliseconds since the epoch by the store's clock. */
  readonly dueAt?: number;
  readonly firstAt?: number;
  readonly lastAt?: number;
  /** Why the last call gave no success. */
  readonly error?: string;
}

export interface BranchProgress {
  readonly forward: CallState;
  /** The call that completes or undoes it, as the transaction's decision is. */
  readonly settle: CallState;
}

export interface Progress {
  readonly phase: Phase;
  /** Where a suspended one goes on. */
  readonly resume?: Phase;
  /** Why it is undone or suspended. */
  readonly reason?: string;
  readonly createdAt: number;
  readonly phaseAt: number;
  readonly branches: readonly BranchProgress[];
  /** The question to whoever prepared a message. */
  readonly query?: CallState;
}

export const idleCall: CallState = Object.freeze({ status: 'idle', attempts: 0 });
export const idleBranch: BranchProgress = Object.freeze({ forward: idleCall, settle: idleCall });

export function isFinal(phase: Phase): boolean {
  return phase === 'succeeded' || phase === 'failed';
}
