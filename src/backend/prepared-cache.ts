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

export class PreparedCache {
  readonly #handles: Lru<string, PreparedHandle>;
  #clearing = false;

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
    return this.#handles.get(text);
  }

  set(handle: PreparedHandle): void {
    this.#handles.set(handle.text, handle);
  }

  /** Forgets one and closes it on the server. */
  delete(text: string): void {
    this.#handles.delete(text);
  }

  /** Forgets all without closing: the server has dropped them itself (reset, change user). */
  clear(): void {
    this.#clearing = true;
    this.#handles.clear();
    this.#clearing = false;
  }
}
