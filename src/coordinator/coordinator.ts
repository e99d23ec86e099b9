/** Drives transactions: makes each step durable, then calls branches, and turns their answers into the next step. */
import { createHash } from 'node:crypto';
import {
  type CallEffect,
  type Effect,
  inFlight,
  nextWake,
  type Order,
  type TransactionEvent,
  transactionMachine,
  type Verdict,
} from './advance.ts';
import type { BarrierVerdict } from './barrier-verdict.ts';
import type { BranchAnswer, BranchClient } from './branch-client.ts';
import { CallSlots } from './call-slots.ts';
import {
  type BranchDefinition,
  type Kind,
  type Operation,
  operationOf,
  type TransactionDefinition,
} from './definition.ts';
import { idleBranch, isFinal, type Phase, type Progress } from './progress.ts';
import { type StoredTransaction, StoreUnavailable, type TransactionStore } from './store.ts';

export interface CoordinatorOptions {
  readonly store: TransactionStore;
  readonly client: BranchClient;
  /** The barrier of this sidecar's own databases; undefined: none is known. */
  readonly barrier?: (gid: string, branch: string, operation: string) => Promise<BarrierVerdict>;
  /** Where a called service's sidecar answers for its barrier if neither its answer nor the step says: `http://{host}:36789`. */
  readonly barrierUrl?: string;
  /** For those other sidecars. */
  readonly barrierToken?: string;
  readonly random?: () => number;
  readonly observer?: CoordinatorObserver;
  /** Milliseconds; shorter ones make tests quick. */
  readonly leaseMs?: number;
  readonly pollMs?: number;
  readonly keepMs?: number;
}

/** What is seen of it. */
export interface CoordinatorObserver {
  ended(kind: Kind, outcome: 'succeeded' | 'failed'): void;
  called(operation: Operation, verdict: Verdict, milliseconds: number): void;
  suspended(gid: string, kind: Kind, reason: string): void;
  lost(gid: string): void;
  storeFailed(reason: string): void;
}

/** What a caller gets to know. */
export type Outcome =
  | { readonly kind: 'ok'; readonly transaction: StoredTransaction }
  | { readonly kind: 'unknown' }
  /** It is past the point at which this could be asked. */
  | { readonly kind: 'conflict'; readonly phase: Phase; readonly transaction: StoredTransaction };

interface Live {
  readonly gid: string;
  definition: TransactionDefinition;
  machine: ReturnType<typeof transactionMachine>;
  progress: Progress;
  epoch: number;
  readonly events: TransactionEvent[];
  working: boolean;
  timer: NodeJS.Timeout | undefined;
  leaseUntil: number;
}

const LEASE_MS = 10_000;
const POLL_MS = 500;
const KEEP_MS = 7 * 24 * 3600 * 1000;
const CLAIM_BATCH = 200;
/** Taken over ones that are held at once; new ones are held beside them. */
const CLAIMED_MAX = 2000;
const LIVE_MAX = 20_000;
/** A transaction that has nothing to do for longer is given back, so that any sidecar may go on with it. */
const HOLD_MS = 1000;
const CALLS_PER_HOST = 128;
const QUEUE_PER_HOST = 1024;
const TAKE_OVER_TRIES = 20;

export class Coordinator {
  readonly store: TransactionStore;
  readonly #options: CoordinatorOptions;
  readonly #live = new Map<string, Live>();
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #slots = new CallSlots(CALLS_PER_HOST, QUEUE_PER_HOST);
  readonly #leaseMs: number;
  readonly #random: () => number;
  #timers: NodeJS.Timeout[] = [];
  #opened = false;
  #stopping = false;
  #polling = false;
  #storeFailed = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.store = options.store;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#random = options.random ?? Math.random;
  }

  /** Transactions that this sidecar works on now. */
  get held(): number {
    return this.#live.size;
  }

  get storeReady(): boolean {
    return this.#opened && !this.#storeFailed;
  }

  /** Begins to look for work. A store that is down is tried again: requests are refused until it answers. */
  start(): void {
    const pollMs = this.#options.pollMs ?? POLL_MS;
    this.#every(pollMs, () => this.#poll());
    this.#every(this.#leaseMs / 4, () => this.#renew());
    this.#every(60_000, () => this.#prune());
    void this.#poll();
  }

  /** Gives everything back; calls under way are not waited for longer than `graceMs`. */
  async stop(graceMs = 2000): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    const until = Date.now() + graceMs;
    while (
      Date.now() < until &&
      [...this.#live.values()].some(({ progress, working }) => working || inFlight(progress) > 0)
    )
      await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all(
      [...this.#live.values()].map(async (live) => {
        clearTimeout(live.timer);
        await this.store
          .change({
            gid: live.gid,
            epoch: live.epoch,
            progress: live.progress,
            dueInMs: isFinal(live.progress.phase) ? undefined : 0,
          })
          .catch(() => false);
      }),
    );
    this.#live.clear();
    this.#options.client.close();
    await this.store.close().catch(() => {});
  }

  /** Begins a transaction that waits for its submit. The same one again is no error. */
  async prepare(gid: string, definition: TransactionDefinition): Promise<Outcome> {
    return await this.#create(gid, definition, 'prepared');
  }

  /** Begins a transaction, or goes on with one that was prepared. The same one again is no error. */
  async submit(gid: string, definition: TransactionDefinition): Promise<Outcome> {
    if (!definition.external) {
      const created = await this.#create(gid, definition, 'submitted');
      if (created.kind !== 'ok' || created.transaction.progress.phase !== 'prepared') return created;
    }
    return await this.#tell(
      gid,
      { kind: 'submit' },
      (phase) => phase === 'prepared',
      (phase) => ['forward', 'complete', 'succeeded'].includes(phase),
    );
  }

  /** Undoes a transaction that is not decided yet. */
  async abort(gid: string, reason: string): Promise<Outcome> {
    return await this.#tell(
      gid,
      { kind: 'abort', reason },
      (phase) => phase === 'prepared' || phase === 'forward',
      (phase) => phase === 'undo' || phase === 'failed',
    );
  }

  async register(gid: string, branch: BranchDefinition): Promise<'added' | 'unknown' | Phase> {
    this.#ready();
    return await this.store.addBranch(gid, branch);
  }

  /** Carries out an operator's order. The caller has written it into the audit. */
  async order(gid: string, order: Order): Promise<Outcome> {
    return await this.#tell(
      gid,
      { kind: 'order', order },
      (phase) => !isFinal(phase),
      () => false,
    );
  }

  async read(gid: string): Promise<StoredTransaction | undefined> {
    this.#ready();
    const live = this.#live.get(gid);
    const stored = await this.store.read(gid);
    return live === undefined || stored === undefined || live.epoch !== stored.epoch
      ? stored
      : { ...stored, progress: live.progress };
  }

  /** Resolves when it has ended or is suspended, or after `limitMs`, with what it is then. */
  async settled(gid: string, limitMs: number): Promise<StoredTransaction | undefined> {
    const until = Date.now() + limitMs;
    for (;;) {
      const held = this.#live.get(gid);
      if (held === undefined) {
        const stored = await this.store.read(gid);
        if (stored === undefined || isFinal(stored.progress.phase) || stored.progress.phase === 'suspended')
          return stored;
      }
      const left = until - Date.now();
      if (left <= 0) return await this.store.read(gid);
      await this.#changed(gid, Math.min(left, 200));
    }
  }

  #changed(gid: string, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const watchers = this.#watchers.get(gid) ?? new Set();
      this.#watchers.set(gid, watchers);
      const done = (): void => {
        clearTimeout(timer);
        watchers.delete(done);
        if (watchers.size === 0) this.#watchers.delete(gid);
        resolve();
      };
      const timer = setTimeout(done, limitMs);
      watchers.add(done);
    });
  }

  // -- requests --

  #ready(): void {
    if (this.#stopping) throw new StoreUnavailable('the sidecar is stopping');
    if (!this.#opened) throw new StoreUnavailable('the store has not answered yet');
  }

  async #create(gid: string, definition: TransactionDefinition, as: 'prepared' | 'submitted'): Promise<Outcome> {
    this.#ready();
    if (this.#live.size >= LIVE_MAX) throw new StoreUnavailable('too many transactions are under way');
    const at = this.store.now();
    const fresh: Progress = {
      phase: 'prepared',
      createdAt: at,
      phaseAt: at,
      branches: definition.branches.map(() => idleBranch),
    };
    const machine = transactionMachine(definition);
    const step = machine(fresh, as === 'submitted' ? { kind: 'submit', at } : { kind: 'tick', at });
    const dueInMs = this.#dueIn(definition, step.next, at);
    const created = await this.#asked(this.store.create({ gid, definition, progress: step.next }, dueInMs));
    if (!created) {
      const known = await this.#asked(this.store.read(gid));
      if (known === undefined) return { kind: 'unknown' };
      if (sameDefinition(known.definition, definition)) return { kind: 'ok', transaction: known };
      return { kind: 'conflict', phase: known.progress.phase, transaction: known };
    }
    const transaction: StoredTransaction = { gid, definition, progress: step.next, epoch: 1, owner: '', updatedAt: at };
    this.#after(this.#hold(transaction, dueInMs), step.effects);
    return { kind: 'ok', transaction };
  }

  /** Brings an event into a transaction: into the one held here, or by taking it over from whoever has it. */
  async #tell(
    gid: string,
    event: TransactionEvent extends infer E ? (E extends TransactionEvent ? Omit<E, 'at'> : never) : never,
    may: (phase: Phase) => boolean,
    already: (phase: Phase) => boolean,
  ): Promise<Outcome> {
    this.#ready();
    for (let turn = 0; turn < TAKE_OVER_TRIES; turn++) {
      const live = this.#live.get(gid);
      // What waits for its submit may have got branches that the one held here does not know.
      if (live !== undefined && live.progress.phase !== 'prepared' && may(live.progress.phase)) {
        this.#push(live, { ...event, at: this.store.now() } as TransactionEvent);
        await this.#changed(gid, 5000);
        const changed = await this.#asked(this.store.read(gid));
        return changed === undefined ? { kind: 'unknown' } : { kind: 'ok', transaction: changed };
      }
      const stored = await this.#asked(this.store.read(gid));
      if (stored === undefined) return { kind: 'unknown' };
      const { phase } = stored.progress;
      if (!may(phase))
        return already(phase) ? { kind: 'ok', transaction: stored } : { kind: 'conflict', phase, transaction: stored };
      const at = this.store.now();
      const machine = transactionMachine(stored.definition);
      // A waiting one has nothing under way; what another sidecar is calling is called again.
      const before =
        inFlight(stored.progress) > 0 ? machine(stored.progress, { kind: 'claimed', at }).next : stored.progress;
      const step = machine(before, { ...event, at } as TransactionEvent);
      const dueInMs = this.#dueIn(stored.definition, step.next, at);
      const epoch = stored.epoch + 1;
      if (await this.#asked(this.store.takeOver({ gid, epoch: stored.epoch, progress: step.next, dueInMs }))) {
        this.#drop(gid);
        const transaction = { ...stored, progress: step.next, epoch };
        this.#after(this.#hold(transaction, dueInMs), step.effects);
        return { kind: 'ok', transaction };
      }
      await new Promise((resolve) => setTimeout(resolve, 5 + 20 * this.#random()));
    }
    throw new StoreUnavailable(`transaction ${gid} changes too fast`);
  }

  // -- work --

  #hold(transaction: StoredTransaction, dueInMs: number | undefined): Live {
    const { gid, definition, progress, epoch } = transaction;
    const live: Live = {
      gid,
      definition,
      machine: transactionMachine(definition),
      progress,
      epoch,
      events: [],
      working: false,
      timer: undefined,
      leaseUntil: Date.now() + (dueInMs ?? 0),
    };
    this.#live.set(gid, live);
    return live;
  }

  #drop(gid: string): void {
    const live = this.#live.get(gid);
    if (live === undefined) return;
    clearTimeout(live.timer);
    this.#live.delete(gid);
  }

  #push(live: Live, event: TransactionEvent): void {
    if (this.#live.get(live.gid) !== live) return;
    live.events.push(event);
    if (!live.working) void this.#work(live);
  }

  /** All events that have come by now, as one step: one write for many answers. */
  async #work(live: Live): Promise<void> {
    live.working = true;
    try {
      while (live.events.length > 0 && this.#live.get(live.gid) === live) {
        const effects: Effect[] = [];
        let { progress } = live;
        for (const event of live.events.splice(0)) {
          const step = live.machine(progress, event);
          progress = step.next;
          effects.push(...step.effects);
        }
        const dueInMs = this.#dueIn(live.definition, progress, this.store.now());
        const before = Date.now();
        if (!(await this.store.change({ gid: live.gid, epoch: live.epoch, progress, dueInMs }))) {
          this.#options.observer?.lost(live.gid);
          this.#drop(live.gid);
          return;
        }
        live.progress = progress;
        live.leaseUntil = before + (dueInMs ?? 0);
        this.#after(live, effects);
      }
    } catch (error) {
      // Nobody knows whether it is durable: what is stored goes on when its lease has run out, here or elsewhere.
      this.#failed(error);
      this.#drop(live.gid);
    } finally {
      live.working = false;
    }
  }

  /** `progress` is durable now. */
  #after(live: Live, effects: readonly Effect[]): void {
    const { gid, progress, definition } = live;
    for (const effect of effects) {
      if (effect.kind === 'alert') this.#options.observer?.suspended(gid, definition.kind, effect.reason);
      else void this.#call(live, effect);
    }
    const busy = inFlight(progress) > 0;
    if (isFinal(progress.phase) && !busy)
      this.#options.observer?.ended(definition.kind, progress.phase as 'succeeded' | 'failed');
    clearTimeout(live.timer);
    live.timer = undefined;
    const wake = nextWake(definition, progress);
    if (!busy && (wake === undefined || wake - this.store.now() > HOLD_MS) && live.events.length === 0) this.#drop(gid);
    else if (wake !== undefined) {
      const wait = Math.min(2 ** 30, Math.max(0, wake - this.store.now()));
      live.timer = setTimeout(() => this.#push(live, { kind: 'tick', at: this.store.now() }), wait);
    }
    for (const watcher of this.#watchers.get(gid) ?? []) watcher();
  }

  /** How long from now it stays ours: a lease while there is work, the time of the next work otherwise. */
  #dueIn(definition: TransactionDefinition, progress: Progress, at: number): number | undefined {
    if (inFlight(progress) > 0) return this.#leaseMs;
    const wake = nextWake(definition, progress);
    if (wake === undefined) return undefined;
    const wait = Math.max(0, wake - at);
    return wait > HOLD_MS ? wait : wait + this.#leaseMs;
  }

  async #call(live: Live, effect: CallEffect): Promise<void> {
    const answer = await this.#callBranch(live, effect).catch(
      (error: unknown): BranchAnswer => ({ verdict: 'unknown', detail: String(error) }),
    );
    this.#push(live, {
      kind: 'answer',
      at: this.store.now(),
      branch: effect.branch,
      side: effect.side,
      verdict: answer.verdict,
      random: this.#random(),
      ...(answer.detail === undefined ? {} : { detail: answer.detail }),
    });
  }

  async #callBranch(live: Live, { branch, side, attempt }: CallEffect): Promise<BranchAnswer> {
    const { definition, gid, epoch } = live;
    const defined = definition.branches[branch];
    const text = branch < 0 ? definition.queryUrl : defined?.urls[side];
    if (text === undefined) return { verdict: 'done' };
    const id = defined?.id ?? '00';
    const operation = branch < 0 ? 'msg' : operationOf(definition.kind, side);
    const url = new URL(text);
    for (const [name, value] of Object.entries({ gid, trans_type: wireKind(definition), branch_id: id, op: operation }))
      url.searchParams.set(name, value);
    const body = branch < 0 ? '' : (defined?.payload ?? '');
    const host = url.host;
    if (!(await this.#slots.enter(host))) return { verdict: 'ongoing', detail: `too many calls wait for ${host}` };
    const began = performance.now();
    let answer: BranchAnswer;
    try {
      answer = await this.#options.client.call({
        url: url.href,
        method: body === '' && definition.kind !== 'xa' ? 'GET' : 'POST',
        headers: {
          ...(body === '' ? {} : { 'content-type': 'application/json' }),
          // Tracing libraries pass the state on only with a parent.
          traceparent: traceparentOf(gid, id, operation),
          tracestate: `shardmesh=${gid}/${id}/${operation}`,
          'shardmesh-branch': `${gid}/${id}/${operation}`,
          'shardmesh-epoch': String(epoch),
          'shardmesh-attempt': String(attempt),
          ...definition.headers,
          ...defined?.headers,
        },
        body,
        timeoutMs: defined?.timeoutMs ?? definition.timeoutMs,
      });
    } finally {
      this.#slots.leave(host);
    }
    if (answer.verdict === 'unknown' && branch >= 0)
      answer = await this.#byBarrier(answer, gid, id, operation, url, defined);
    this.#options.observer?.called(operation, answer.verdict, performance.now() - began);
    return answer;
  }

  /** The answer was lost, or an error: the barrier of the called service's database may know better. */
  async #byBarrier(
    answer: BranchAnswer,
    gid: string,
    branch: string,
    operation: string,
    url: URL,
    defined: BranchDefinition | undefined,
  ): Promise<BranchAnswer> {
    const own = await this.#options.barrier?.(gid, branch, operation).catch((): BarrierVerdict => 'none');
    const known =
      own === undefined || own === 'none'
        ? await this.#askElsewhere(answer, gid, branch, operation, url, defined)
        : own;
    if (known === 'done' || known === 'empty') return { verdict: 'done' };
    if (known === 'hanging') return { verdict: 'failed', detail: 'it was undone before it ran' };
    return answer;
  }

  async #askElsewhere(
    answer: BranchAnswer,
    gid: string,
    branch: string,
    operation: string,
    url: URL,
    defined: BranchDefinition | undefined,
  ): Promise<BarrierVerdict> {
    const configured = this.#options.barrierUrl?.replace('{host}', url.hostname);
    const base = answer.barrierUrl ?? defined?.barrierUrl ?? configured;
    if (base === undefined) return 'none';
    const path = [gid, branch, operation].map(encodeURIComponent).join('/');
    try {
      const { status, text } = await this.#options.client.exchange({
        url: `${base.replace(/\/$/, '')}/v1/branches/${path}`,
        method: 'GET',
        // The token goes where the configuration says, never where an answer points.
        headers:
          base === configured && this.#options.barrierToken !== undefined
            ? { authorization: `Bearer ${this.#options.barrierToken}` }
            : {},
        body: '',
        timeoutMs: 3000,
      });
      const verdict: unknown = status === 200 ? (JSON.parse(text) as { verdict?: unknown }).verdict : 'none';
      return verdict === 'done' || verdict === 'empty' || verdict === 'hanging' ? verdict : 'none';
    } catch {
      return 'none';
    }
  }

  // -- the clock's work --

  #every(ms: number, work: () => Promise<void>): void {
    // Sidecars that were started together do not ask together.
    const timer = setInterval(() => void work(), ms * (0.9 + 0.2 * this.#random()));
    timer.unref();
    this.#timers.push(timer);
  }

  async #poll(): Promise<void> {
    if (this.#polling || this.#stopping) return;
    this.#polling = true;
    try {
      if (!this.#opened) {
        await this.store.open();
        this.#opened = true;
      }
      for (;;) {
        const room = Math.min(CLAIM_BATCH, CLAIMED_MAX - this.#live.size);
        if (room <= 0 || this.#stopping) break;
        const claimed = await this.store.claim(room, this.#leaseMs);
        this.#storeFailed = false;
        for (const transaction of claimed) {
          this.#drop(transaction.gid);
          this.#push(this.#hold(transaction, this.#leaseMs), { kind: 'claimed', at: this.store.now() });
        }
        if (claimed.length < room) break;
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#polling = false;
    }
  }

  async #renew(): Promise<void> {
    const soon = Date.now() + this.#leaseMs * 0.6;
    const held = [...this.#live.values()].filter(
      ({ leaseUntil, progress }) => leaseUntil < soon && inFlight(progress) > 0,
    );
    try {
      for (let at = 0; at < held.length; at += 500) {
        const part = held.slice(at, at + 500);
        const before = Date.now();
        const lost = new Set(await this.store.renew(part, this.#leaseMs));
        for (const live of part) {
          if (lost.has(live.gid)) {
            if (this.#live.get(live.gid) === live) this.#drop(live.gid);
          } else live.leaseUntil = before + this.#leaseMs;
        }
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  async #prune(): Promise<void> {
    if (!this.#opened) return;
    try {
      while ((await this.store.prune(this.#options.keepMs ?? KEEP_MS)) >= 500 && !this.#stopping);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #asked<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #failed(error: unknown): void {
    if (this.#stopping) return;
    this.#storeFailed = true;
    this.#options.observer?.storeFailed(error instanceof Error ? error.message : String(error));
  }
}

/** One trace for a transaction, one parent for an operation; not sampled, unless the service decides so. */
function traceparentOf(gid: string, branch: string, operation: string): string {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  return `00-${digest(gid).slice(0, 32)}-${digest(`${gid}/${branch}/${operation}`).slice(0, 16)}-00`;
}

function wireKind({ kind }: TransactionDefinition): string {
  return kind === 'message' ? 'msg' : kind;
}

function sameDefinition(a: TransactionDefinition, b: TransactionDefinition): boolean {
  if (a.external || b.external) return a.kind === b.kind && a.external === b.external;
  return JSON.stringify(a) === JSON.stringify(b);
}
