/** One attempt of the relay to deliver an outbox row, and what becomes of the row afterwards, as a pure machine. */
import type { Machine } from '../../base/index.ts';
import { testMs } from '../fault-point.ts';

export interface RelayLimits {
  /** Waiting after the first failure; doubled with each further one. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Older than this it becomes a dead letter with its next failure. */
  readonly ageMaxMs: number;
}

export const relayLimits: RelayLimits = {
  firstMs: testMs('first', 1000),
  longestMs: testMs('longest', 300_000),
  ageMaxMs: testMs('age', 24 * 3_600_000),
};

export type RelayState =
  /** Claimed: this attempt is number `tries`, of a row that was `ageMs` old then. */
  | { readonly kind: 'writing'; readonly tries: number; readonly ageMs: number; readonly limits: RelayLimits }
  /** All statements have run on the target, nothing is committed there yet. */
  | { readonly kind: 'confirming'; readonly tries: number; readonly ageMs: number; readonly limits: RelayLimits }
  | { readonly kind: 'committing'; readonly tries: number; readonly ageMs: number; readonly limits: RelayLimits }
  | { readonly kind: 'ended'; readonly outcome: 'delivered' | 'postponed' | 'dead' | 'lost' };

export type RelayEvent =
  | { readonly kind: 'written' }
  /** The inbox row is there already. */
  | { readonly kind: 'known' }
  | { readonly kind: 'confirmed' }
  /** Somebody else has the row now, or it is gone. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'committed' }
  /** May succeed another time. `random` in [0, 1). */
  | { readonly kind: 'failed'; readonly reason: string; readonly random: number }
  /** The target answered otherwise than it did at first: only a person can tell what is right. */
  | { readonly kind: 'differs'; readonly reason: string };

export type RelayEffect =
  /** In one open local transaction of the target: the inbox row, then the statements. written, known, failed or differs. */
  | { readonly kind: 'write' }
  /** Renew the claim. Not before `written`: while this row exists nobody removes the inbox row. confirmed, lost or failed. */
  | { readonly kind: 'confirm' }
  /** Commit the target. committed or failed. */
  | { readonly kind: 'commit' }
  | { readonly kind: 'roll back' }
  /** Mark the outbox row as done, if the claim still holds. It stays for a session that does not know yet whether it had decided. */
  | { readonly kind: 'settle' }
  /** Give the row back, to be tried again after so long. */
  | { readonly kind: 'postpone'; readonly ms: number; readonly reason: string }
  | { readonly kind: 'bury'; readonly reason: string };

export const beginRelay = (tries: number, ageMs: number, limits: RelayLimits): RelayState => ({
  kind: 'writing',
  tries,
  ageMs,
  limits,
});

/** The first effect, `write`, is implied. */
export const relayMachine: Machine<RelayState, RelayEvent, RelayEffect> = (state, event) => {
  if (state.kind === 'ended') return { next: state, effects: [] };
  const { tries, ageMs, limits } = state;
  switch (event.kind) {
    case 'written':
      if (state.kind !== 'writing') return { next: state, effects: [] };
      return { next: { kind: 'confirming', tries, ageMs, limits }, effects: [{ kind: 'confirm' }] };
    case 'confirmed':
      if (state.kind !== 'confirming') return { next: state, effects: [] };
      return { next: { kind: 'committing', tries, ageMs, limits }, effects: [{ kind: 'commit' }] };
    case 'known':
      return { next: { kind: 'ended', outcome: 'delivered' }, effects: [{ kind: 'roll back' }, { kind: 'settle' }] };
    case 'committed':
      return { next: { kind: 'ended', outcome: 'delivered' }, effects: [{ kind: 'settle' }] };
    case 'lost':
      return { next: { kind: 'ended', outcome: 'lost' }, effects: [{ kind: 'roll back' }] };
    case 'differs':
      return {
        next: { kind: 'ended', outcome: 'dead' },
        effects: [{ kind: 'roll back' }, { kind: 'bury', reason: event.reason }],
      };
    case 'failed':
      // A commit without answer may have succeeded: the next attempt finds out.
      if (ageMs > limits.ageMaxMs && state.kind !== 'committing') {
        return {
          next: { kind: 'ended', outcome: 'dead' },
          effects: [{ kind: 'roll back' }, { kind: 'bury', reason: event.reason }],
        };
      }
      return {
        next: { kind: 'ended', outcome: 'postponed' },
        effects: [
          { kind: 'roll back' },
          { kind: 'postpone', ms: backOff(tries, limits, event.random), reason: event.reason },
        ],
      };
  }
};

/** Doubled each time, at most the longest, and shortened at random so that many do not come back at once. */
export function backOff(tries: number, limits: RelayLimits, random: number): number {
  const full = Math.min(limits.longestMs, limits.firstMs * 2 ** Math.min(Math.max(tries, 1) - 1, 20));
  return Math.round(full * (0.5 + random / 2));
}
