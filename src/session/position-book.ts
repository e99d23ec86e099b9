/** What must be seen by whom: for each user and cluster of servers, the position that no later read may fall behind. */
import { Position } from './position.ts';

/** Tells the other workers (and sidecars) of a position; resolves when they know it. */
export type PositionPublisher = (
  user: string,
  cluster: string,
  sequence: string,
  number: bigint,
  text: string,
) => Promise<void>;

/** User and cluster pairs kept; the one raised least recently goes first, and its next read asks the primary. */
const KEPT_MAX = 10_000;

export class PositionBook {
  readonly #positions = new Map<string, Position>();
  readonly #publish: PositionPublisher | undefined;
  /** Others are being told of these: whoever sees the same position meanwhile must wait for it as well. */
  readonly #telling = new Map<string, Promise<void>>();
  /** Something has been forgotten: a pair without position may be one whose position is not known any more. */
  #forgot = false;

  constructor(publish?: PositionPublisher) {
    this.#publish = publish;
  }

  /** What all sessions of a user must see of a cluster; undefined: it was forgotten, so only the primary will do. */
  position(user: string, cluster: string): Position | undefined {
    const known = this.#positions.get(keyOf(user, cluster));
    return known ?? (this.#forgot ? undefined : nothing);
  }

  /** A session of this process wrote or saw it. The promise, if any: when the others know. */
  raise(user: string, cluster: string, gtids: string): Promise<void> | undefined {
    const position = this.#of(user, cluster);
    if (this.#publish === undefined) return undefined;
    const key = keyOf(user, cluster);
    const before = this.#telling.get(key);
    if (!position.raise(gtids)) return before;
    const published: Promise<void>[] = [];
    for (const gtid of gtids.split(',')) {
      const one = new Position();
      one.raise(gtid);
      for (const [sequence, { number, text }] of one.entries())
        published.push(this.#publish(user, cluster, sequence, number, text));
    }
    const telling = Promise.all([before, ...published]).then(() => undefined);
    this.#telling.set(key, telling);
    const told = (): void => {
      if (this.#telling.get(key) === telling) this.#telling.delete(key);
    };
    telling.then(told, told);
    return telling;
  }

  /** Somebody else's. */
  learn(user: string, cluster: string, gtids: string): void {
    this.#of(user, cluster).raise(gtids);
  }

  get size(): number {
    return this.#positions.size;
  }

  #of(user: string, cluster: string): Position {
    const key = keyOf(user, cluster);
    const known = this.#positions.get(key);
    if (known !== undefined) {
      // A Map keeps the order of insertion.
      if (this.#positions.size > KEPT_MAX / 2) {
        this.#positions.delete(key);
        this.#positions.set(key, known);
      }
      return known;
    }
    const fresh = new Position();
    this.#positions.set(key, fresh);
    if (this.#positions.size > KEPT_MAX) {
      this.#positions.delete(this.#positions.keys().next().value as string);
      this.#forgot = true;
    }
    return fresh;
  }
}

/** Never raised. */
const nothing = new Position();

function keyOf(user: string, cluster: string): string {
  return `${user}\0${cluster}`;
}
