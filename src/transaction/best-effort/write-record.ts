/** What a transaction has written on which source, in order, so that it can be delivered by others. */
import type { WrittenStatement } from './written-statement.ts';

interface Entry {
  readonly source: string;
  readonly statement: WrittenStatement;
  readonly bytes: number;
}

/**
 * The first source that is written is the home: it commits first, so what it wrote is never delivered and not kept here.
 * Owned by one transaction.
 */
export class WriteRecord {
  #home: string | undefined;
  #entries: Entry[] = [];
  #bytes = 0;
  #marks: { readonly name: string; readonly length: number }[] = [];

  get home(): string | undefined {
    return this.#home;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Position to go back to. */
  get length(): number {
    return this.#entries.length;
  }

  /** Whether what is written on `source` must be kept. The first one asked about becomes the home. */
  keeps(source: string): boolean {
    this.#home ??= source;
    return this.#home !== source;
  }

  add(source: string, statement: WrittenStatement, bytes: number): void {
    this.#entries.push({ source, statement, bytes });
    this.#bytes += bytes;
  }

  /** Forgets what came after this length: it was taken back on the servers. */
  backTo(length: number): void {
    for (const entry of this.#entries.splice(length)) this.#bytes -= entry.bytes;
  }

  savepoint(name: string): void {
    this.release(name, true);
    this.#marks.push({ name: name.toLowerCase(), length: this.#entries.length });
  }

  rollbackTo(name: string): void {
    const at = this.#marks.findIndex((mark) => mark.name === name.toLowerCase());
    if (at === -1) return;
    this.backTo(this.#marks[at]?.length ?? 0);
    this.#marks.length = at + 1;
  }

  /** `alone`: only this one is forgotten, as when it is set anew. */
  release(name: string, alone = false): void {
    const at = this.#marks.findIndex((mark) => mark.name === name.toLowerCase());
    if (at !== -1) this.#marks.splice(at, alone ? 1 : this.#marks.length);
  }

  /** By source, in the order in which they were first written. */
  bySource(): ReadonlyMap<string, readonly WrittenStatement[]> {
    const sources = new Map<string, WrittenStatement[]>();
    for (const { source, statement } of this.#entries) {
      const list = sources.get(source);
      if (list === undefined) sources.set(source, [statement]);
      else list.push(statement);
    }
    return sources;
  }
}
