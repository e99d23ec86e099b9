/** One shard's answer from a member of its replica set: guarded, and asked elsewhere as long as no row of it has been told. */
import { BackendFault, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { ATTEMPTS_MAX, Elsewhere, isStopped, lostReader } from './elsewhere.ts';
import { clientError, sourceFault } from './faults.ts';
import type { ReaderAttempt } from './guarded-read.ts';
import { GuardedRead, type Reading } from './guarded-read.ts';
import {
  ForwardAnswer,
  type ForwardRequest,
  failed,
  forwardOn,
  isPlain,
  outcomeOf,
  settle,
  type Told,
} from './run-forward.ts';
import type { StatementLease } from './running-lease.ts';
import type { Outcome, StatementRun } from './statement-run.ts';

/** Never rejects: failures are told to the reply. */
export async function runReader(run: StatementRun, request: ForwardRequest): Promise<Outcome> {
  const told: Told = { header: 0, rows: false };
  let reader: ReaderAttempt = { primaryOnly: false };
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await readOnce(run, request, reader, attempt, told);
    if (!('primaryOnly' in outcome)) return outcome;
    reader = outcome;
  }
}

/** Answers where to read instead, if it was not answered. */
async function readOnce(
  run: StatementRun,
  request: ForwardRequest,
  reader: ReaderAttempt,
  attempt: number,
  told: Told,
): Promise<Outcome | ReaderAttempt> {
  const { backend, reply } = run;
  const { query, names } = request;
  let held: StatementLease | undefined;
  try {
    held =
      (attempt === 0 ? backend.takeReaderNow(query.source) : undefined) ??
      (await backend.takeReader(query.source, reader));
    const { reading } = held;
    if (reading === undefined) return await forwardOn(run, request, held, { started: false, ...told });
    return await readOn(run, request, held, reading, told);
  } catch (error) {
    if (error instanceof Elsewhere) return error.reader;
    if (!(error instanceof BackendFault)) {
      if (!(error instanceof ServerError) && !(error instanceof MeshError)) {
        held?.destroy();
        held = undefined;
      }
      return failed(reply, clientError(error, query.source, names, backend.directory.physicalSchemas));
    }
    const lost = held;
    held = undefined;
    lost?.destroy();
    const wasHeld = lost?.held ?? false;
    const free = !wasHeld || (lost !== undefined && backend.fixedLost(lost));
    if (!told.rows && attempt < ATTEMPTS_MAX && free) return lostReader(lost?.reading, error, attempt);
    if (wasHeld) await backend.transactionLost(`the connection to source '${query.source}' was lost`);
    return failed(reply, backend.lostPin() ?? sourceFault(error, query.source));
  } finally {
    const ending = held?.done();
    if (ending !== undefined) await ending;
  }
}

/** Rejects with Elsewhere if the read came too early, or failed on a replica; with BackendFault if the connection is lost. */
async function readOn(
  run: StatementRun,
  request: ForwardRequest,
  held: StatementLease,
  reading: Reading,
  told: Told,
): Promise<Outcome> {
  const { member, set } = reading;
  const guard = new GuardedRead(held.lease, reading);
  const replica = member !== set.primary;
  const ended = Promise.withResolvers<BackendFault | undefined>();
  const answer = new ForwardAnswer(
    run.reply,
    held,
    request,
    run.backend.directory.physicalSchemas,
    run.file,
    ended.resolve,
    told,
  );
  member.inFlight += 1;
  try {
    try {
      await guard.send(request.query, run.request, answer);
    } catch (error) {
      // Its PREPARE was refused: the primary says what is right.
      if (replica && error instanceof ServerError && !held.held) throw new Elsewhere({ primaryOnly: true });
      throw error;
    }
    const fault = await ended.promise;
    if (fault !== undefined) throw fault;
    if (guard.tracks) await guard.settled.promise;
    if (guard.late) {
      set.fallbacks += 1;
      if (held.held) run.backend.readerTooEarly(held);
      throw new Elsewhere({ primaryOnly: true });
    }
    guard.done();
    if (replica && answer.error !== undefined && told.header === 0 && !held.held && !isStopped(answer.error.errno))
      throw new Elsewhere({ primaryOnly: true });
  } finally {
    member.inFlight -= 1;
  }
  if (!isPlain(run, held, answer)) return settle(run, request, held, answer, undefined);
  answer.tell();
  return outcomeOf(run.reply, answer);
}
