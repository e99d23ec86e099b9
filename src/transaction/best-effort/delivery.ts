/** The effects of `relayMachine` on real servers: one attempt to deliver one outbox row. */
import { BackendFault, type Lease, ServerError } from '../../backend/index.ts';
import { faultPoint, leavesOut } from '../fault-point.ts';
import { type DeliveryGround, onOwnLease, ownClass } from './ground.ts';
import { buryClaimed, type Claim, insertInboxOf, postponeClaimed, renewClaim, settleClaimed } from './outbox.ts';
import { decodePayload, type Payload } from './payload.ts';
import { beginRelay, type RelayEffect, type RelayEvent, type RelayLimits, relayMachine } from './relay-machine.ts';
import { ReplayDiffers, replayStatements } from './replay-statements.ts';

export interface DeliveryOptions {
  readonly limits: RelayLimits;
  /** An attempt that takes longer is cut off and counts as failed. */
  readonly attemptMs: number;
  /** In [0, 1). */
  random(): number;
}

/** A source, on the server that has this name. */
export interface DeliveryTarget {
  readonly ground: DeliveryGround;
  readonly source: string;
  readonly server: string;
}

/** A claimed row, and where it is from and goes to. */
export interface ClaimedDelivery {
  readonly claim: Claim;
  readonly homeGround: DeliveryGround;
  readonly homeSource: string;
  /** Identity of the home's server. */
  readonly homeServer: string;
  /** Undefined: no source of the configuration is the target. */
  readonly target: DeliveryTarget | undefined;
  /** What to say when there is none. */
  readonly targetName: string;
  readonly payload: Buffer;
  readonly tries: number;
  readonly ageMs: number;
}

export type DeliveryOutcome = 'delivered' | 'postponed' | 'dead' | 'lost';

/** Runs one attempt to its end. Rejects only if the home cannot be told of it: the claim then ends by itself. */
export async function attemptDelivery(
  delivery: ClaimedDelivery,
  options: DeliveryOptions,
): Promise<{ readonly outcome: DeliveryOutcome; readonly reason: string }> {
  const attempt = new Attempt(delivery, options);
  try {
    return await attempt.run();
  } finally {
    attempt.end();
  }
}

class Attempt {
  readonly #delivery: ClaimedDelivery;
  readonly #options: DeliveryOptions;
  #lease: Lease | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reason = '';

  constructor(delivery: ClaimedDelivery, options: DeliveryOptions) {
    this.#delivery = delivery;
    this.#options = options;
  }

  async run(): Promise<{ readonly outcome: DeliveryOutcome; readonly reason: string }> {
    let state = beginRelay(this.#delivery.tries, this.#delivery.ageMs, this.#options.limits);
    let effects: readonly RelayEffect[] = [{ kind: 'write' }];
    for (;;) {
      let event: RelayEvent | undefined;
      for (const effect of effects) event = (await this.#carryOut(effect)) ?? event;
      if (state.kind === 'ended') return { outcome: state.outcome, reason: this.#reason };
      if (event === undefined) throw new Error('a delivery without next event');
      const step = relayMachine(state, event);
      state = step.next;
      effects = step.effects;
    }
  }

  /** What is still open on the target is cut off. */
  end(): void {
    clearTimeout(this.#timer);
    this.#lease?.destroy();
  }

  async #carryOut(effect: RelayEffect): Promise<RelayEvent | undefined> {
    const { claim } = this.#delivery;
    switch (effect.kind) {
      case 'write':
        faultPoint('relay 1: write');
        return this.#write();
      case 'confirm': {
        faultPoint('relay 2: confirm');
        try {
          return (await this.#onHome(renewClaim(claim))) === 1n ? { kind: 'confirmed' } : { kind: 'lost' };
        } catch (error) {
          return this.#failed(error);
        }
      }
      case 'commit':
        faultPoint('relay 3: commit');
        return this.#commit();
      case 'roll back':
        await this.#lease?.connection.query('ROLLBACK').catch(() => undefined);
        this.end();
        return undefined;
      case 'settle':
        faultPoint('relay 4: settle');
        await this.#onHome(settleClaimed(claim));
        return undefined;
      case 'postpone':
        this.#reason = effect.reason;
        await this.#onHome(postponeClaimed(claim, effect.ms, effect.reason));
        return undefined;
      case 'bury':
        this.#reason = effect.reason;
        await this.#onHome(buryClaimed(claim, effect.reason));
        return undefined;
    }
  }

  async #write(): Promise<RelayEvent> {
    const { target, targetName, claim, homeServer } = this.#delivery;
    let payload: Payload;
    try {
      payload = decodePayload(this.#delivery.payload);
    } catch (error) {
      return { kind: 'differs', reason: messageOf(error) };
    }
    if (target === undefined) return this.#failed(new Error(`no source of the configuration is ${targetName}`));
    try {
      const lease = await target.ground.lease(target.source, payload.class);
      this.#lease = lease;
      const { attemptMs } = this.#options;
      this.#timer = setTimeout(() => lease.destroy(new Error(`no answer within ${attemptMs} ms`)), attemptMs);
      await lease.connection.reset();
      await lease.connection.query('START TRANSACTION');
      if (!leavesOut('inbox')) {
        try {
          const sql = insertInboxOf(target.server, claim.gid, claim.seq, homeServer);
          if ((await lease.connection.query(sql)).ok.affectedRows !== 1n)
            return this.#failed(new Error(`source '${target.source}' is not ${targetName} any more`));
        } catch (error) {
          if (error instanceof ServerError && error.errno === ER_DUP_ENTRY) return { kind: 'known' };
          throw error;
        }
      }
      await replayStatements(lease.connection, payload);
      return { kind: 'written' };
    } catch (error) {
      if (error instanceof ReplayDiffers) return { kind: 'differs', reason: error.message };
      return this.#failed(error);
    }
  }

  async #commit(): Promise<RelayEvent> {
    const lease = this.#lease as Lease;
    try {
      await lease.connection.query('COMMIT');
    } catch (error) {
      return this.#failed(error);
    }
    clearTimeout(this.#timer);
    // Statements of a client ran on it: nobody else gets it as it is.
    lease.connection.reset().then(
      () => lease.release(),
      () => lease.destroy(),
    );
    this.#lease = undefined;
    return { kind: 'committed' };
  }

  async #onHome(sql: string): Promise<bigint> {
    const { homeGround, homeSource } = this.#delivery;
    return onOwnLease(homeGround, homeSource, ownClass, this.#options.attemptMs, async ({ connection }) => {
      const result = await connection.query(sql);
      return result.ok.affectedRows;
    });
  }

  #failed(error: unknown): RelayEvent {
    return { kind: 'failed', reason: messageOf(error), random: this.#options.random() };
  }
}

const ER_DUP_ENTRY = 1062;

function messageOf(error: unknown): string {
  if (error instanceof ServerError) return `error ${error.errno}: ${error.message}`;
  if (error instanceof BackendFault || error instanceof Error) return error.message;
  return String(error);
}
