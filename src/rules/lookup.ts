/** The seam for lookup tables: asks the port for what a route needs and remembers the answers. */
import { keyText } from './key-value.ts';
import type { KeyValue, LookupAnswers, LookupPort, LookupRequest, LookupTable } from './types.ts';

/** Identity of one question in `LookupAnswers`. */
export function lookupKey(lookup: LookupTable, value: KeyValue): string {
  return `${lookup.source}\0${lookup.table}\0${lookup.keyColumn}\0${lookup.targetColumn}\0${keyText(value)}`;
}

/** Asks `port` all requests of a `needsKeys` and answers `known` with the new answers added. Errors of the port pass through. */
export async function resolveLookups(
  requests: readonly LookupRequest[],
  port: LookupPort,
  known: LookupAnswers = new Map(),
): Promise<LookupAnswers> {
  const answers = new Map(known);
  for (const request of requests) {
    const targets = await port.lookUp(request);
    for (const [index, value] of request.values.entries())
      answers.set(lookupKey(request.lookup, value), targets[index]);
  }
  return answers;
}
