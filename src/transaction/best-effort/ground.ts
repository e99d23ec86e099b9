/** What best-effort delivery needs of the sources of one logical database. */
import type { CapabilityClass, Lease } from '../../backend/index.ts';
import { serverNameOf } from './server-name.ts';

export interface DeliveryGround {
  readonly logicalDatabase: string;
  readonly sources: readonly string[];
  /** A connection to the source's primary, of no session. */
  lease(source: string, capabilities: CapabilityClass): Promise<Lease>;
  /** The source's schema on its server. */
  schema(source: string): string;
}

/** Statements of the mesh itself: affected rows count what was found, so that a claim that holds is seen as one. */
export const ownClass: CapabilityClass = { foundRows: true, deprecateEof: true };

/** Runs on a connection of its own. What fails there, or does not answer in time, costs the connection. */
export async function onOwnLease<T>(
  ground: DeliveryGround,
  source: string,
  capabilities: CapabilityClass,
  timeoutMs: number,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const lease = await ground.lease(source, capabilities);
  const timer = setTimeout(() => lease.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    const result = await work(lease);
    lease.release();
    return result;
  } catch (error) {
    lease.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What the server of a source is called. Rejects if it does not answer or has no name. */
export function serverOf(ground: DeliveryGround, source: string, timeoutMs: number): Promise<string> {
  return onOwnLease(ground, source, ownClass, timeoutMs, async ({ connection }) => serverNameOf(connection));
}
