/** Checks over finished tables: every shard reachable, no result outside the nodes, no physical table twice. */
import { numberedTargets } from '../algorithms/suffix-targets.ts';
import { bindStrategy } from '../bound-table.ts';
import type { BoundAlgorithm, LogicalTable, Placement, ShardingStrategy } from '../types.ts';
import type { TableDraft } from './read-tables.ts';
import { sampleIntegers, sampleTexts, sampleTimes } from './sample-values.ts';
import type { Path, YamlFile } from './yaml-file.ts';

export function checkTables(drafts: readonly TableDraft[], tables: readonly LogicalTable[], yaml: YamlFile): void {
  for (const draft of drafts) {
    const { table } = draft;
    checkStrategy(
      draft,
      'databaseStrategy',
      table.databaseStrategy,
      [...new Set(table.nodes.map((node) => node.source))],
      yaml,
    );
    checkStrategy(
      draft,
      'tableStrategy',
      table.tableStrategy,
      [...new Set(table.nodes.map((node) => node.table))],
      yaml,
    );
  }
  const owners = new Map<string, string>();
  for (const table of tables) {
    for (const node of table.nodes) {
      const place = `${node.source}.${node.table}`;
      const owner = owners.get(place);
      owners.set(place, table.name);
      if (owner === undefined || owner === table.name) continue;
      const draft = drafts.find((each) => each.table === table) ?? drafts.find((each) => each.table.name === owner);
      yaml.report(
        draft?.nodesPath ?? [],
        'SM_OVERLAPPING_TABLES',
        `physical table ${place} belongs to '${owner}' and to '${table.name}'`,
      );
      break;
    }
  }
}

/** Algorithms whose placements do not depend on samples: every target they count is either there or not. */
const counted = new Set(['MOD', 'HASH_MOD', 'VOLUME_RANGE', 'BOUNDARY_RANGE', 'AUTO_INTERVAL', 'CRC32_MOD']);

function checkStrategy(
  draft: TableDraft,
  key: 'databaseStrategy' | 'tableStrategy',
  strategy: ShardingStrategy,
  targets: readonly string[],
  yaml: YamlFile,
): void {
  if (strategy.kind !== 'standard' || strategy.algorithm.kind !== 'standard') return;
  const { algorithm, column } = strategy;
  const bound = bindStrategy(strategy, targets);
  if (bound.kind !== 'standard') return;
  const path: Path = strategyPath(draft, key);
  const what = key === 'databaseStrategy' ? 'source' : 'table';

  if (counted.has(algorithm.type)) {
    const count = algorithm.targetCount!;
    if (count !== targets.length) {
      const more = count > targets.length;
      yaml.report(
        path,
        more ? 'SM_OUTSIDE_NODES' : 'SM_UNREACHABLE_SHARD',
        `algorithm '${algorithm.name}' (${algorithm.type}) has ${count} shards, but '${draft.table.name}' has ${targets.length} ${what}s`,
        {
          suggestion: more
            ? `write nodes for all ${count}`
            : `remove ${targets.length - count} of the ${what}s, or raise the count`,
          atKey: true,
        },
      );
      return;
    }
    const width = algorithm.props['zero-padding']?.toLowerCase() === 'true' ? String(count - 1).length : 0;
    const numbered = new Set(numberedTargets(targets, count, (number) => String(number).padStart(width, '0')));
    const missed = targets.filter((_, index) => !numbered.has(index));
    if (missed.length > 0) {
      yaml.report(
        path,
        'SM_OUTSIDE_NODES',
        `algorithm '${algorithm.name}' (${algorithm.type}) looks for ${what}s that end with 0 to ${count - 1}; it never reaches ${missed.slice(0, 5).join(', ')}`,
        { atKey: true },
      );
    }
    return;
  }
  if (
    algorithm.type === 'LIST' ||
    algorithm.type === 'XXHASH_RANGE' ||
    algorithm.type === 'VITESS_HASH' ||
    algorithm.type === 'MURMUR_HASH'
  ) {
    checkNamedTargets(algorithm.props, algorithm.name, targets, path, what, yaml);
    return;
  }
  checkBySamples(draft.table, column, algorithm.name, algorithm.type, bound.bound, targets, path, what, yaml);
}

function checkNamedTargets(
  props: Readonly<Record<string, string>>,
  algorithm: string,
  targets: readonly string[],
  path: Path,
  what: string,
  yaml: YamlFile,
): void {
  const text = props['mapping'] ?? props['key-ranges'];
  const weights = (props['weights'] ?? '')
    .split(',')
    .map((item) => item.split('=')[0]!.trim())
    .filter((each) => each !== '');
  for (const name of weights)
    if (!targets.includes(name))
      yaml.reportUnknown(path, 'SM_OUTSIDE_NODES', `${what} of algorithm '${algorithm}'`, name, targets);
  if (text === undefined) return;
  const named = text.startsWith('{')
    ? Object.values(JSON.parse(text) as Record<string, string>).map(String)
    : text
        .split(',')
        .map((item) => item.slice(item.lastIndexOf('=') + 1).trim())
        .filter((each) => each !== '');
  if (props['default'] !== undefined) named.push(props['default']);
  for (const name of new Set(named))
    if (!targets.includes(name))
      yaml.reportUnknown(path, 'SM_OUTSIDE_NODES', `${what} of algorithm '${algorithm}'`, name, targets);
  const missed = targets.filter((target) => !named.includes(target));
  if (missed.length > 0)
    yaml.report(
      path,
      'SM_UNREACHABLE_SHARD',
      `no value reaches ${missed.slice(0, 5).join(', ')} by algorithm '${algorithm}'`,
      { atKey: true },
    );
}

/**
 * Expressions and time stretches are tried with samples. A result outside the nodes at a smaller number than one inside cannot be
 * explained by a range that ends: an error. The rest are warnings, because real keys may differ from the samples.
 */
function checkBySamples(
  table: LogicalTable,
  column: string,
  algorithm: string,
  type: string,
  bound: BoundAlgorithm,
  targets: readonly string[],
  path: Path,
  what: string,
  yaml: YamlFile,
): void {
  const reached = new Set<number>();
  const note = (placement: Placement): boolean => {
    if (typeof placement === 'number') reached.add(placement);
    return typeof placement === 'number';
  };
  let firstOutside: number | undefined;
  let lastInside: number | undefined;
  for (const [value, sample] of sampleIntegers.entries()) {
    if (note(bound.placeValue(sample))) lastInside = value;
    else firstOutside ??= value;
  }
  const numeric = lastInside !== undefined;
  if (firstOutside !== undefined && lastInside !== undefined && firstOutside < lastInside && type === 'INLINE') {
    yaml.report(
      path,
      'SM_OUTSIDE_NODES',
      `algorithm '${algorithm}' leads outside the ${what}s of '${table.name}', for example for ${column} = ${firstOutside}`,
      {
        suggestion: `compare the expression with ${targets.length} ${what}(s): ${targets.slice(0, 4).join(', ')}`,
        atKey: true,
      },
    );
    return;
  }
  if (!numeric) for (const sample of [...sampleTexts, ...sampleTimes]) note(bound.placeValue(sample));
  const stretches = bound.placeRange({
    low: { kind: 'temporal', type: 'DATETIME', text: '0001-01-01 00:00:00' },
    high: { kind: 'temporal', type: 'DATETIME', text: '9999-12-31 23:59:59' },
    lowInclusive: true,
    highInclusive: true,
  });
  if (type === 'INTERVAL' && stretches !== 'all') for (const target of stretches) reached.add(target);
  const missed = targets.filter((_, index) => !reached.has(index));
  if (missed.length === 0) return;
  if (reached.size === 0) {
    yaml.report(
      path,
      'SM_OUTSIDE_NODES',
      `none of the values tried on algorithm '${algorithm}' leads to a ${what} of '${table.name}'`,
      { severity: type === 'INTERVAL' ? 'error' : 'warning', atKey: true },
    );
  } else {
    yaml.report(
      path,
      'SM_UNREACHABLE_SHARD',
      `no value that was tried reaches ${missed.slice(0, 5).join(', ')}${missed.length > 5 ? ', ...' : ''} by algorithm '${algorithm}'`,
      { severity: firstOutside === undefined && numeric ? 'error' : 'warning', atKey: true },
    );
  }
}

function strategyPath(draft: TableDraft, key: 'databaseStrategy' | 'tableStrategy'): Path {
  return [...draft.path, draft.path.at(-2) === 'autoTables' ? 'shardingStrategy' : key];
}
