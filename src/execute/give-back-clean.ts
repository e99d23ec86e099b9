/** The end of a lease on which something opaque ran. */
import type { Lease } from '../backend/index.ts';

/** Gives back a connection whose session state is not known: reset before anybody else gets it. */
export async function giveBackClean(lease: Lease): Promise<void> {
  try {
    await lease.connection.reset();
  } catch {
    lease.destroy();
    return;
  }
  lease.release();
}
