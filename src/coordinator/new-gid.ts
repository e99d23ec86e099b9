/** Makes names of transactions. */
import { randomBytes } from 'node:crypto';

/** Unique everywhere: 12 random bytes, so that neighbours in time are no neighbours in an index. */
export function newGid(): string {
  return randomBytes(12).toString('hex');
}
