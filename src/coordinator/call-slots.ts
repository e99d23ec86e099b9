/** How many calls may be under way, in all and to one host: a host that hangs fills its own slots, nobody else's. */

export class CallSlots {
  readonly #perHost: number;
  readonly #queueMax: number;
  readonly #hosts = new Map<string, { busy: number; readonly waiting: (() => void)[] }>();

  constructor(perHost: number, queueMax: number) {
    this.#perHost = perHost;
    this.#queueMax = queueMax;
  }

  /** Resolves when a slot is free; false: too many wait already, come back later. */
  async enter(host: string): Promise<boolean> {
    let slots = this.#hosts.get(host);
    if (slots === undefined) {
      slots = { busy: 0, waiting: [] };
      this.#hosts.set(host, slots);
    }
    if (slots.busy < this.#perHost) {
      slots.busy += 1;
      return true;
    }
    if (slots.waiting.length >= this.#queueMax) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    slots.waiting.push(resolve);
    await promise;
    return true;
  }

  /** Gives the slot of `enter` to the next who waits. */
  leave(host: string): void {
    const slots = this.#hosts.get(host);
    if (slots === undefined) return;
    const next = slots.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    slots.busy -= 1;
    if (slots.busy === 0) this.#hosts.delete(host);
  }
}
