/** Routes that a lookup table decides: binding stops, the table is asked, and binding starts again with the answers. */
import { type LookupRequest, resolveLookups } from '../rules/index.ts';
import type { BindInput } from './types.ts';

/** Thrown while binding; caught by `bind` only. */
export class NeedsLookups extends Error {
  readonly requests: readonly LookupRequest[];

  constructor(requests: readonly LookupRequest[]) {
    super('a lookup table must be asked');
    this.requests = requests;
  }
}

/** A route's nodes depend on a lookup table. Without anybody to ask it, the caller goes on by itself. */
export function askLookups(requests: readonly LookupRequest[], input: BindInput): void {
  if (input.keys.lookUp !== undefined) throw new NeedsLookups(requests);
}

/** The input with the answers to `needed` added. */
export async function withLookups(input: BindInput, needed: NeedsLookups): Promise<BindInput> {
  const { keys } = input;
  const lookUp = keys.lookUp?.bind(keys);
  if (lookUp === undefined) return input;
  return { ...input, lookups: await resolveLookups(needed.requests, { lookUp }, input.lookups) };
}
