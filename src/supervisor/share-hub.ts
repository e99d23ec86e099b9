/** The supervisor's side of what workers share: merges what they publish, and tells it to all others. */
import { type SharedEntry, SharedValues } from '../base/index.ts';

/** One worker as the hub sees it. */
export interface ShareMember {
  /** Resolves when it has applied them; rejects when it is gone. */
  apply(entries: readonly SharedEntry[]): Promise<unknown>;
  /** It has clients, so that what is published must have reached it. */
  serving(): boolean;
}

export class ShareHub {
  readonly #values = new SharedValues();
  readonly #members = new Set<ShareMember>();

  /** A new worker: it gets what is kept, and from here on what is published. */
  add(member: ShareMember): void {
    const kept = this.#values.entries();
    this.#members.add(member);
    if (kept.length > 0) void member.apply(kept).catch(() => undefined);
  }

  remove(member: ShareMember): void {
    this.#members.delete(member);
  }

  /**
   * Resolves when all other serving workers have applied the values, or are gone. A worker that does not serve yet gets them
   * before its first client, because messages keep their order; it is not waited for.
   */
  async publish(from: ShareMember, entries: readonly SharedEntry[]): Promise<undefined> {
    for (const [topic, key, value] of entries) this.#values.merge(topic, key, value);
    const applied: Promise<unknown>[] = [];
    for (const member of this.#members) {
      if (member === from) continue;
      const done = member.apply(entries).catch(() => undefined);
      if (member.serving()) applied.push(done);
    }
    await Promise.all(applied);
    return undefined;
  }
}
