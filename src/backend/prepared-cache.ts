/** Which statements are prepared on one backend connection: text -> statement id, bounded, least recently used closed first. */
import { Lru } from '../base/index.ts';

/** A statement prepared on one connection. Of no use after that connection was reset or closed. */
export interface PreparedHandle {
  readonly text: string;
  readonly statementId: number;
  readonly parameterCount: number;
  readonly columnCount: number;
  readonly warnings: number;
  /** Raw definition packets (payloads) as the server sent them. */
  readonly parameters: readonly Buffer[];
  readonly columns: readonly Buffer[];
  /** Whether parameter types have been sent on this connection: until then an EXECUTE must carry them. */
  boundTypes: Buffer | undefined;
}

/**
 * A statement's meaning depends on the session at PREPARE time (schema, sql_mode, character sets), so statements are kept
 * under `scope`, a text that the floor above sets to whatever tells these settings apart.
 */
export class PreparedCache {
  readonly #handles: Lru<string, PreparedHandle>;
  #clearing = false;
  scope = '';

  /** `close` is called with a statement id that is no longer kept. */
  constructor(countMax: number, close: (statementId: number) => void) {
    this.#handles = new Lru(
      countMax,
      () => 1,
      (handle) => {
        if (!this.#clearing) close(handle.statementId);
      },
    );
  }

  get size(): number {
    return this.#handles.size;
  }

  get(text: string): PreparedHandle | undefined {
    return this.#handles.get(this.key(text));
  }

  /** `key` is what `key()` answered when the statement was prepared. */
  set(key: string, handle: PreparedHandle): void {
    this.#handles.set(key, handle);
  }

  key(text: string): string {
    return this.scope === '' ? text : `${this.scope}\0${text}`;
  }

  /** Forgets one and closes it on the server. */
  delete(text: string): void {
    this.#handles.delete(this.key(text));
  }

  /** Forgets all without closing: the server has dropped them itself (reset, change user). */
  clear(): void {
    this.#clearing = true;
    this.#handles.clear();
    this.#clearing = false;
    this.scope = '';
  }
}
