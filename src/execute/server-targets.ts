/** The servers of all rules, each primary once, with the replicas that could take its place. */
import { primaryOf, type RuleSet, replicasOf } from '../rules/index.ts';
import { addressOf, type ServerTarget } from '../transaction/index.ts';
import { connectOptions } from './connect-options.ts';

const plainClass = { foundRows: false, deprecateEof: true };

export function serverTargets(ruleSets: Iterable<RuleSet>): readonly ServerTarget[] {
  const targets = new Map<string, ServerTarget>();
  for (const rules of ruleSets) {
    for (const name of rules.shardSources) {
      const primary = primaryOf(rules, name);
      if (primary === undefined) continue;
      const connect = connectOptions(primary, plainClass);
      const address = addressOf(connect);
      const replicas = replicasOf(rules, name).map((replica) => connectOptions(replica, plainClass));
      const known = targets.get(address);
      const more = replicas.filter(
        (replica) => known?.replicas.every((other) => addressOf(other) !== addressOf(replica)) !== false,
      );
      targets.set(address, {
        address,
        connect: known?.connect ?? connect,
        replicas: [...(known?.replicas ?? []), ...more],
      });
    }
  }
  return [...targets.values()];
}
