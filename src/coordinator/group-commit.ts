/** Many small writes as few transactions: whoever writes while others are being written waits for the next group. */

interface Waiting {
  readonly statements: readonly string[];
  readonly resolve: (affected: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs statements in one transaction and answers the affected rows of each. Rejects if it is not certain that all are durable. */
export type RunGroup = (statements: readonly string[]) => Promise<readonly number[]>;

const groupMax = 256;
const bytesMax = 2 * 1024 * 1024;

/** Not more than `lanes` groups are under way; statements that are given in one turn of the event loop share a group. */
export class GroupCommit {
  readonly #run: RunGroup;
  readonly #lanes: number;
  #waiting: Waiting[] = [];
  #busy = 0;
  #scheduled = false;

  constructor(run: RunGroup, lanes = 2) {
    this.#run = run;
    this.#lanes = lanes;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** The affected rows of each, once they are durable. They are carried out together or not at all. */
  write(...statements: readonly string[]): Promise<readonly number[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
    this.#waiting.push({ statements, resolve, reject });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#pump();
      });
    }
    return promise;
  }

  #pump(): void {
    while (this.#busy < this.#lanes && this.#waiting.length > 0) {
      let bytes = 0;
      let count = 0;
      while (count < this.#waiting.length && count < groupMax && (count === 0 || bytes < bytesMax)) {
        for (const sql of this.#waiting[count]?.statements ?? []) bytes += sql.length;
        count += 1;
      }
      const group = this.#waiting.splice(0, count);
      this.#busy += 1;
      void this.#write(group).finally(() => {
        this.#busy -= 1;
        this.#pump();
      });
    }
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    try {
      const affected = await this.#run(group.flatMap(({ statements }) => statements));
      let at = 0;
      for (const { statements, resolve } of group) {
        resolve(affected.slice(at, at + statements.length));
        at += statements.length;
      }
    } catch (error) {
      if (group.length === 1) {
        group[0]?.reject(error);
        return;
      }
      // One bad statement must not fail its neighbours. Repeating is safe: nothing of a failed group is left, or its fence says so.
      for (const one of group) await this.#write([one]);
    }
  }
}
