/** Which locks of GET_LOCK a pinned connection may hold: the server is asked after each statement of the family, so that the pin ends with the last one. */
import type { Lease } from '../backend/index.ts';

/** Asked one by one up to here; a session with more stays pinned until RELEASE_ALL_LOCKS(). */
const NAMES_MAX = 64;

/** Owned by a pin. */
export class UserLocks {
  /** Names as hexadecimal utf8mb4. */
  readonly #names = new Set<string>();
  /** A lock was taken whose name could not be told from the statement. */
  #unknown = false;

  /**
   * `taken`: the texts of the names given to GET_LOCK, undefined where one is not constant. `releasedAll`: RELEASE_ALL_LOCKS()
   * ran. Resolves with whether none is held any more. Rejects with BackendFault.
   */
  async after(lease: Lease, taken: readonly (Buffer | undefined)[], releasedAll: boolean): Promise<boolean> {
    if (releasedAll && taken.length === 0) return true;
    for (const text of taken) {
      const name = text === undefined || this.#names.size >= NAMES_MAX ? undefined : await nameOf(lease, text);
      if (name === undefined) this.#unknown = true;
      else this.#names.add(name);
    }
    for (const name of this.#names) {
      const result = await lease.connection.query(
        `SELECT IS_USED_LOCK(CONVERT(X'${name}' USING utf8mb4))=CONNECTION_ID()`,
      );
      if (result.rows[0]?.[0] !== '1') this.#names.delete(name);
    }
    return this.#names.size === 0 && !this.#unknown;
  }
}

async function nameOf(lease: Lease, text: Buffer): Promise<string | undefined> {
  const sql = Buffer.concat([Buffer.from('SELECT HEX(CONVERT('), text, Buffer.from(' USING utf8mb4))')]);
  const result = await lease.connection.query(sql);
  return result.rows[0]?.[0] ?? undefined;
}
