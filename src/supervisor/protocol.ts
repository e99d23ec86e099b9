/** What the supervisor and its workers ask each other. Both come from one installation; the version says so. */
import type { SharedEntry } from '../base/index.ts';

/** Rises with every change of this file's meaning: a worker of another version ends itself instead of guessing. */
export const PROTOCOL_VERSION = 1;

/** Asked by workers, answered by the supervisor. */
export type SupervisorQuestions = {
  /** Resolves when the other serving workers have applied them. */
  'share.publish': { ask: readonly SharedEntry[]; answer: undefined };
  'counter.take': { ask: { readonly name: string; readonly max: number }; answer: boolean };
  'counter.give': { ask: string; answer: undefined };
};

/** Asked by the supervisor, answered by each worker. */
export type WorkerQuestions = {
  'share.apply': { ask: readonly SharedEntry[]; answer: undefined };
};
