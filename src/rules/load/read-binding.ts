/** Binding tables: groups that are sharded truly alike, so that node i of one joins node i of the other. */
import { bindStrategy } from '../bound-table.ts';
import type { KeyValue, LogicalTable, ShardingStrategy } from '../types.ts';
import type { TableDraft } from './read-tables.ts';
import { keysAt } from './read-tables.ts';
import type { ShardingRule } from './rules-schema.ts';
import { sampleValues } from './sample-values.ts';
import type { Path, YamlFile } from './yaml-file.ts';

/** The groups by table names; tables that are not alike are reported. */
export function readBinding(
  rule: ShardingRule,
  drafts: readonly TableDraft[],
  yaml: YamlFile,
  base: Path,
): readonly (readonly string[])[] {
  const tables = new Map(drafts.map((draft) => [draft.table.name, draft.table]));
  const declared = [...keysAt(yaml.value, [...base, 'tables']), ...keysAt(yaml.value, [...base, 'autoTables'])];
  const groups: (readonly string[])[] = [];
  const seen = new Map<string, number>();
  for (const [index, text] of rule.bindingTables.entries()) {
    const path: Path = [...base, 'bindingTables', index];
    const names = text
      .replace(/^[^,:]*:/, '')
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '');
    const members: LogicalTable[] = [];
    for (const name of names) {
      // ShardingSphere matches these names without case.
      const exact =
        declared.find((each) => each === name) ?? declared.find((each) => each.toLowerCase() === name.toLowerCase());
      if (exact === undefined) {
        yaml.reportUnknown(path, 'SM_UNKNOWN_TABLE', 'sharded table', name, declared);
        continue;
      }
      if (seen.has(exact))
        yaml.report(path, 'SM_DUPLICATE_NAME', `table '${exact}' is in two binding groups`, {
          suggestion: 'put all tables that are alike in one',
        });
      seen.set(exact, index);
      const table = tables.get(exact);
      if (table !== undefined) members.push(table);
    }
    const first = members[0];
    for (const other of members.slice(1)) {
      const difference = differenceOf(first!, other);
      if (difference !== undefined) {
        yaml.report(
          path,
          'SM_BINDING_NOT_ALIKE',
          `'${first!.name}' and '${other.name}' are not sharded alike: ${difference}`,
          { suggestion: 'remove it from bindingTables, or make the strategies equal' },
        );
      }
    }
    if (members.length > 0) groups.push(Object.freeze(members.map((table) => table.name)));
  }
  return Object.freeze(groups);
}

/** Why node i of `a` is not the partner of node i of `b`; undefined: alike. */
function differenceOf(a: LogicalTable, b: LogicalTable): string | undefined {
  if (a.nodes.length !== b.nodes.length) return `${a.nodes.length} and ${b.nodes.length} nodes`;
  for (const [index, node] of a.nodes.entries()) {
    const other = b.nodes[index]!;
    if (node.source !== other.source) return `node ${index + 1} is on ${node.source} and on ${other.source}`;
  }
  return (
    strategyDifference(
      'database',
      a.databaseStrategy,
      b.databaseStrategy,
      distinct(a, 'source'),
      distinct(b, 'source'),
    ) ??
    strategyDifference('table', a.tableStrategy, b.tableStrategy, distinct(a, 'table'), distinct(b, 'table')) ??
    pairsDifference(a, b)
  );
}

function distinct(table: LogicalTable, part: 'source' | 'table'): string[] {
  return [...new Set(table.nodes.map((node) => node[part]))];
}

/** The n-th distinct table of one must stand where the n-th distinct table of the other stands. */
function pairsDifference(a: LogicalTable, b: LogicalTable): string | undefined {
  const namesA = distinct(a, 'table');
  const namesB = distinct(b, 'table');
  for (const [index, node] of a.nodes.entries()) {
    if (namesA.indexOf(node.table) !== namesB.indexOf(b.nodes[index]!.table))
      return `node ${index + 1} is ${node.table} and ${b.nodes[index]!.table}`;
  }
  return undefined;
}

function strategyDifference(
  level: string,
  a: ShardingStrategy,
  b: ShardingStrategy,
  targetsA: readonly string[],
  targetsB: readonly string[],
): string | undefined {
  if (a.kind !== b.kind) return `the ${level} strategies are ${a.kind} and ${b.kind}`;
  if (targetsA.length !== targetsB.length) return `${targetsA.length} and ${targetsB.length} ${level} targets`;
  if (a.kind === 'none' || b.kind === 'none' || targetsA.length === 1) return undefined;
  if (a.algorithm.type !== b.algorithm.type)
    return `the ${level} algorithms are ${a.algorithm.type} and ${b.algorithm.type}`;
  if (a.kind === 'complex' && b.kind === 'complex' && a.columns.length !== b.columns.length)
    return `the ${level} strategies have ${a.columns.length} and ${b.columns.length} columns`;
  if (formOf(a, targetsA) === formOf(b, targetsB) && samplesAgree(a, b, targetsA, targetsB)) return undefined;
  return `the ${level} algorithms '${a.algorithm.name}' and '${b.algorithm.name}' place values differently`;
}

/** An algorithm's properties with its own column and target names taken out. */
function formOf(strategy: Exclude<ShardingStrategy, { kind: 'none' }>, targets: readonly string[]): string {
  const columns =
    strategy.kind === 'standard' ? [strategy.column] : strategy.kind === 'complex' ? [...strategy.columns] : [];
  const prefix = commonPrefix(targets);
  const form = Object.entries(strategy.algorithm.props)
    .filter(([key]) => key !== 'sharding-columns' && key !== 'allow-range-query-with-inline-sharding')
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([key, text]) => {
      let form = text.replace(/\s+/g, '');
      if (key === 'algorithm-expression') {
        if (prefix !== '' && form.startsWith(prefix)) form = `\0${form.slice(prefix.length)}`;
        for (const [index, column] of columns.entries())
          form = form.replace(
            new RegExp(`(?<![\\w'"])${column.replace(/\W/g, '\\$&')}(?![\\w'"])`, 'gi'),
            `\u0001${index}`,
          );
        form = form.replaceAll('$->{', '${');
      } else for (const [index, target] of targets.entries()) form = form.replaceAll(`=${target}`, `=\u0002${index}`);
      return `${key}:${form}`;
    });
  return form.join('\n');
}

function commonPrefix(names: readonly string[]): string {
  let prefix = names[0] ?? '';
  for (const name of names) while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}

function samplesAgree(
  a: ShardingStrategy,
  b: ShardingStrategy,
  targetsA: readonly string[],
  targetsB: readonly string[],
): boolean {
  const boundA = bindStrategy(a, targetsA);
  const boundB = bindStrategy(b, targetsB);
  if (boundA.kind !== 'standard' || boundB.kind !== 'standard') return true;
  return sampleValues.every((value: KeyValue) => boundA.bound.placeValue(value) === boundB.bound.placeValue(value));
}
