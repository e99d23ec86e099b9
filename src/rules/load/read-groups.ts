/** `!READWRITE_SPLITTING`: groups of a primary and its replicas, also in the older spellings. */
import type { DataSource, LoadBalancer, SourceGroup } from '../types.ts';
import { readBalancer } from './named-parts.ts';
import type { ReadwriteRule } from './rules-schema.ts';
import type { Path, YamlFile } from './yaml-file.ts';

const roundRobin: LoadBalancer = Object.freeze({ name: 'ROUND_ROBIN', type: 'ROUND_ROBIN', props: Object.freeze({}) });

/** `sourceNames` are all names under dataSources, also those whose entry has problems. Adds to `groups`. */
export function readGroups(
  rule: ReadwriteRule,
  yaml: YamlFile,
  base: Path,
  sourceNames: readonly string[],
  groups: Map<string, SourceGroup>,
): void {
  const balancers = new Map<string, LoadBalancer>();
  for (const [name, entry] of Object.entries(rule.loadBalancers)) {
    const balancer = readBalancer(name, entry, yaml, [...base, 'loadBalancers', name], sourceNames);
    if (balancer !== undefined) balancers.set(name, balancer);
  }
  if (rule.dataSourceGroups === undefined && rule.dataSources === undefined)
    yaml.report(base, 'SM_MISSING_KEY', "key 'dataSourceGroups' is missing");
  if (rule.dataSourceGroups !== undefined && rule.dataSources !== undefined) {
    yaml.report(
      [...base, 'dataSources'],
      'SM_WRONG_VALUE',
      "'dataSources' is the older spelling of 'dataSourceGroups'; only one of them may stand",
      { atKey: true },
    );
  }
  const key = rule.dataSourceGroups === undefined ? 'dataSources' : 'dataSourceGroups';
  for (const [name, entry] of Object.entries(rule[key] ?? {})) {
    const path: Path = [...base, key, name];
    if (entry.dynamicStrategy !== undefined)
      yaml.report(
        [...path, 'dynamicStrategy'],
        'SM_FEATURE_NOT_BUILT',
        'dynamic read/write splitting (discovery of primaries) is not built',
        { atKey: true },
      );
    const oldReplicas = entry.props?.['read-data-source-names'];
    const primary =
      entry.writeDataSourceName ?? entry.staticStrategy?.writeDataSourceName ?? entry.props?.['write-data-source-name'];
    const replicas =
      entry.readDataSourceNames ??
      entry.staticStrategy?.readDataSourceNames ??
      oldReplicas
        ?.split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '') ??
      [];
    const primaryPath: Path = entry.writeDataSourceName !== undefined ? [...path, 'writeDataSourceName'] : path;
    if (primary === undefined) {
      yaml.report(path, 'SM_NO_PRIMARY', `group '${name}' has no primary`, {
        suggestion: 'add writeDataSourceName',
        atKey: true,
      });
      continue;
    }
    if (!sourceNames.includes(primary))
      yaml.reportUnknown(primaryPath, 'SM_UNKNOWN_SOURCE', 'data source', primary, sourceNames);
    for (const [index, replica] of replicas.entries()) {
      const at: Path = entry.readDataSourceNames === undefined ? path : [...path, 'readDataSourceNames', index];
      if (!sourceNames.includes(replica))
        yaml.reportUnknown(at, 'SM_UNKNOWN_SOURCE', 'data source', replica, sourceNames);
      else if (replica === primary)
        yaml.report(at, 'SM_GROUPED_SOURCE', `'${replica}' is the primary of this group and cannot be its replica`);
      else if (replicas.indexOf(replica) < index) yaml.report(at, 'SM_GROUPED_SOURCE', `'${replica}' is listed twice`);
    }
    for (const other of groups.values()) {
      for (const member of [primary, ...replicas]) {
        if (member === other.primary || other.replicas.includes(member)) {
          yaml.report(path, 'SM_GROUPED_SOURCE', `'${member}' already belongs to group '${other.name}'`, {
            atKey: true,
          });
        }
      }
    }
    if (groups.has(name)) yaml.report(path, 'SM_DUPLICATE_NAME', `group '${name}' is defined twice`, { atKey: true });
    if (sourceNames.includes(name) && name !== primary) {
      yaml.report(path, 'SM_DUPLICATE_NAME', `'${name}' is the name of a data source and of a group`, { atKey: true });
    }
    let balancer: LoadBalancer | undefined = roundRobin;
    if (entry.loadBalancer !== undefined)
      balancer = readBalancer(`<${name}>`, entry.loadBalancer, yaml, [...path, 'loadBalancer'], sourceNames);
    else if (entry.loadBalancerName !== undefined) {
      balancer = balancers.get(entry.loadBalancerName);
      if (!Object.hasOwn(rule.loadBalancers, entry.loadBalancerName)) {
        yaml.reportUnknown(
          [...path, 'loadBalancerName'],
          'SM_UNKNOWN_BALANCER',
          'load balancer',
          entry.loadBalancerName,
          Object.keys(rule.loadBalancers),
        );
      }
    }
    groups.set(
      name,
      Object.freeze({
        name,
        primary,
        replicas: Object.freeze([...replicas]),
        transactionalReads: entry.transactionalReadQueryStrategy,
        balancer: balancer ?? roundRobin,
      }),
    );
  }
}

/** Group names, then data sources in no group, in the file's order. */
export function shardSourcesOf(dataSources: Iterable<string>, groups: ReadonlyMap<string, SourceGroup>): string[] {
  const grouped = new Set([...groups.values()].flatMap((group) => [group.primary, ...group.replicas]));
  return [...groups.keys(), ...[...dataSources].filter((name) => !grouped.has(name))];
}

/** Two data sources of one physical schema, as `name` pairs. */
export function sameSchemas(dataSources: Iterable<DataSource>): (readonly [string, string])[] {
  const seen = new Map<string, string>();
  const pairs: (readonly [string, string])[] = [];
  for (const source of dataSources) {
    const place = `${source.socketPath ?? `${source.host.toLowerCase()}:${source.port}`}/${source.database}`;
    const other = seen.get(place);
    if (other === undefined) seen.set(place, source.name);
    else pairs.push([other, source.name]);
  }
  return pairs;
}
