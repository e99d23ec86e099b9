/** Finds where a rules file names a source or a table, so that what live servers say has a line and a column. */
import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

export interface Position {
  readonly line: number;
  readonly column: number;
}
const start: Position = { line: 1, column: 1 };

export class RulePositions {
  readonly #keys = new Map<string, number>();
  readonly #lines = new LineCounter();

  /** A file that cannot be read any more gives 1:1 for everything. */
  constructor(file: string) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      return;
    }
    const document = parseDocument(text, {
      lineCounter: this.#lines,
      logLevel: 'silent',
      strict: false,
      uniqueKeys: false,
    });
    this.#walk(document.contents, []);
  }

  source(name: string): Position {
    return this.#at(`dataSources/${name}`);
  }

  /** Where the table is declared: sharded, auto or broadcast. */
  table(name: string): Position {
    return this.#at(`tables/${name}`, `autoTables/${name}`);
  }

  #at(...keys: readonly string[]): Position {
    for (const key of keys) {
      const offset = this.#keys.get(key);
      if (offset === undefined) continue;
      const { line, col } = this.#lines.linePos(offset);
      return { line, column: col };
    }
    return start;
  }

  /** Remembers `parent/name` for each key and each word of a list; the first place of a name counts. */
  #walk(node: unknown, path: readonly string[]): void {
    const parent = path.at(-1) ?? '';
    if (isMap(node)) {
      for (const pair of node.items) {
        const name = isScalar(pair.key) ? String(pair.key.value) : '';
        this.#remember(`${parent}/${name}`, pair.key as Node | null);
        this.#walk(pair.value, [...path, name]);
      }
    } else if (isSeq(node)) {
      for (const item of node.items) {
        if (isScalar(item)) this.#remember(`${parent}/${String(item.value)}`, item);
        this.#walk(item, path);
      }
    }
  }

  #remember(key: string, node: Node | null): void {
    const offset = node?.range?.[0];
    if (offset !== undefined && !this.#keys.has(key)) this.#keys.set(key, offset);
  }
}
