/** What operators see of deliveries, and may do with them: list, retry, skip, force; each order leaves a row in `shardmesh.audit`. */
import { MeshError } from '../../base/index.ts';
import { meshSchema, serverTime } from '../tables.ts';
import { type DeliveryGround, onOwnLease, ownClass, serverOf } from './ground.ts';
import { DEAD, hex, insertInboxOf, listOutbox, openOutbox, readOutbox, reviveOutbox, settleOutbox } from './outbox.ts';
import { decodePayload } from './payload.ts';
import { ReplayDiffers, replayStatements } from './replay-statements.ts';

/** One delivery that has not arrived: an outbox row. */
export interface OpenDelivery {
  readonly gid: string;
  /** The row's number in its transaction, as `SKIP BRANCH` and `FORCE ... BRANCH` take it. */
  readonly branch: string;
  readonly state: 'pending' | 'dead';
  readonly logicalDatabase: string;
  /** The source whose server keeps the row. */
  readonly home: string;
  /** What the rules called the target when it was written. */
  readonly target: string;
  readonly tries: number;
  readonly ageMs: number;
  /** Why the last attempt failed. */
  readonly reason: string;
  /** The statements that are due, with what they are to affect. */
  readonly payload: string;
}

/** The words of MESH RESOLVE. */
export type ResolveWord =
  | { readonly kind: 'commit' | 'rollback' | 'retry' }
  | { readonly kind: 'skip'; readonly branch: string }
  | { readonly kind: 'force'; readonly outcome: 'commit' | 'rollback'; readonly branch: string };

export interface ResolveOrder {
  readonly gid: string;
  readonly word: ResolveWord;
  readonly actor: string;
  readonly reason: string;
}

const ROWS_MAX = 1000;
const TIMEOUT_MS = 20_000;
const ER_DUP_ENTRY = 1062;

interface Place {
  readonly ground: DeliveryGround;
  readonly source: string;
  readonly server: string;
}

export class DeliveryDesk {
  readonly #grounds: () => readonly DeliveryGround[];
  readonly #wake: (logicalDatabase: string, source: string) => void;

  /** `wake`: tells the relay that a row is due. */
  constructor(
    grounds: () => readonly DeliveryGround[],
    wake: (logicalDatabase: string, source: string) => void = () => undefined,
  ) {
    this.#grounds = grounds;
    this.#wake = wake;
  }

  /** Of every server that answers, the oldest first. */
  async list(): Promise<readonly OpenDelivery[]> {
    const lists = await Promise.all(
      (await this.#places()).map(async ({ ground, source }) => {
        const rows = await this.#rows(ground, source, listOutbox(ROWS_MAX));
        return rows.map(
          ([gid, seq, target, state, tries, ageMs, reason, payload]): OpenDelivery => ({
            gid: gid ?? '',
            branch: seq ?? '',
            state: Number(state) === DEAD ? 'dead' : 'pending',
            logicalDatabase: ground.logicalDatabase,
            home: source,
            target: utf8(target),
            tries: Number(tries),
            ageMs: Number(ageMs),
            reason: utf8(reason),
            payload: utf8(payload),
          }),
        );
      }),
    );
    return lists.flat().sort((a, b) => b.ageMs - a.ageMs);
  }

  /** False: no open delivery has this gid. Rejects with a MeshError where the word does not fit, or with the target's error. */
  async resolve(order: ResolveOrder): Promise<boolean> {
    for (const place of await this.#places()) {
      const open = await this.#rows(place.ground, place.source, openOutbox(order.gid));
      if (open.length === 0) continue;
      await this.#resolveAt(place, order);
      return true;
    }
    return false;
  }

  async #resolveAt(place: Place, order: ResolveOrder): Promise<void> {
    const { gid, word } = order;
    switch (word.kind) {
      // The outbox is the decision: it was made.
      case 'rollback':
        throw new MeshError('SM_ALREADY_DECIDED', { gid, state: 'committed' });
      case 'commit':
      case 'retry':
        await this.#run(place, [reviveOutbox(gid, undefined), audit(order, '', word.kind)]);
        this.#wake(place.ground.logicalDatabase, place.source);
        return;
      case 'skip':
        return this.#skip(place, order, word.branch);
      case 'force':
        if (word.outcome === 'rollback') return this.#skip(place, order, word.branch);
        return this.#force(place, order, word.branch);
    }
  }

  /** From now on nobody delivers it: the target's inbox says that it has been. */
  async #skip(place: Place, order: ResolveOrder, branch: string): Promise<void> {
    const { row, seq } = await this.#row(place, order.gid, branch);
    const target = await this.#target(row);
    await onOwnLease(target.ground, target.source, ownClass, TIMEOUT_MS, async ({ connection }) => {
      try {
        await connection.query(insertInboxOf(target.server, order.gid, seq, place.server));
      } catch (error) {
        if ((error as { errno?: number }).errno !== ER_DUP_ENTRY) throw error;
        // It has arrived after all: then there is nothing to skip, only the row to settle.
      }
    });
    await this.#run(place, [settleOutbox(order.gid, seq), audit(order, branch, `heuristic ${nameOf(order.word)}`)]);
  }

  /** Delivers it though it affects other numbers of rows than at first. */
  async #force(place: Place, order: ResolveOrder, branch: string): Promise<void> {
    const { row, seq } = await this.#row(place, order.gid, branch);
    const target = await this.#target(row);
    const payload = decodePayload(row.payload);
    await onOwnLease(target.ground, target.source, payload.class, TIMEOUT_MS, async ({ connection }) => {
      await connection.reset();
      await connection.query('START TRANSACTION');
      try {
        const inserted = await connection.query(insertInboxOf(target.server, order.gid, seq, place.server));
        if (inserted.ok.affectedRows !== 1n) throw new Error('the target is another server now');
        await replayStatements(connection, payload, true);
        await connection.query('COMMIT');
      } catch (error) {
        await connection.query('ROLLBACK');
        if ((error as { errno?: number }).errno === ER_DUP_ENTRY && !(error instanceof ReplayDiffers)) return;
        throw error instanceof ReplayDiffers
          ? new MeshError('SM_NOT_DELIVERABLE', { source: target.source, reason: error.message }, { cause: error })
          : error;
      } finally {
        await connection.reset();
      }
    });
    await this.#run(place, [settleOutbox(order.gid, seq), audit(order, branch, `heuristic ${nameOf(order.word)}`)]);
  }

  async #row(place: Place, gid: string, branch: string) {
    const seq = /^\d+$/.test(branch) ? Number(branch) : -1;
    const [found] = seq === -1 ? [] : await this.#rows(place.ground, place.source, readOutbox(gid, seq));
    if (found === undefined) throw new MeshError('SM_NO_SUCH_BRANCH', { gid, branch });
    const [server, schema, source, payload] = found;
    return {
      seq,
      row: {
        server: server ?? '',
        schema: utf8(schema),
        source: utf8(source),
        payload: Buffer.from(payload ?? '', 'latin1'),
      },
    };
  }

  async #target({ server, schema, source }: { server: string; schema: string; source: string }): Promise<Place> {
    for (const ground of this.#grounds()) {
      for (const each of ground.sources) {
        if (ground.schema(each) !== schema) continue;
        const name = await serverOf(ground, each, TIMEOUT_MS).catch(() => undefined);
        if (name === server) return { ground, source: each, server };
      }
    }
    throw new MeshError('SM_SOURCE_DOWN', {
      source,
      reason: `no source that answers is schema '${schema}' of its server`,
    });
  }

  /** Servers that answer, each once. */
  async #places(): Promise<Place[]> {
    const places = new Map<string, Place>();
    await Promise.all(
      this.#grounds().flatMap((ground) =>
        ground.sources.map(async (source) => {
          const server = await serverOf(ground, source, TIMEOUT_MS).catch(() => undefined);
          if (server !== undefined && !places.has(server)) places.set(server, { ground, source, server });
        }),
      ),
    );
    return [...places.values()];
  }

  #rows(ground: DeliveryGround, source: string, sql: string): Promise<readonly (readonly (string | null)[])[]> {
    return onOwnLease(
      ground,
      source,
      ownClass,
      TIMEOUT_MS,
      async ({ connection }) => (await connection.query(sql)).rows,
    );
  }

  /** In one local transaction: an order without its trace is not carried out. */
  async #run(place: Place, statements: readonly string[]): Promise<void> {
    await onOwnLease(place.ground, place.source, ownClass, TIMEOUT_MS, async ({ connection }) => {
      await connection.query(['START TRANSACTION', ...statements, 'COMMIT'].join(';'));
    });
  }
}

function audit({ actor, gid, reason }: ResolveOrder, branch: string, action: string): string {
  return `INSERT INTO ${meshSchema}.audit (ts,actor,gid,branch,action,reason,detail) VALUES (${serverTime},${hex(actor)},${hex(gid)},${hex(branch)},${hex(action)},${hex(reason)},'')`;
}

function nameOf(word: ResolveWord): string {
  return word.kind === 'force' ? `force ${word.outcome}` : word.kind;
}

/** Values of binary columns come as latin1 text. */
function utf8(value: string | null | undefined): string {
  return Buffer.from(value ?? '', 'latin1').toString('utf8');
}
