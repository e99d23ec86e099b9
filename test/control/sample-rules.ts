/** Rule sets for the tests of this room, made by hand so that they need no file. */
import type { DataSource, LogicalTable, RuleSet, SinglePattern } from '../../src/rules/index.ts';

export const sampleSource = (name: string, port: number, database: string): DataSource => ({
  name,
  host: '127.0.0.1',
  port,
  database,
  username: 'mesh',
  password: 'mesh',
  pool: { sizeMax: 5, sizeMin: 0, connectionTimeoutMs: 5000, idleTimeoutMs: 60_000, lifetimeMaxMs: 0 },
  tls: { mode: 'disabled' },
});

export const sampleTable = (name: string, kind: LogicalTable['kind'], nodes: readonly string[]): LogicalTable => ({
  name,
  kind,
  nodes: nodes.map((node) => {
    const [source = '', table = name] = node.split('.');
    return { source, table };
  }),
  databaseStrategy: { kind: 'none' },
  tableStrategy: { kind: 'none' },
  shardingColumns: kind === 'sharded' ? ['id'] : [],
  auditors: [],
});

export const sampleRules = (
  sources: readonly DataSource[],
  tables: readonly LogicalTable[],
  singlePatterns: readonly SinglePattern[] = [],
): RuleSet => ({
  databaseName: 'shop',
  file: 'shop.yaml',
  version: '0123456789abcdef',
  dataSources: new Map(sources.map((source) => [source.name, source])),
  groups: new Map(),
  shardSources: sources.map((source) => source.name),
  defaultSource: sources[0]?.name ?? '',
  tables: new Map(tables.map((table) => [table.name, table])),
  bindingGroups: [],
  singlePatterns,
  keyGenerators: new Map(),
  algorithms: new Map(),
  transactionType: undefined,
});
