/**
 * A read on a member of a replica set, between two questions in one write: before it, whether the position that it must see is
 * there (waiting up to a limit); behind it, how much it may have seen. Answers come in order, so the first one's result is known
 * before the read's first packet: rows of a read that came too early are dropped as they arrive.
 */
import type { Lease, ReplicaMember, ReplicaSet, ResponseHandler } from '../backend/index.ts';
import { type BackendFault, ServerError } from '../backend/index.ts';
import type { ShardQuery } from '../plan/index.ts';
import type { Position } from '../session/index.ts';
import { type FrameKind, parseErr } from '../wire/index.ts';
import { bufferOf, type ClientRequest, sendShardQuery } from './shard-request.ts';

/** How often a read has been tried elsewhere before. */
export interface ReaderAttempt {
  /** No replica any more. */
  readonly primaryOnly: boolean;
  /** It has failed there. */
  readonly except?: ReplicaMember;
}

/** What was decided for a read when its lease was taken. */
export interface Reading {
  readonly set: ReplicaSet;
  readonly member: ReplicaMember;
  /** To be waited for first. */
  readonly wait: Position | undefined;
  /** Later reads must not fall behind this one: learn how much it saw. */
  readonly exact: boolean;
  /** Takes what the read may have seen; undefined: it could not be learnt. */
  seen(gtids: string | undefined): void;
}

export class GuardedRead {
  readonly #reading: Reading;
  readonly #lease: Lease;
  /** The position was not there in time: nothing of the answer has been handed on. */
  late = false;
  /** The question behind the read is on its way too. */
  sent = false;
  readonly #started = performance.now();

  constructor(lease: Lease, reading: Reading) {
    this.#lease = lease;
    this.#reading = reading;
  }

  /** Sends the read; `first` with the question before it, `last` with the one behind it. Rejects before anything was sent. */
  async send(
    query: ShardQuery,
    request: ClientRequest,
    handler: ResponseHandler,
    first = true,
    last = true,
  ): Promise<void> {
    const { connection } = this.#lease;
    const { member, set, wait, exact } = this.#reading;
    if (request.kind === 'prepared') await connection.prepare(bufferOf(query.text).toString('utf8'));
    const waits = first && wait !== undefined;
    connection.cork();
    try {
      if (waits) {
        set.waits += 1;
        connection.runQuery(
          member.waitSql(wait, set.settings.waitLimitMs),
          new OneRow((values) => this.#waited(values, wait)),
        );
      }
      const preparing = sendShardQuery(this.#lease, query, request, waits ? this.#held(handler) : handler);
      if (preparing !== undefined) throw new Error('a prepared statement was evicted while it was sent');
      this.sent = last;
      if (last && exact) connection.runQuery(member.seenSql(), new OneRow((values) => this.#sawBehind(values)));
    } finally {
      connection.uncork();
    }
  }

  /** After the read has ended: its time counts for the balancer. */
  done(): void {
    this.#reading.member.readDone(performance.now() - this.#started);
  }

  /** On a replica: the primary may have a better answer. */
  get onReplica(): boolean {
    return this.#reading.member !== this.#reading.set.primary;
  }

  /** Resolves when the question behind the read is answered too. */
  readonly settled = Promise.withResolvers<void>();

  get tracks(): boolean {
    return this.#reading.exact;
  }

  #waited(values: readonly (string | null)[] | Error, wanted: Position): void {
    const there = !(values instanceof Error) && values[0] === '0';
    this.late = !there;
    this.#reading.member.waited(wanted, there);
    if (!there) this.#reading.set.waitsLate += 1;
  }

  #sawBehind(values: readonly (string | null)[] | Error): void {
    if (this.late) {
      this.settled.resolve();
      return;
    }
    if (values instanceof Error) this.#reading.seen(undefined);
    else {
      const [seen, applied] = values;
      this.#reading.seen(seen ?? undefined);
      if (this.#reading.member !== this.#reading.set.primary) this.#reading.member.hasApplied(applied ?? '');
    }
    this.settled.resolve();
  }

  #held(inner: ResponseHandler): ResponseHandler {
    return {
      onFrame: (kind, payload, sequenceId) => {
        if (!this.late) inner.onFrame(kind, payload, sequenceId);
      },
      onRows: (chunk, start, end) => {
        if (!this.late) inner.onRows(chunk, start, end);
      },
      onChunkEnd: () => !this.late && inner.onChunkEnd?.() === true,
      onEnd: () => inner.onEnd(),
      onFault: (fault) => inner.onFault(fault),
    };
  }
}

/** One row of short texts, or why there is none. */
class OneRow implements ResponseHandler {
  readonly #done: (values: readonly (string | null)[] | Error) => void;
  #bytes: Buffer | undefined;
  #error: ServerError | undefined;

  constructor(done: (values: readonly (string | null)[] | Error) => void) {
    this.#done = done;
  }

  onFrame(kind: FrameKind, payload: Buffer): void {
    if (kind === 'err') this.#error = new ServerError(parseErr(payload));
  }

  onRows(chunk: Buffer, start: number, end: number): void {
    const part = chunk.subarray(start, end);
    this.#bytes = this.#bytes === undefined ? Buffer.from(part) : Buffer.concat([this.#bytes, part]);
  }

  onEnd(): void {
    this.#done(this.#error ?? valuesOf(this.#bytes));
  }

  onFault(fault: BackendFault): void {
    this.#done(fault);
  }
}

/** The values of the first row packet, header in front; position texts are ASCII and short, or long sets of MySQL. */
function valuesOf(bytes: Buffer | undefined): readonly (string | null)[] | Error {
  if (bytes === undefined) return new Error('an answer without a row');
  const values: (string | null)[] = [];
  const end = 4 + bytes.readUIntLE(0, 3);
  let at = 4;
  while (at < end) {
    const first = bytes[at] as number;
    if (first === 0xfb) {
      values.push(null);
      at += 1;
      continue;
    }
    const width = first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
    const length =
      width === 1 ? first : width === 9 ? Number(bytes.readBigUInt64LE(at + 1)) : bytes.readUIntLE(at + 1, width - 1);
    at += width;
    values.push(bytes.toString('latin1', at, at + length));
    at += length;
  }
  return values;
}
