/** Delivers what sessions left in outboxes: looks at every server from time to time, and at once when it is told to. */
import type { Clock } from '../../base/index.ts';
import { testMs } from '../fault-point.ts';
import { attemptDelivery, type DeliveryOptions, type DeliveryTarget } from './delivery.ts';
import { type DeliveryGround, onOwnLease, ownClass, serverOf } from './ground.ts';
import {
  claimOutbox,
  countOutbox,
  DEAD,
  dueOutbox,
  forgetInbox,
  forgetSettled,
  oldInbox,
  readClaimed,
  stillInOutbox,
} from './outbox.ts';
import { relayLimits } from './relay-machine.ts';

export interface RelayEvents {
  /** A row was delivered, postponed or given up. */
  attempted(report: {
    readonly gid: string;
    readonly seq: number;
    readonly target: string;
    readonly outcome: 'delivered' | 'postponed' | 'dead';
    readonly tries: number;
    readonly reason: string;
  }): void;
  /** A server could not be looked at. */
  unreachable(source: string, error: unknown): void;
  reachable(source: string): void;
}

export interface RelayOptions extends DeliveryOptions {
  readonly clock: Clock;
  readonly events: RelayEvents;
  /** All logical databases as configured now. */
  grounds(): readonly DeliveryGround[];
  /** Between two looks at a server. */
  readonly everyMs: number;
  /** Between two rounds of removing what is no longer needed. */
  readonly sweepEveryMs: number;
  /** Inbox rows and settled outbox rows are kept for so long. */
  readonly keepMs: number;
}

export const relayDefaults = {
  limits: relayLimits,
  attemptMs: testMs('attempt', 20_000),
  everyMs: testMs('every', 1000),
  sweepEveryMs: testMs('sweep', 60_000),
  keepMs: testMs('keep', 24 * 3_600_000),
} as const;

/** Rows of one server that are looked at in one round, and rows that are swept at once. */
const ROWS_MAX = 64;
const SWEEP_MAX = 500;

/** What waits on one server, for metrics. */
export interface OutboxCount {
  readonly state: 'pending' | 'dead';
  readonly rows: number;
  readonly oldestMs: number;
}

/** One server that may have an outbox, by the first source that is on it. */
interface Place {
  readonly ground: DeliveryGround;
  readonly source: string;
  readonly server: string;
}

export class DeliveryRelay {
  readonly #options: RelayOptions;
  /** Servers being looked at; true: once more afterwards. */
  readonly #busy = new Map<string, boolean>();
  readonly #counts = new Map<string, readonly OutboxCount[]>();
  #stops: (() => void)[] = [];
  #stopped = false;
  readonly #running = new Set<Promise<void>>();

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  start(): void {
    this.#again(this.#options.everyMs, () => this.round());
    this.#again(this.#options.sweepEveryMs, () => this.sweep());
  }

  /** Nothing new is begun; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
    await Promise.allSettled(this.#running);
  }

  /** A session left something in the outbox of this source: it is looked at now rather than in a moment. */
  handOver(logicalDatabase: string, source: string): void {
    const ground = this.#options.grounds().find((each) => each.logicalDatabase === logicalDatabase);
    if (ground === undefined || this.#stopped) return;
    this.#track(
      serverOf(ground, source, this.#options.attemptMs).then(
        (server) => this.#look({ ground, source, server }),
        (error: unknown) => this.#options.events.unreachable(source, error),
      ),
    );
  }

  /** What waited on each server when it was last looked at, by identity. */
  get counts(): ReadonlyMap<string, readonly OutboxCount[]> {
    return this.#counts;
  }

  /** Looks at every server once. */
  async round(): Promise<void> {
    const places = await this.#places();
    for (const server of this.#counts.keys()) if (!places.has(server)) this.#counts.delete(server);
    await Promise.all([...places.values()].map((place) => this.#look(place)));
  }

  /** Removes what is no longer needed on every server. */
  async sweep(): Promise<void> {
    const places = await this.#places();
    await Promise.all(
      [...places.values()].map((place) =>
        this.#sweepPlace(place, places).catch((error: unknown) =>
          this.#options.events.unreachable(place.source, error),
        ),
      ),
    );
  }

  #again(everyMs: number, work: () => Promise<void>): void {
    let cancel = (): void => undefined;
    const next = (): void => {
      const jitter = 0.75 + this.#options.random() / 2;
      cancel = this.#options.clock.after(everyMs * jitter, () => {
        this.#track(work().finally(() => (this.#stopped ? undefined : next())));
      });
    };
    next();
    this.#stops.push(() => cancel());
  }

  #track(work: Promise<void>): void {
    const settled = work.catch(() => undefined);
    this.#running.add(settled);
    void settled.then(() => this.#running.delete(settled));
  }

  /** Every server that can be named now, once. */
  async #places(): Promise<Map<string, Place>> {
    const places = new Map<string, Place>();
    const asked = this.#options.grounds().flatMap((ground) => ground.sources.map((source) => ({ ground, source })));
    await Promise.all(
      asked.map(async ({ ground, source }) => {
        try {
          const server = await serverOf(ground, source, this.#options.attemptMs);
          if (!places.has(server)) places.set(server, { ground, source, server });
        } catch {
          // Without the tables there is no outbox; a server that is down is asked again next time.
        }
      }),
    );
    return places;
  }

  async #look(place: Place): Promise<void> {
    if (this.#busy.has(place.server)) {
      this.#busy.set(place.server, true);
      return;
    }
    this.#busy.set(place.server, false);
    try {
      do {
        this.#busy.set(place.server, false);
        await this.#deliverDue(place);
      } while (this.#busy.get(place.server) === true && !this.#stopped);
      this.#options.events.reachable(place.source);
    } catch (error) {
      this.#options.events.unreachable(place.source, error);
    } finally {
      this.#busy.delete(place.server);
    }
  }

  async #deliverDue(place: Place): Promise<void> {
    const due = await this.#on(place, dueOutbox(ROWS_MAX));
    // One after the other for each target, in the order in which they are due; targets side by side.
    const byTarget = new Map<string, DueRow[]>();
    for (const row of due.map(dueRow)) {
      const target = `${row.server} ${row.schema}`;
      const rows = byTarget.get(target);
      if (rows === undefined) byTarget.set(target, [row]);
      else rows.push(row);
    }
    const targets = byTarget.size === 0 ? undefined : await this.#targets();
    await Promise.all(
      [...byTarget].map(async ([key, rows]) => {
        for (const row of rows) {
          if (this.#stopped) return;
          const outcome = await this.#deliver(place, row, targets?.get(key));
          // A target that does not answer now is not asked for every row that waits for it.
          if (outcome === 'postponed') return;
        }
      }),
    );
    const counts = await this.#on(place, countOutbox);
    this.#counts.set(
      place.server,
      counts.map(([state, rows, oldest]) => ({
        state: Number(state) === DEAD ? 'dead' : 'pending',
        rows: Number(rows),
        oldestMs: Math.max(0, Number(oldest)),
      })),
    );
  }

  async #deliver(place: Place, row: DueRow, target: DeliveryTarget | undefined): Promise<string> {
    const { gid, seq } = row;
    const claimed = await onOwnLease(
      place.ground,
      place.source,
      ownClass,
      this.#options.attemptMs,
      async ({ connection }) => {
        const claim = { gid, seq, epoch: row.epoch + 1 };
        if ((await connection.query(claimOutbox(gid, seq, row.epoch))).ok.affectedRows !== 1n) return undefined;
        const [found] = (await connection.query(readClaimed(claim))).rows;
        if (found === undefined) return undefined;
        const [payload, tries, ageMs] = found;
        return { claim, payload: Buffer.from(payload ?? '', 'latin1'), tries: Number(tries), ageMs: Number(ageMs) };
      },
    );
    if (claimed === undefined) return 'lost';
    const targetName = `schema '${row.schema}' of server ${row.server} (source '${row.source}' at the time)`;
    const { outcome, reason } = await attemptDelivery(
      {
        ...claimed,
        homeGround: place.ground,
        homeSource: place.source,
        homeServer: place.server,
        target,
        targetName,
      },
      this.#options,
    );
    if (outcome !== 'lost')
      this.#options.events.attempted({ gid, seq, target: row.source, outcome, tries: claimed.tries, reason });
    return outcome;
  }

  /** Sources by the identity of their server and their schema: names in a configuration may come to mean another. */
  async #targets(): Promise<Map<string, DeliveryTarget>> {
    const targets = new Map<string, DeliveryTarget>();
    await Promise.all(
      this.#options.grounds().flatMap((ground) =>
        ground.sources.map(async (source) => {
          try {
            const server = await serverOf(ground, source, this.#options.attemptMs);
            targets.set(`${server} ${ground.schema(source)}`, { ground, source, server });
          } catch {
            // Not reachable now: its rows are postponed.
          }
        }),
      ),
    );
    return targets;
  }

  async #sweepPlace(place: Place, places: ReadonlyMap<string, Place>): Promise<void> {
    await this.#on(place, forgetSettled(this.#options.keepMs));
    const old = (await this.#on(place, oldInbox(this.#options.keepMs, SWEEP_MAX))).map(([gid, seq, home]) => ({
      gid: gid ?? '',
      seq: Number(seq),
      home: home ?? '',
    }));
    for (const home of new Set(old.map((row) => row.home))) {
      // While the outbox row is there it may be delivered again, and only the inbox row keeps that from happening.
      const homePlace = places.get(home);
      if (homePlace === undefined) continue;
      const rows = old.filter((row) => row.home === home);
      const kept = new Set((await this.#on(homePlace, stillInOutbox(rows))).map(([gid, seq]) => `${gid} ${seq}`));
      const gone = rows.filter((row) => !kept.has(`${row.gid} ${row.seq}`));
      if (gone.length > 0) await this.#on(place, forgetInbox(gone));
    }
  }

  #on(place: Place, sql: string): Promise<readonly (readonly (string | null)[])[]> {
    return onOwnLease(place.ground, place.source, ownClass, this.#options.attemptMs, async ({ connection }) => {
      const result = await connection.query(sql);
      return result.rows;
    });
  }
}

interface DueRow {
  readonly gid: string;
  readonly seq: number;
  readonly server: string;
  readonly schema: string;
  readonly source: string;
  readonly epoch: number;
}

function dueRow([gid, seq, server, schema, source, epoch]: readonly (string | null)[]): DueRow {
  return {
    gid: gid ?? '',
    seq: Number(seq),
    server: server ?? '',
    schema: Buffer.from(schema ?? '', 'latin1').toString('utf8'),
    source: Buffer.from(source ?? '', 'latin1').toString('utf8'),
    epoch: Number(epoch),
  };
}
