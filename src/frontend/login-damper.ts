/** Failed logins of one host are answered later and later; right passwords are never held up, since all of a pod share one host. */

const FREE_FAILURES = 5;
const FIRST_DELAY_MS = 100;
const DELAY_MAX_MS = 5000;
/** Half of the failures are forgotten after this time without another. */
const HALF_LIFE_MS = 30_000;
const HOSTS_MAX = 10_000;

interface Failures {
  count: number;
  at: number;
}

export class LoginDamper {
  /** Oldest first. */
  readonly #hosts = new Map<string, Failures>();
  readonly #now: () => number;

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Counts a failed login; answers how many milliseconds its refusal has to wait. */
  failed(host: string): number {
    const now = this.#now();
    const known = this.#hosts.get(host);
    const forgotten = known === undefined ? 0 : Math.floor((now - known.at) / HALF_LIFE_MS);
    const count = (known === undefined ? 0 : Math.floor(known.count / 2 ** Math.min(forgotten, 30))) + 1;
    this.#hosts.delete(host);
    this.#hosts.set(host, { count, at: now });
    if (this.#hosts.size > HOSTS_MAX) this.#hosts.delete(this.#hosts.keys().next().value as string);
    if (count <= FREE_FAILURES) return 0;
    return Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** Math.min(count - FREE_FAILURES - 1, 20));
  }
}
