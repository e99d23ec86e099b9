/** Several sorted row streams as one: a loser tree over each stream's current row; without keys, one stream after the other. */
import { MeshError } from '../base/index.ts';
import type { RowCompare } from './compare-field.ts';
import type { MergeColumn, RowBatch, RowProtocol, RowSource } from './row-batch.ts';
import { RowFields } from './row-fields.ts';

/** One stream's batch and place in it. */
class Stream {
  readonly source: RowSource;
  batch: RowBatch | undefined;
  at = -1;
  ended = false;
  /** The current row, and the one before it: they swap at each step. */
  current: RowFields;
  previous: RowFields;
  /** `previous` still lies in the current batch. */
  comparable = false;

  constructor(source: RowSource, columns: readonly MergeColumn[], protocol: RowProtocol) {
    this.source = source;
    this.current = new RowFields(columns, protocol);
    this.previous = new RowFields(columns, protocol);
  }
}

/**
 * The merged input. `step()` moves to the next row: `true` when there is one at `row`, `false` at the end, `undefined` when a
 * stream must be waited for: then await `wait()` and call `step` again. Equal rows come in the order of the sources.
 * The row is valid until the next `step`. A stream that is not in the promised order is a fault: SM_INTERNAL.
 */
export class MergedInput {
  row: RowFields;
  readonly #streams: readonly Stream[];
  readonly #compare: RowCompare | undefined;
  /** #losers[0] is the winner, the rest the losers of the inner nodes. */
  readonly #losers: Int32Array;
  #built = false;
  /** Stream whose next row is wanted before anything else; -1 if none. */
  #wanted = -1;
  #waiting: Promise<void> | undefined;
  /** Concatenation: the stream being read. */
  #head = 0;
  #cancelled = false;

  constructor(
    sources: readonly RowSource[],
    columns: readonly MergeColumn[],
    protocol: RowProtocol,
    compare: RowCompare | undefined,
  ) {
    this.#streams = sources.map((source) => new Stream(source, columns, protocol));
    this.#compare = sources.length > 1 ? compare : undefined;
    this.#losers = new Int32Array(Math.max(1, sources.length)).fill(-1);
    this.row = new RowFields(columns, protocol);
  }

  step(): boolean | undefined {
    if (this.#waiting !== undefined) return undefined;
    return this.#compare === undefined ? this.#stepConcatenated() : this.#stepMerged(this.#compare);
  }

  /** Settles when a stream has brought rows or its end; rejects with the stream's failure. */
  async wait(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    await waiting;
    if (this.#waiting === waiting) this.#waiting = undefined;
  }

  /** Cancels every source, once. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    for (const stream of this.#streams) stream.source.cancel();
  }

  #stepConcatenated(): boolean | undefined {
    for (;;) {
      const stream = this.#streams[this.#head];
      if (stream === undefined) return false;
      const moved = this.#advance(stream, undefined);
      if (moved === undefined) return undefined;
      if (moved) {
        this.row = stream.current;
        return true;
      }
      this.#head += 1;
    }
  }

  #stepMerged(compare: RowCompare): boolean | undefined {
    if (!this.#built) {
      const ready = this.#openAll();
      if (!ready) return undefined;
      this.#build(compare);
    } else {
      const winner = this.#wanted >= 0 ? this.#wanted : this.#losers[0]!;
      const stream = this.#streams[winner]!;
      if (stream.ended && this.#wanted < 0) return false;
      const moved = this.#advance(stream, compare);
      if (moved === undefined) {
        this.#wanted = winner;
        return undefined;
      }
      this.#wanted = -1;
      this.#replay(winner, compare);
    }
    const stream = this.#streams[this.#losers[0]!]!;
    if (stream.ended) return false;
    this.row = stream.current;
    return true;
  }

  /** First rows of all streams, asked for at once. */
  #openAll(): boolean {
    const waits: Promise<void>[] = [];
    for (const stream of this.#streams) {
      if (stream.at >= 0 || stream.ended) continue;
      const moved = this.#advance(stream, undefined);
      if (moved === undefined) {
        waits.push(this.#waiting!);
        this.#waiting = undefined;
      }
    }
    if (waits.length === 0) return true;
    this.#waiting = Promise.all(waits).then(() => {});
    this.#waiting.catch(() => {});
    return false;
  }

  /** Moves a stream to its next row: false at its end, undefined when it must be waited for. */
  #advance(stream: Stream, compare: RowCompare | undefined): boolean | undefined {
    for (;;) {
      const { batch } = stream;
      if (batch !== undefined && stream.at + 1 < batch.count) {
        stream.at += 1;
        const row = stream.previous;
        stream.previous = stream.current;
        stream.current = row;
        row.locate(batch.buffer, batch.bounds[2 * stream.at]!, batch.bounds[2 * stream.at + 1]!);
        if (compare !== undefined && stream.comparable && compare(stream.previous, row) > 0) {
          throw new MeshError('SM_INTERNAL', {
            message: 'a shard sent its rows in another order than it was asked for',
          });
        }
        stream.comparable = true;
        return true;
      }
      if (stream.ended) return false;
      stream.comparable = false;
      const next = stream.source.next();
      if (next instanceof Promise) {
        stream.batch = undefined;
        stream.at = -1;
        this.#waiting = next.then((arrived) => this.#accept(stream, arrived));
        // The failure is reported by wait(); it must not be an unhandled rejection before.
        this.#waiting.catch(() => {});
        return undefined;
      }
      this.#accept(stream, next);
    }
  }

  #accept(stream: Stream, batch: RowBatch | undefined): void {
    stream.batch = batch;
    stream.at = -1;
    if (batch === undefined) stream.ended = true;
  }

  #build(compare: RowCompare): void {
    this.#built = true;
    this.#losers.fill(-1);
    for (let i = this.#streams.length - 1; i >= 0; i -= 1) this.#replay(i, compare);
  }

  /** Carries stream `index` up from its leaf; losers stay, the winner ends at the root. */
  #replay(index: number, compare: RowCompare): void {
    const losers = this.#losers;
    let winner = index;
    for (let node = (index + this.#streams.length) >> 1; node > 0; node >>= 1) {
      const other = losers[node]!;
      if (other < 0) {
        // While the tree is built: wait here for the opponent.
        losers[node] = winner;
        return;
      }
      if (this.#beats(other, winner, compare)) {
        losers[node] = winner;
        winner = other;
      }
    }
    losers[0] = winner;
  }

  #beats(a: number, b: number, compare: RowCompare): boolean {
    const left = this.#streams[a]!;
    const right = this.#streams[b]!;
    if (left.ended) return right.ended && a < b;
    if (right.ended) return true;
    const order = compare(left.current, right.current);
    return order < 0 || (order === 0 && a < b);
  }
}
