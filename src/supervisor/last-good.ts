/** The configuration in force, kept on disk while a sidecar runs: after a crash it is there even if the files have become bad. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigurationFiles } from './protocol.ts';

const fileName = 'last-good.json';

interface Kept {
  /** The configuration's file: another one is another sidecar's. */
  readonly file: string;
  readonly texts: readonly (readonly [string, string])[];
  readonly globs: readonly (readonly [string, readonly string[]])[];
}

export class LastGood {
  readonly #path: string;
  readonly #folder: string;
  readonly #file: string;

  /** `file`: absolute. */
  constructor(stateDirectory: string, file: string) {
    this.#folder = stateDirectory;
    this.#path = join(stateDirectory, fileName);
    this.#file = file;
  }

  /** For the eyes of this user only, whole or not at all. Throws if it cannot be written. */
  keep({ texts, globs }: ConfigurationFiles): void {
    const kept: Kept = { file: this.#file, texts: [...texts], globs: [...globs] };
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const draft = `${this.#path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(kept), { mode: 0o600 });
    renameSync(draft, this.#path);
  }

  /** Undefined: the last run ended in order, or there was none. */
  read(): ConfigurationFiles | undefined {
    try {
      const kept = JSON.parse(readFileSync(this.#path, 'utf8')) as Kept;
      return kept.file === this.#file ? { texts: new Map(kept.texts), globs: new Map(kept.globs) } : undefined;
    } catch {
      return undefined;
    }
  }

  /** The end is in order: a start by hand is to be told what is wrong. */
  forget(): void {
    rmSync(this.#path, { force: true });
  }
}
