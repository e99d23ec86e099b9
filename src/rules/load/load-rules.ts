/** Loads one rules file: text to a checked, frozen RuleSet, or all its problems with their positions. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { TransactionType } from '../../base/index.ts';
import type { Loaded, LoadSource } from '../mesh-config.ts';
import type {
  KeyGeneratorSpec,
  LogicalTable,
  RuleSet,
  ShardingAlgorithm,
  ShardingStrategy,
  SinglePattern,
  SourceGroup,
} from '../types.ts';
import { checkTables } from './check-tables.ts';
import { readBinding } from './read-binding.ts';
import { readDataSources } from './read-data-sources.ts';
import { readGroups, sameSchemas, shardSourcesOf } from './read-groups.ts';
import { keysAt, readTables, type TableDraft } from './read-tables.ts';
import { readTransactionType } from './read-transaction-type.ts';
import {
  broadcastSchema,
  readwriteSchema,
  rulesFileSchema,
  shardingSchema,
  singleSchema,
  transactionSchema,
} from './rules-schema.ts';
import { validate } from './validate.ts';
import { type Path, type PlainValue, YamlFile } from './yaml-file.ts';

const builtTags = ['!SHARDING', '!BROADCAST', '!SINGLE', '!READWRITE_SPLITTING', '!TRANSACTION'];
const refusedTags: Readonly<Record<string, string>> = {
  '!ENCRYPT': 'encryption of columns',
  '!MASK': 'masking of columns',
  '!SHADOW': 'shadow sources',
  '!DB_DISCOVERY': 'discovery of primaries',
  '!TRAFFIC': 'traffic rules',
  '!AUTHORITY': 'users in rules files (they are in shardmesh.yaml)',
};
const harmlessTags = ['!SQL_PARSER', '!SQL_FEDERATION', '!LOGGING', '!GLOBAL_CLOCK', '!SQL_TRANSLATOR', '!CACHE'];

/** Does no I/O but through the ports of `source`. Never throws for bad input. */
export function loadRules(source: LoadSource): Loaded<RuleSet> {
  const yaml = new YamlFile(source.file, source.text, source.env);
  const value = readRules(source, yaml);
  const problems = [...yaml.problems].sort((a, b) => a.line - b.line || a.column - b.column);
  return value === undefined || yaml.failed ? { problems } : { value, problems };
}

/** The database of a file without name. */
const UNNAMED = 'logic_db';

function readRules(source: LoadSource, yaml: YamlFile): RuleSet | undefined {
  if (yaml.value === undefined) return undefined;
  const file = validate(rulesFileSchema, yaml.value, yaml, []);
  if (file === undefined) return undefined;

  const databaseName = file.databaseName ?? file.schemaName;
  const named = keysAt(yaml.value, []).some((key) => key === 'databaseName' || key === 'schemaName');
  if (databaseName === undefined && !named) {
    // Files of ShardingSphere-JDBC have no name; it calls their database so.
    yaml.report([], 'SM_MISSING_KEY', `key 'databaseName' is missing; the database is called '${UNNAMED}'`, {
      severity: 'warning',
    });
  }
  if (databaseName !== undefined && (/[\0/\\.]/.test(databaseName) || databaseName.length > 64))
    yaml.report(
      [file.databaseName === undefined ? 'schemaName' : 'databaseName'],
      'SM_WRONG_VALUE',
      `'${databaseName}' is no name of a database`,
    );
  for (const key of ['mode', 'props'] as const) {
    if (file[key] !== undefined)
      yaml.report([key], 'SM_UNUSED', `'${key}' means nothing here and is ignored`, {
        severity: 'warning',
        atKey: true,
      });
  }

  const sourceNames = keysAt(yaml.value, ['dataSources']);
  const dataSources = readDataSources(file.dataSources, yaml, dirname(source.file), source);
  const rules = rulesByTag(yaml);

  const groups = new Map<string, SourceGroup>();
  for (const { value, path } of rules.get('!READWRITE_SPLITTING') ?? []) {
    const rule = validate(readwriteSchema, value, yaml, path);
    if (rule !== undefined) readGroups(rule, yaml, path, sourceNames, groups);
  }
  const shardSources = shardSourcesOf(sourceNames, groups);
  const grouped = new Map(
    [...groups.values()].flatMap((group) =>
      [group.primary, ...group.replicas].map((member) => [member, group.name] as const),
    ),
  );
  const groupsUncertain = yaml.problems.some((problem) => problem.code === 'SM_NO_PRIMARY');
  for (const [first, second] of sameSchemas(dataSources.values())) {
    yaml.report(
      ['dataSources', second],
      'SM_OVERLAPPING_TABLES',
      `data sources '${first}' and '${second}' are the same schema of the same server`,
      { atKey: true },
    );
  }

  const single = readSingle(rules.get('!SINGLE') ?? [], yaml, shardSources, grouped);
  const defaultSource = single.defaultSource ?? shardSources[0] ?? '';

  const drafts: TableDraft[] = [];
  const algorithms = new Map<string, ShardingAlgorithm>();
  const keyGenerators = new Map<string, KeyGeneratorSpec>();
  let bindingGroups: readonly (readonly string[])[] = [];
  const broadcast: { name: string; path: Path }[] = [];
  for (const [index, { value, path }] of (rules.get('!SHARDING') ?? []).entries()) {
    if (index > 0) {
      yaml.report(path, 'SM_DUPLICATE_NAME', '!SHARDING is there twice', { suggestion: 'put all tables under one' });
      continue;
    }
    const rule = validate(shardingSchema, value, yaml, path);
    if (rule === undefined) continue;
    const parts = readTables(rule, {
      yaml,
      base: path,
      shardSources,
      grouped,
      sourcesUncertain: groupsUncertain,
      defaultSource,
    });
    bindingGroups = readBinding(rule, parts.drafts, yaml, path);
    for (const draft of parts.drafts) drafts.push(withGroup(draft, bindingGroups));
    for (const [name, algorithm] of parts.algorithms) algorithms.set(name, algorithm);
    for (const [name, generator] of parts.keyGenerators) keyGenerators.set(name, generator);
    for (const [position, name] of rule.broadcastTables.entries())
      broadcast.push({ name, path: [...path, 'broadcastTables', position] });
  }
  for (const { value, path } of rules.get('!BROADCAST') ?? []) {
    const rule = validate(broadcastSchema, value, yaml, path);
    for (const [position, name] of rule?.tables.entries() ?? [])
      broadcast.push({ name, path: [...path, 'tables', position] });
  }

  const tables = new Map<string, LogicalTable>();
  for (const draft of drafts) tables.set(draft.table.name, draft.table);
  for (const { name, path } of broadcast) {
    if (tables.has(name)) {
      yaml.report(path, 'SM_DUPLICATE_NAME', `table '${name}' is already a ${tables.get(name)!.kind} table`);
      continue;
    }
    tables.set(name, placedTable(name, 'broadcast', shardSources));
  }
  for (const { pattern, path } of single.named) {
    if (tables.has(pattern.table))
      yaml.report(
        path,
        'SM_DUPLICATE_NAME',
        `table '${pattern.table}' is already a ${tables.get(pattern.table)!.kind} table`,
      );
    else tables.set(pattern.table, placedTable(pattern.table, 'single', [pattern.source]));
  }
  checkTables(drafts, [...tables.values()], yaml);
  let transactionType: TransactionType | undefined;
  for (const { value, path } of rules.get('!TRANSACTION') ?? []) {
    const rule = validate(transactionSchema, value, yaml, path);
    for (const key of ['providerType', 'props'] as const) {
      if (rule?.[key] !== undefined)
        yaml.report([...path, key], 'SM_UNUSED', `'${key}' means nothing here and is ignored`, {
          severity: 'warning',
          atKey: true,
        });
    }
    if (rule !== undefined) transactionType = readTransactionType(rule.defaultType, yaml, [...path, 'defaultType']);
  }

  return Object.freeze({
    databaseName: databaseName ?? UNNAMED,
    file: source.file,
    version: contentVersion(yaml.value),
    dataSources,
    groups,
    shardSources: Object.freeze(shardSources),
    defaultSource,
    tables,
    bindingGroups,
    singlePatterns: Object.freeze(single.patterns),
    keyGenerators,
    algorithms,
    transactionType,
  });
}

interface RuleItem {
  readonly value: PlainValue;
  readonly path: Path;
}

function rulesByTag(yaml: YamlFile): ReadonlyMap<string, readonly RuleItem[]> {
  const items = new Map<string, RuleItem[]>();
  const rules = (yaml.value as { rules?: PlainValue }).rules;
  if (!Array.isArray(rules)) return items;
  for (const [index, value] of rules.entries()) {
    const path: Path = ['rules', index];
    const tag = yaml.tagOf(path);
    if (tag === undefined) {
      yaml.report(path, 'SM_YAML_UNKNOWN_TAG', 'a rule starts with its tag', { suggestion: builtTags.join(', ') });
    } else if (refusedTags[tag] !== undefined) {
      yaml.report(path, 'SM_FEATURE_NOT_BUILT', `${tag} is not built: ${refusedTags[tag]}`, {
        suggestion: 'remove the rule; it is never ignored silently',
      });
    } else if (harmlessTags.includes(tag)) {
      yaml.report(path, 'SM_UNUSED', `${tag} means nothing here and is ignored`, { severity: 'warning' });
    } else if (!builtTags.includes(tag)) {
      yaml.reportUnknown(path, 'SM_YAML_UNKNOWN_TAG', 'rule', tag, [...builtTags, ...Object.keys(refusedTags)]);
    } else items.set(tag, [...(items.get(tag) ?? []), { value: value ?? {}, path }]);
  }
  return items;
}

interface SingleParts {
  readonly patterns: readonly SinglePattern[];
  readonly named: readonly { readonly pattern: SinglePattern; readonly path: Path }[];
  readonly defaultSource: string | undefined;
}

function readSingle(
  items: readonly RuleItem[],
  yaml: YamlFile,
  shardSources: readonly string[],
  grouped: ReadonlyMap<string, string>,
): SingleParts {
  const patterns: SinglePattern[] = [];
  const named: { pattern: SinglePattern; path: Path }[] = [];
  let defaultSource: string | undefined;
  const known = (source: string, path: Path): boolean => {
    if (shardSources.includes(source)) return true;
    const group = grouped.get(source);
    if (group === undefined) yaml.reportUnknown(path, 'SM_UNKNOWN_SOURCE', 'source', source, shardSources);
    else
      yaml.report(
        path,
        'SM_GROUPED_SOURCE',
        `data source '${source}' belongs to group '${group}'; tables live on the group`,
        { suggestion: `write ${group}` },
      );
    return false;
  };
  for (const { value, path } of items) {
    const rule = validate(singleSchema, value, yaml, path);
    if (rule === undefined) continue;
    for (const [index, text] of rule.tables.entries()) {
      const at: Path = [...path, 'tables', index];
      for (const item of text
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '')) {
        const match = /^(\*|[^.*\s]+)\.(\*|[^.*\s]+)$/.exec(item);
        if (match === null) {
          yaml.report(at, 'SM_WRONG_VALUE', `'${item}' is not of the form source.table, source.* or *.*`);
          continue;
        }
        const pattern: SinglePattern = Object.freeze({ source: match[1]!, table: match[2]! });
        if (pattern.source !== '*' && !known(pattern.source, at)) continue;
        patterns.push(pattern);
        if (pattern.source !== '*' && pattern.table !== '*') named.push({ pattern, path: at });
      }
    }
    if (rule.defaultDataSource !== undefined && known(rule.defaultDataSource, [...path, 'defaultDataSource']))
      defaultSource = rule.defaultDataSource;
  }
  return { patterns, named, defaultSource };
}

function placedTable(name: string, kind: 'broadcast' | 'single', sources: readonly string[]): LogicalTable {
  return Object.freeze({
    name,
    kind,
    databaseStrategy: none,
    tableStrategy: none,
    shardingColumns: Object.freeze([]),
    auditors: Object.freeze([]),
    nodes: Object.freeze(sources.map((source) => Object.freeze({ source, table: name }))),
  });
}
const none: ShardingStrategy = Object.freeze({ kind: 'none' });

function withGroup(draft: TableDraft, groups: readonly (readonly string[])[]): TableDraft {
  const index = groups.findIndex((group) => group.includes(draft.table.name));
  return index < 0 ? draft : { ...draft, table: Object.freeze({ ...draft.table, bindingGroup: index }) };
}

const secretKeys = new Set([
  'password',
  'passwordFile',
  'authenticationString',
  'url',
  'jdbcUrl',
  'standardJdbcUrl',
  'redis',
]);

/** The first 16 hex digits of a SHA-256 over the values in a fixed order of keys, secrets left out; URLs count without their credentials. */
export function contentVersion(value: PlainValue): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(value)))
    .digest('hex')
    .slice(0, 16);
}

function canonical(value: PlainValue): PlainValue {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const sorted: { [key: string]: PlainValue } = {};
  for (const key of Object.keys(value).sort()) {
    const item = value[key]!;
    if (!secretKeys.has(key)) sorted[key] = canonical(item);
    else if (/url$/i.test(key))
      sorted[key] = String(item)
        .replace(/\/\/[^@/]*@/, '//')
        .replace(/([?&](?:password|user)=)[^&]*/gi, '$1');
  }
  return sorted;
}
