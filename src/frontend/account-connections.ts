/** How many connections each account has now, for the limit that `users[].connections` sets. */
import { MeshError } from '../base/index.ts';
import type { Account } from './mesh-snapshot.ts';

export class AccountConnections {
  readonly #counts = new Map<string, number>();

  /** Counts one more; answers what gives it back, once. Throws what MySQL says of MAX_USER_CONNECTIONS. */
  enter(account: Account): () => void {
    const key = `${account.user}@${account.host.text.toLowerCase()}`;
    const count = this.#counts.get(key) ?? 0;
    if (account.connections !== undefined && count >= account.connections) {
      throw new MeshError('ER_USER_LIMIT_REACHED', {
        user: account.user,
        resource: 'max_user_connections',
        value: account.connections,
      });
    }
    this.#counts.set(key, count + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const left = (this.#counts.get(key) ?? 1) - 1;
      if (left === 0) this.#counts.delete(key);
      else this.#counts.set(key, left);
    };
  }
}
