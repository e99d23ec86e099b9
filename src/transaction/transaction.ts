/** A session's transaction over any number of sources: branches join when they are first touched. */
import type { Lease } from '../backend/index.ts';
import type { OkPacket } from '../wire/index.ts';
import type { Branch } from './branch.ts';
import type { CommitProtocol, Coordinator, TransactionScope } from './commit-protocol.ts';

/**
 * Owned by one session. Not re-entrant: the session runs one statement at a time, and one statement joins its
 * sources before it runs on them. Leases belong to the transaction from `join` until `commit` or `rollback`.
 */
export class Transaction {
  readonly coordinator: Coordinator;
  readonly #branches = new Map<string, Branch>();
  /** Names in the order they were set; repeated on branches that join later. */
  #savepoints: string[] = [];
  readonly #afterwards = new Map<string, 'close' | 'keep'>();

  constructor(protocol: CommitProtocol, scope: TransactionScope) {
    this.coordinator = protocol.begin(scope);
  }

  /** Whether the coordinator wants to know of statements: asked on each, so that the others cost nothing. */
  get watched(): boolean {
    return this.coordinator.beforeStatement !== undefined || this.coordinator.afterStatement !== undefined;
  }

  get sources(): readonly string[] {
    return [...this.#branches.keys()];
  }

  get size(): number {
    return this.#branches.size;
  }

  branch(source: string): Branch | undefined {
    return this.#branches.get(source);
  }

  /** Opens a branch on a lease, and runs `also` behind in the same packet; `told` gets the last answer. On failure the lease stays the caller's, with nothing open on it that its destruction would not end. */
  async join(source: string, lease: Lease, also?: string, told?: (ok: OkPacket) => void): Promise<Branch> {
    const opening = [
      ...(await this.coordinator.open({ source, lease }, [...this.#branches.values()])),
      ...this.#savepoints.map((name) => `SAVEPOINT ${quote(name)}`),
      ...(also === undefined ? [] : [also]),
    ];
    // In one packet: a statement that fails stops the rest.
    const { ok } = await lease.connection.query(opening.join(';'));
    told?.(ok);
    const branch: Branch = { source, lease, wrote: false };
    this.#branches.set(source, branch);
    return branch;
  }

  /** SAVEPOINT name, on every branch. */
  async savepoint(name: string): Promise<void> {
    await this.#onAll(`SAVEPOINT ${quote(name)}`);
    this.coordinator.savepoint?.('set', name);
    this.#savepoints = this.#savepoints.filter((known) => !sameName(known, name));
    this.#savepoints.push(name);
  }

  hasSavepoint(name: string): boolean {
    return this.#savepoints.some((known) => sameName(known, name));
  }

  /** ROLLBACK TO name: later savepoints are forgotten. The caller has checked `hasSavepoint`. */
  async rollbackTo(name: string): Promise<void> {
    await this.#onAll(`ROLLBACK TO SAVEPOINT ${quote(name)}`);
    this.coordinator.savepoint?.('rollback to', name);
    this.#savepoints.length = this.#indexOf(name) + 1;
  }

  /** RELEASE SAVEPOINT name: it and later ones are forgotten. */
  async release(name: string): Promise<void> {
    await this.#onAll(`RELEASE SAVEPOINT ${quote(name)}`);
    this.coordinator.savepoint?.('release', name);
    this.#savepoints.length = this.#indexOf(name);
  }

  /** The branch's connection is closed, not pooled, when the transaction ends. */
  keepOut(source: string): void {
    this.#afterwards.set(source, 'close');
  }

  /** The branch's connection stays with the session when the transaction ends. */
  keepFor(source: string): void {
    this.#afterwards.set(source, 'keep');
  }

  /** Commits by the protocol, then gives all leases back. After it (whatever its outcome) the transaction is over. */
  async commit(): Promise<void> {
    try {
      await this.coordinator.commit([...this.#branches.values()]);
    } finally {
      this.#giveBack();
    }
  }

  /** Rolls back everywhere; never fails: what cannot be asked is cut off. */
  async rollback(): Promise<void> {
    await this.coordinator.rollback([...this.#branches.values()]);
    this.#giveBack();
  }

  /** Cuts every branch off at once: the servers roll back. */
  abandon(): void {
    const branches = [...this.#branches.values()];
    for (const branch of branches) branch.lease.destroy();
    this.#branches.clear();
    if (branches.length > 0) this.coordinator.abandoned?.(branches);
  }

  async #onAll(sql: string): Promise<void> {
    await Promise.all([...this.#branches.values()].map((branch) => branch.lease.connection.query(sql)));
  }

  #indexOf(name: string): number {
    return this.#savepoints.findIndex((known) => sameName(known, name));
  }

  #giveBack(): void {
    for (const branch of this.#branches.values()) {
      const afterwards = this.#afterwards.get(branch.source);
      if (afterwards === 'close') branch.lease.destroy();
      else if (afterwards === undefined) branch.lease.release();
    }
    this.#branches.clear();
    this.#savepoints = [];
  }
}

function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** Savepoint names are case-insensitive. */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
