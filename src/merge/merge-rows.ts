/** The merge itself: sorted shard streams -> groups -> order -> offset and limit -> rows of visible columns. */
import { MeshError } from '../base/index.ts';
import type { MergeSpec } from '../plan/index.ts';
import { rowCompare } from './compare-field.ts';
import { MergedInput } from './merged-input.ts';
import type { MergeColumn, MergeLimits, RowBatch, RowProtocol, RowSource } from './row-batch.ts';
import { RowBuilder } from './row-builder.ts';
import { RowFields } from './row-fields.ts';
import { RowGroup } from './row-group.ts';
import { SortBuffer } from './sort-buffer.ts';

/** An output batch is handed out when it has this many bytes. */
const BATCH_BYTES = 32 * 1024;
/** How many groups or rows go by between two looks at the memory. */
const MEMORY_STRIDE = 64;

/** The merged stream: itself a RowSource, whose memory can be watched. */
export interface MergedRows extends RowSource {
  next(): Promise<RowBatch | undefined>;
  /** Bytes held now, beside the sources' own batches. */
  readonly bytesHeld: number;
  /** Rows handed out so far. */
  readonly rowsSent: number;
  /** Rows, groups or distinct rows there are without offset and limit; whole at the end, with `countsAll` only. */
  readonly rowsFound: number;
}

/**
 * Merges `sources` (in shard order) as `spec` says. `columns` describe the shards' rows, hidden columns included; all shards
 * have the same. Output rows have the first `spec.visible` columns, in the same protocol.
 *
 * Early end: when the limit is reached the sources are cancelled. A failing source cancels the others and `next` rejects.
 * `limits.bytesMax` bounds the sort and group memory: beyond it `next` rejects with SM_RESULT_TOO_LARGE.
 * `limit: 0` reads nothing. With `spec.countsAll` there is no early end: what the limit leaves out is counted. The caller drains output batch by batch: each is valid until the next call.
 */
export function merge(
  sources: readonly RowSource[],
  columns: readonly MergeColumn[],
  spec: MergeSpec,
  protocol: RowProtocol,
  limits: MergeLimits,
): MergedRows {
  return new Merge(sources, columns, spec, protocol, limits);
}

class Merge implements MergedRows {
  rowsSent = 0;
  rowsFound = 0;
  readonly #input: MergedInput;
  readonly #output: RowBuilder;
  readonly #visible: number;
  readonly #limits: MergeLimits;
  readonly #group: RowGroup | undefined;
  readonly #grouped: RowBuilder;
  readonly #groupRow: RowFields;
  readonly #always: boolean;
  readonly #countsAll: boolean;
  #sort: SortBuffer | undefined;
  #sortedAt = -1;
  #skip: bigint;
  #left: bigint;
  #open = false;
  #groups = 0;
  #sinceLook = 0;
  #ended = false;

  constructor(
    sources: readonly RowSource[],
    columns: readonly MergeColumn[],
    spec: MergeSpec,
    protocol: RowProtocol,
    limits: MergeLimits,
  ) {
    if (spec.visible > columns.length)
      throw new MeshError('SM_INTERNAL', { message: 'more visible columns than there are' });
    const compare = spec.inputOrder.length === 0 ? undefined : rowCompare(spec.inputOrder, columns, protocol);
    this.#input = new MergedInput(sources, columns, protocol, compare);
    this.#output = new RowBuilder(columns, protocol);
    this.#grouped = new RowBuilder(columns, protocol);
    this.#groupRow = new RowFields(columns, protocol);
    this.#visible = spec.visible;
    this.#limits = limits;
    this.#group = spec.group === undefined ? undefined : new RowGroup(spec.group, columns, protocol);
    this.#always = spec.group?.always ?? false;
    this.#countsAll = spec.countsAll ?? false;
    this.#sort = spec.outputOrder.length === 0 ? undefined : new SortBuffer(spec.outputOrder, columns, protocol);
    this.#skip = spec.offset;
    this.#left = spec.limit ?? -1n;
  }

  get bytesHeld(): number {
    return this.#output.capacity + (this.#group?.bytes ?? 0) + this.#grouped.capacity + (this.#sort?.bytes ?? 0);
  }

  cancel(): void {
    this.#ended = true;
    this.#sort = undefined;
    this.#input.cancel();
  }

  async next(): Promise<RowBatch | undefined> {
    this.#output.clear();
    try {
      while (!this.#ended) {
        if (this.#left === 0n && (!this.#countsAll || this.#sortedAt >= 0)) {
          this.#finish();
          break;
        }
        if (this.#sortedAt >= 0) this.#drainSorted();
        else {
          const more = this.#pump();
          if (more === undefined) {
            // A stream makes us wait: what is ready goes out first.
            if (this.#output.count > 0) break;
            await this.#input.wait();
            continue;
          }
          if (!more) this.#endOfInput();
        }
        if (this.#output.bytes >= BATCH_BYTES) break;
      }
    } catch (error) {
      this.cancel();
      throw error;
    }
    if (this.#output.count === 0) return undefined;
    this.rowsSent += this.#output.count;
    return this.#output.take();
  }

  /** Reads input until the output batch is full (true), a stream makes us wait (undefined) or all is read (false). */
  #pump(): boolean | undefined {
    const input = this.#input;
    const group = this.#group;
    while (this.#output.bytes < BATCH_BYTES) {
      const moved = input.step();
      if (moved !== true) return moved;
      if (group === undefined) this.#give(input.row);
      else if (this.#open && group.holds(input.row)) group.add(input.row);
      else {
        if (this.#open) this.#closeGroup(group);
        group.open(input.row);
        this.#open = true;
      }
      this.#lookAtMemory();
      if (this.#left === 0n && !this.#countsAll) return true;
    }
    return true;
  }

  #endOfInput(): void {
    const group = this.#group;
    if (group !== undefined) {
      if (this.#open) this.#closeGroup(group);
      else if (this.#always && this.#groups === 0) {
        group.openEmpty();
        this.#closeGroup(group);
      }
      this.#open = false;
    }
    if (this.#sort === undefined) {
      this.#finish();
      return;
    }
    this.#sort.sort();
    this.#sortedAt = 0;
  }

  #closeGroup(group: RowGroup): void {
    this.#groups += 1;
    this.#grouped.clear();
    group.write(this.#grouped);
    const { buffer, bounds } = this.#grouped.take();
    this.#groupRow.locate(buffer, bounds[0]!, bounds[1]!);
    this.#give(this.#groupRow);
  }

  /** A row that is complete but for order, offset and limit. */
  #give(row: RowFields): void {
    this.rowsFound += 1;
    if (this.#sort !== undefined) {
      this.#sort.add(row.buffer, row.rowStart, row.rowEnd, this.#limits);
      return;
    }
    this.#send(row);
  }

  #send(row: RowFields): void {
    if (this.#left === 0n) return;
    if (this.#skip > 0n) {
      this.#skip -= 1n;
      return;
    }
    if (this.#left > 0n) this.#left -= 1n;
    this.#output.appendCut(row, this.#visible);
  }

  #drainSorted(): void {
    const sort = this.#sort!;
    while (this.#sortedAt < sort.count && this.#left !== 0n && this.#output.bytes < BATCH_BYTES) {
      sort.read(this.#sortedAt, this.#groupRow);
      this.#sortedAt += 1;
      this.#send(this.#groupRow);
    }
    if (this.#sortedAt >= sort.count) this.#finish();
  }

  #finish(): void {
    this.#ended = true;
    this.#input.cancel();
  }

  #lookAtMemory(): void {
    this.#sinceLook += 1;
    if (this.#sinceLook < MEMORY_STRIDE) return;
    this.#sinceLook = 0;
    if ((this.#group?.bytes ?? 0) > this.#limits.bytesMax) {
      throw new MeshError('SM_RESULT_TOO_LARGE', { limit: this.#limits.bytesMax });
    }
  }
}
