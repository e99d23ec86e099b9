/** `!SHARDING`: its algorithms, generators, auditors, and from them the sharded tables with their nodes and strategies. */

import { expandNames } from '../inline/expand.ts';
import { ExpressionError } from '../inline/expression.ts';
import type {
  ActualNode,
  Auditor,
  KeyGenerate,
  KeyGeneratorSpec,
  LogicalTable,
  ShardingAlgorithm,
  ShardingStrategy,
} from '../types.ts';
import { readAlgorithm, readKeyGenerator } from './named-parts.ts';
import { readStrategy, type StrategyScope, shardingColumnsOf } from './read-strategy.ts';
import type { AuditEntry, KeyGenerateEntry, ShardingRule } from './rules-schema.ts';
import type { Path, PlainValue, YamlFile } from './yaml-file.ts';

/** What the tables of a file are made of. `path` of a table is kept for later checks. */
export interface TableDraft {
  readonly path: Path;
  /** Where its nodes are written, for problems of nodes. */
  readonly nodesPath: Path;
  readonly table: LogicalTable;
}

export interface ShardingScope {
  readonly yaml: YamlFile;
  readonly base: Path;
  readonly shardSources: readonly string[];
  /** Data sources inside groups -> the group's name. */
  readonly grouped: ReadonlyMap<string, string>;
  /** Some data source or group could not be read: names of sources are not judged. */
  readonly sourcesUncertain: boolean;
  readonly defaultSource: string;
}

export interface ShardingParts {
  readonly drafts: readonly TableDraft[];
  readonly algorithms: ReadonlyMap<string, ShardingAlgorithm>;
  readonly keyGenerators: ReadonlyMap<string, KeyGeneratorSpec>;
}

export function readTables(rule: ShardingRule, scope: ShardingScope): ShardingParts {
  const { yaml, base } = scope;
  const algorithms = new Map<string, ShardingAlgorithm>();
  for (const [name, entry] of Object.entries(rule.shardingAlgorithms)) {
    const algorithm = readAlgorithm(name, entry, yaml, [...base, 'shardingAlgorithms', name]);
    if (algorithm !== undefined) algorithms.set(name, algorithm);
    if (algorithm?.kind === 'lookup' && !scope.shardSources.includes(algorithm.lookup.source)) {
      yaml.reportUnknown(
        [...base, 'shardingAlgorithms', name, 'props', 'lookup-source'],
        'SM_UNKNOWN_SOURCE',
        'source',
        algorithm.lookup.source,
        scope.shardSources,
      );
    }
  }
  const keyGenerators = new Map<string, KeyGeneratorSpec>();
  for (const [name, entry] of Object.entries(rule.keyGenerators)) {
    const generator = readKeyGenerator(
      name,
      entry,
      yaml,
      [...base, 'keyGenerators', name],
      scope.shardSources,
      scope.defaultSource,
    );
    if (generator !== undefined) keyGenerators.set(name, generator);
  }
  const auditorTypes = new Set<string>();
  for (const [name, entry] of Object.entries(rule.auditors)) {
    if (entry.type.toUpperCase() === 'DML_SHARDING_CONDITIONS') auditorTypes.add(name);
    else
      yaml.reportUnknown([...base, 'auditors', name, 'type'], 'SM_UNKNOWN_ALGORITHM_TYPE', 'auditor type', entry.type, [
        'DML_SHARDING_CONDITIONS',
      ]);
  }
  const strategyScope: StrategyScope = {
    yaml,
    algorithms,
    algorithmNames: namesAt(yaml.value, [...base, 'shardingAlgorithms']),
    defaultColumn: rule.defaultShardingColumn,
  };
  const drafts: TableDraft[] = [];

  for (const [name, entry] of Object.entries(rule.tables)) {
    const path: Path = [...base, 'tables', name];
    checkLogicName(name, entry.logicTable, path);
    const nodesPath: Path = entry.actualDataNodes === undefined ? path : [...path, 'actualDataNodes'];
    const nodes =
      entry.actualDataNodes === undefined
        ? scope.shardSources.map((source) => Object.freeze({ source, table: name }))
        : readNodes(entry.actualDataNodes, nodesPath);
    const sources = new Set(nodes.map((node) => node.source));
    const tables = new Set(nodes.map((node) => node.table));
    const databaseStrategy = readStrategy(
      strategyScope,
      entry.databaseStrategy,
      [...path, 'databaseStrategy'],
      rule.defaultDatabaseStrategy,
      [...base, 'defaultDatabaseStrategy'],
      sources.size,
    );
    const tableStrategy = readStrategy(
      strategyScope,
      entry.tableStrategy,
      [...path, 'tableStrategy'],
      rule.defaultTableStrategy,
      [...base, 'defaultTableStrategy'],
      tables.size,
    );
    addDraft(
      name,
      path,
      nodesPath,
      nodes,
      databaseStrategy,
      tableStrategy,
      entry.keyGenerateStrategy,
      entry.auditStrategy,
    );
  }
  for (const [name, entry] of Object.entries(rule.autoTables)) {
    const path: Path = [...base, 'autoTables', name];
    checkLogicName(name, entry.logicTable, path);
    if (Object.hasOwn(rule.tables, name))
      yaml.report(path, 'SM_DUPLICATE_NAME', `table '${name}' is under tables and autoTables`, { atKey: true });
    const sourcesPath: Path = entry.actualDataSources === undefined ? path : [...path, 'actualDataSources'];
    const sources =
      entry.actualDataSources === undefined
        ? [...scope.shardSources]
        : readSources(entry.actualDataSources, sourcesPath);
    const strategy = readStrategy(
      strategyScope,
      entry.shardingStrategy,
      [...path, 'shardingStrategy'],
      undefined,
      path,
      2,
    );
    if (strategy === undefined || sources.length === 0) continue;
    const count =
      strategy.kind === 'standard' && strategy.algorithm.kind === 'standard'
        ? strategy.algorithm.targetCount
        : undefined;
    if (count === undefined) {
      yaml.report(
        [...path, 'shardingStrategy'],
        'SM_WRONG_STRATEGY',
        'autoTables need a standard strategy whose algorithm counts its shards',
        {
          suggestion:
            'MOD, HASH_MOD, VOLUME_RANGE, BOUNDARY_RANGE, AUTO_INTERVAL and CRC32_MOD do; for others write tables with actualDataNodes',
        },
      );
      continue;
    }
    const width =
      strategy.kind === 'standard' && strategy.algorithm.props['zero-padding']?.toLowerCase() === 'true'
        ? String(count - 1).length
        : 1;
    const nodes = Array.from({ length: count }, (_, i) =>
      Object.freeze({ source: sources[i % sources.length]!, table: `${name}_${String(i).padStart(width, '0')}` }),
    );
    addDraft(name, path, sourcesPath, nodes, none, strategy, entry.keyGenerateStrategy, entry.auditStrategy);
  }
  return { drafts, algorithms, keyGenerators };

  function addDraft(
    name: string,
    path: Path,
    nodesPath: Path,
    nodes: readonly ActualNode[],
    databaseStrategy: ShardingStrategy | undefined,
    tableStrategy: ShardingStrategy | undefined,
    keyEntry: KeyGenerateEntry | undefined,
    auditEntry: AuditEntry | undefined,
  ): void {
    const keyGenerate =
      keyEntry !== undefined
        ? readKeyGenerate(name, keyEntry, [...path, 'keyGenerateStrategy'])
        : rule.defaultKeyGenerateStrategy !== undefined
          ? readKeyGenerate(name, rule.defaultKeyGenerateStrategy, [...base, 'defaultKeyGenerateStrategy'])
          : undefined;
    const auditors =
      auditEntry !== undefined
        ? readAuditors(auditEntry, [...path, 'auditStrategy'])
        : rule.defaultAuditStrategy !== undefined
          ? readAuditors(rule.defaultAuditStrategy, [...base, 'defaultAuditStrategy'])
          : [];
    if (databaseStrategy === undefined || tableStrategy === undefined || nodes.length === 0) return;
    drafts.push({
      path,
      nodesPath,
      table: Object.freeze({
        name,
        kind: 'sharded',
        nodes: Object.freeze(nodes),
        databaseStrategy,
        tableStrategy,
        shardingColumns: Object.freeze(shardingColumnsOf(databaseStrategy, tableStrategy)),
        ...(keyGenerate === undefined ? {} : { keyGenerate }),
        auditors: Object.freeze(auditors),
      }),
    });
  }

  function checkLogicName(name: string, logicTable: string | undefined, path: Path): void {
    if (logicTable !== undefined && logicTable !== name)
      yaml.report(
        [...path, 'logicTable'],
        'SM_WRONG_VALUE',
        `logicTable '${logicTable}' differs from the table's name '${name}'`,
      );
  }

  function readNodes(text: string, path: Path): ActualNode[] {
    const nodes: ActualNode[] = [];
    const unknown = new Set<string>();
    for (const { name, at } of expand(text, path)) {
      const parts = name.split('.');
      const [source, table] = parts as [string, string | undefined];
      if (parts.length !== 2 || source === '' || table === undefined || table === '') {
        yaml.report(path, 'SM_WRONG_VALUE', `'${name}' is not of the form source.table`, { offset: at });
        return [];
      }
      if (!knownSource(source, path, at, unknown)) continue;
      if (nodes.some((node) => node.source === source && node.table === table)) {
        yaml.report(path, 'SM_DUPLICATE_NODE', `node ${name} is there twice`, { offset: at });
        continue;
      }
      nodes.push(Object.freeze({ source, table }));
    }
    return unknown.size > 0 ? [] : nodes;
  }

  function readSources(text: string, path: Path): string[] {
    const unknown = new Set<string>();
    const sources: string[] = [];
    for (const { name, at } of expand(text, path)) {
      if (!knownSource(name, path, at, unknown)) continue;
      if (sources.includes(name))
        yaml.report(path, 'SM_DUPLICATE_NODE', `source ${name} is there twice`, { offset: at });
      else sources.push(name);
    }
    return unknown.size > 0 ? [] : sources;
  }

  function knownSource(source: string, path: Path, at: number, unknown: Set<string>): boolean {
    if (scope.shardSources.includes(source)) return true;
    const group = scope.grouped.get(source);
    if (!unknown.has(source)) {
      unknown.add(source);
      if (group !== undefined) {
        yaml.report(
          path,
          'SM_GROUPED_SOURCE',
          `data source '${source}' belongs to group '${group}'; tables live on the group`,
          { suggestion: `write ${group}`, offset: at },
        );
      } else if (!scope.sourcesUncertain)
        yaml.reportUnknown(path, 'SM_UNKNOWN_SOURCE', 'source', source, scope.shardSources);
    }
    return false;
  }

  function expand(text: string, path: Path): readonly { name: string; at: number }[] {
    try {
      const names = expandNames(text);
      if (names.length === 0) yaml.report(path, 'SM_WRONG_VALUE', 'the list is empty');
      return names;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      yaml.report(path, 'SM_EXPRESSION', error.message, { suggestion: error.suggestion, offset: error.at });
      return [];
    }
  }

  function readKeyGenerate(table: string, entry: KeyGenerateEntry, path: Path): KeyGenerate | undefined {
    let generator: KeyGeneratorSpec | undefined;
    if (entry.keyGenerator !== undefined) {
      generator = readKeyGenerator(
        `<${table}.${entry.column}>`,
        entry.keyGenerator,
        yaml,
        [...path, 'keyGenerator'],
        scope.shardSources,
        scope.defaultSource,
      );
    } else if (entry.keyGeneratorName !== undefined) {
      generator = keyGenerators.get(entry.keyGeneratorName);
      const names = namesAt(yaml.value, [...base, 'keyGenerators']);
      if (names !== undefined && !names.includes(entry.keyGeneratorName))
        yaml.reportUnknown(
          [...path, 'keyGeneratorName'],
          'SM_UNKNOWN_GENERATOR',
          'key generator',
          entry.keyGeneratorName,
          names,
        );
    } else generator = defaultGenerator;
    if (generator === undefined) return undefined;
    if (!keyGenerators.has(generator.name)) keyGenerators.set(generator.name, generator);
    return Object.freeze({ column: entry.column, generator });
  }

  function readAuditors(entry: AuditEntry, path: Path): Auditor[] {
    return entry.auditorNames.flatMap((name, index) => {
      if (auditorTypes.has(name))
        return [
          Object.freeze({ name, type: 'DML_SHARDING_CONDITIONS' as const, allowHintDisable: entry.allowHintDisable }),
        ];
      const names = namesAt(yaml.value, [...base, 'auditors']);
      if (names !== undefined && !names.includes(name))
        yaml.reportUnknown([...path, 'auditorNames', index], 'SM_UNKNOWN_AUDITOR', 'auditor', name, names);
      return [];
    });
  }
}

const none: ShardingStrategy = Object.freeze({ kind: 'none' });

const defaultGenerator: KeyGeneratorSpec = Object.freeze({
  kind: 'snowflake',
  name: '<snowflake>',
  type: 'SNOWFLAKE',
  props: Object.freeze({}),
  workerId: undefined,
  maxVibrationOffset: 1,
  maxTolerateTimeDifferenceMs: 10,
});

/** The names of a map of the file for reference; undefined: it is no map, so that no name can be judged. */
export function namesAt(value: PlainValue | undefined, path: Path): string[] | undefined {
  let at: PlainValue | undefined = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return [];
    at = (at as Record<string | number, PlainValue>)[part];
  }
  if (at === undefined || at === null) return [];
  return typeof at === 'object' && !Array.isArray(at) ? Object.keys(at) : undefined;
}

/** The keys of a map of the file, also of entries that have problems. */
export function keysAt(value: PlainValue | undefined, path: Path): string[] {
  let at: PlainValue | undefined = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return [];
    at = (at as Record<string | number, PlainValue>)[part];
  }
  return typeof at === 'object' && at !== null && !Array.isArray(at) ? Object.keys(at) : [];
}
