/** Counters with one limit over all workers: who holds how many of what. */

/** Names at most: users, mostly. */
const NAMES_MAX = 100_000;

export class CounterHub<Member> {
  readonly #counts = new Map<string, Map<Member, number>>();

  /** False: there are `max` already. */
  take(member: Member, name: string, max: number): boolean {
    let holders = this.#counts.get(name);
    let total = 0;
    for (const count of holders?.values() ?? []) total += count;
    if (total >= max) return false;
    if (holders === undefined) {
      if (this.#counts.size >= NAMES_MAX) return false;
      holders = new Map();
      this.#counts.set(name, holders);
    }
    holders.set(member, (holders.get(member) ?? 0) + 1);
    return true;
  }

  give(member: Member, name: string): void {
    const holders = this.#counts.get(name);
    const count = (holders?.get(member) ?? 0) - 1;
    if (holders === undefined || count < 0) return;
    if (count > 0) holders.set(member, count);
    else holders.delete(member);
    if (holders.size === 0) this.#counts.delete(name);
  }

  /** A worker that has died holds nothing. */
  remove(member: Member): void {
    for (const [name, holders] of this.#counts) {
      holders.delete(member);
      if (holders.size === 0) this.#counts.delete(name);
    }
  }
}
