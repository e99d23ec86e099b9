/** When a statement is asked of another server of its set, and when it is too late for that. */
import type { ReaderAttempt, Reading } from './guarded-read.ts';
import type { StatementRun } from './statement-run.ts';

/** Nothing of the answer has been told, and another server of the set will have a better one. */
export class Elsewhere extends Error {
  readonly reader: ReaderAttempt;

  constructor(reader: ReaderAttempt) {
    super('to be asked elsewhere');
    this.reader = reader;
  }
}

/** Attempts of a statement for which another server can be found; the last one of a read is on the primary. */
export const ATTEMPTS_MAX = 4;

/** Whether replicas come into question at all; false without a look at anything else where there are none. */
export function mayUseReplica(run: StatementRun): boolean {
  return (
    run.backend.directory.replicated &&
    run.plan.replicaReads &&
    (run.request.kind === 'text' || run.request.cursor === 0)
  );
}

/** Where a read goes that lost its connection. */
export function lostReader(reading: Reading | undefined, fault: Error, attempt: number): ReaderAttempt {
  if (reading === undefined) return { primaryOnly: true };
  const { set, member } = reading;
  set.suspect(member, fault.message);
  return { primaryOnly: attempt >= ATTEMPTS_MAX - 2, except: member };
}

/** KILL, and time limits of the server: not the replica's doing. */
export function isStopped(errno: number): boolean {
  return errno === 1317 || errno === 1969 || errno === 3024 || errno === 1205;
}

/** A server that refuses a write because it is read-only: nothing of the statement ran. */
export function isReadOnlyError(errno: number, message: string): boolean {
  return errno === 1836 || (errno === 1290 && /read[-_ ]only/i.test(message));
}
