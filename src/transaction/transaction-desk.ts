/** Open transactions of every type as one list, and an operator's word on any of them. */
import { MeshError } from '../base/index.ts';
import type { DeliveryDesk, ResolveOrder } from './best-effort/index.ts';
import type { XaDesk } from './xa/xa-desk.ts';

/** One branch or delivery of a transaction that has not ended. */
export interface OpenTransaction {
  readonly gid: string;
  readonly type: 'XA' | 'BEST_EFFORT' | `SERVICE_${'SAGA' | 'TCC' | 'MESSAGE' | 'XA'}`;
  readonly state: string;
  /** Where it waits: a server's address, or sources. */
  readonly place: string;
  readonly branch: string;
  readonly owner: string;
  readonly ageMs: number;
  readonly tries: number;
  readonly detail: string;
}

export class TransactionDesk {
  readonly #xa: XaDesk;
  readonly #deliveries: DeliveryDesk;
  readonly #services: () => Promise<readonly OpenTransaction[]>;

  /** `services` lists what is open across services; their own API resolves them. */
  constructor(
    xa: XaDesk,
    deliveries: DeliveryDesk,
    services: () => Promise<readonly OpenTransaction[]> = async () => [],
  ) {
    this.#xa = xa;
    this.#deliveries = deliveries;
    this.#services = services;
  }

  async list(): Promise<readonly OpenTransaction[]> {
    const [branches, deliveries, services] = await Promise.all([
      this.#xa.list(),
      this.#deliveries.list(),
      this.#services(),
    ]);
    return [
      ...services,
      ...branches.map(({ server, ...rest }) => ({ ...rest, type: 'XA' as const, place: server, tries: 0 })),
      ...deliveries.map(({ gid, branch, state, home, target, tries, ageMs, reason, payload }) => ({
        gid,
        type: 'BEST_EFFORT' as const,
        state,
        place: `${home} to ${target}`,
        branch,
        owner: '',
        ageMs,
        tries,
        detail: reason === '' ? payload : `${reason}; due: ${payload}`,
      })),
    ].sort((a, b) => b.ageMs - a.ageMs);
  }

  /** Rejects with a MeshError that says why not. */
  async resolve(order: ResolveOrder): Promise<void> {
    if (await this.#xa.resolve(order)) return;
    if (await this.#deliveries.resolve(order)) return;
    throw new MeshError('SM_NO_SUCH_TRANSACTION', { gid: order.gid });
  }
}
