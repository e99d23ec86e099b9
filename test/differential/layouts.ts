/** Four ways to spread the shared tables over servers, as the rules files that a user would write. */
import type { LayoutName } from './case-file.ts';
import type { KeyKind } from './schema.ts';

export interface Layout {
  readonly name: LayoutName;
  readonly keyKind: KeyKind;
  /** One per data source ds_0, ds_1, ...; they are spread over the servers in turn. */
  readonly schemas: readonly string[];
  /** The `rules:` part of the rules file. */
  readonly rules: string;
}

/** Sharded tables with an integer key column, and the column that may choose the table within a source. */
const numberKeys = [
  ['types', 'id'],
  ['words', 'id'],
  ['tickets', 'ticket_id'],
  ['ddl_t', 'id'],
  ['ddl_u', 'id'],
] as const;
const userKeys = [
  ['users', 'user_id'],
  ['orders', 'order_id'],
  ['order_items', 'order_id'],
] as const;
const stringKeys = [
  ['tags', 'tag'],
  ['accounts', 'code'],
  ['account_entries', 'code'],
] as const;

const common = (bindings: readonly string[]): string => `  bindingTables:
${bindings.map((group) => `    - "${group}"`).join('\n')}
  keyGenerators:
    snowflake: { type: SNOWFLAKE, props: { worker-id: 1, max-vibration-offset: 3 } }
- !BROADCAST { tables: [countries, ddl_b] }
- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }
`;

const generator = (table: string): string =>
  table === 'tickets' ? '\n      keyGenerateStrategy: { column: ticket_id, keyGeneratorName: snowflake }' : '';

/** Each table once per source, the source chosen by `count` remainders. */
const oneTablePerSource = (count: number): string => {
  const nodes = count === 1 ? 'ds_0' : `ds_\${0..${count - 1}}`;
  const table = (name: string, column: string, algorithm: string) => `    ${name}:
      actualDataNodes: ${nodes}.${name}
      databaseStrategy: { standard: { shardingColumn: ${column}, shardingAlgorithmName: ${algorithm} } }${generator(name)}`;
  return `- !SHARDING
  tables:
${[
  ...userKeys.map(([name]) => table(name, 'user_id', 'by_number')),
  ...numberKeys.map(([name, column]) => table(name, column, 'by_number')),
  ...stringKeys.map(([name, column]) => table(name, column, 'by_string')),
].join('\n')}
  shardingAlgorithms:
    by_number: { type: MOD, props: { sharding-count: ${count} } }
    by_string: { type: HASH_MOD, props: { sharding-count: ${count} } }
${common(['users,orders,order_items', 'accounts,account_entries'])}`;
};

/** Two sources with two tables each: orders by user and then by order, so that a point read by order_id alone touches both sources. */
const twoByTwo = (): string => {
  const inline = (name: string, column: string) => `    ${name}:
      actualDataNodes: ds_\${0..1}.${name}_\${0..1}
      databaseStrategy: { standard: { shardingColumn: ${name.startsWith('order') || name === 'users' ? 'user_id' : column}, shardingAlgorithmName: db_${name} } }
      tableStrategy: { standard: { shardingColumn: ${column}, shardingAlgorithmName: t_${name} } }${generator(name)}
`;
  const algorithm = (name: string, database: string, table: string, tableExpression: string) =>
    `    db_${name}: { type: INLINE, props: { algorithm-expression: "ds_\${${database}.abs() % 2}", allow-range-query-with-inline-sharding: true } }
    t_${name}: { type: INLINE, props: { algorithm-expression: "${name}_\${${tableExpression.replace('?', table)}}", allow-range-query-with-inline-sharding: true } }
`;
  const same = '?.abs().intdiv(2) % 2';
  const other = '?.abs() % 2';
  const all = [
    ...userKeys.map(([name, column]) => ({
      name,
      column,
      database: 'user_id',
      expression: name === 'users' ? same : other,
    })),
    ...numberKeys.map(([name, column]) => ({ name, column, database: column, expression: same })),
  ];
  return `- !SHARDING
  tables:
${all.map(({ name, column }) => inline(name, column)).join('')}  autoTables:
${stringKeys
  .map(
    ([name, column]) =>
      `    ${name}: { actualDataSources: "ds_\${0..1}", shardingStrategy: { standard: { shardingColumn: ${column}, shardingAlgorithmName: by_string } } }\n`,
  )
  .join('')}  shardingAlgorithms:
    by_string: { type: HASH_MOD, props: { sharding-count: 4 } }
${all.map(({ name, column, database, expression }) => algorithm(name, database, column, expression)).join('')}${common(['orders,order_items', 'accounts,account_entries'])}`;
};

/** Two sources with two tables each, made by autoTables; user_id is text. */
const stringKeyed = (): string => {
  const table = (name: string, column: string, algorithm: string) =>
    `    ${name}:
      actualDataSources: "ds_\${0..1}"
      shardingStrategy: { standard: { shardingColumn: ${column}, shardingAlgorithmName: ${algorithm} } }${generator(name)}`;
  return `- !SHARDING
  autoTables:
${[
  ...userKeys.map(([name]) => table(name, 'user_id', 'by_string')),
  ...numberKeys.map(([name, column]) => table(name, column, 'by_number')),
  ...stringKeys.map(([name, column]) => table(name, column, 'by_string')),
].join('\n')}
  shardingAlgorithms:
    by_number: { type: MOD, props: { sharding-count: 4 } }
    by_string: { type: HASH_MOD, props: { sharding-count: 4 } }
${common(['users,orders,order_items', 'accounts,account_entries'])}`;
};

export const layouts: Readonly<Record<LayoutName, Layout>> = {
  'one-source': { name: 'one-source', keyKind: 'number', schemas: ['phys_a'], rules: oneTablePerSource(1) },
  'two-by-two': { name: 'two-by-two', keyKind: 'number', schemas: ['phys_b0', 'phys_b1'], rules: twoByTwo() },
  'four-sources': {
    name: 'four-sources',
    keyKind: 'number',
    schemas: ['phys_c0', 'phys_c1', 'phys_c2', 'phys_c3'],
    rules: oneTablePerSource(4),
  },
  'string-keys': { name: 'string-keys', keyKind: 'string', schemas: ['phys_d0', 'phys_d1'], rules: stringKeyed() },
};

/** The rules file of a layout whose sources listen on these ports, one per schema. */
export const rulesFile = (
  layout: Layout,
  ports: readonly number[],
  account: { user: string; password: string },
): string =>
  `databaseName: shop
dataSources:
${layout.schemas
  .map(
    (schema, i) =>
      `  ds_${i}: { url: "mysql://127.0.0.1:${ports[i]}/${schema}", username: ${account.user}, password: ${account.password} }`,
  )
  .join('\n')}
rules:
${layout.rules}`;

export const sidecarFile = `listen: 127.0.0.1:0
http: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 1
users:
  - { user: "app@%", password: app, databases: [shop] }
databases: [shop.yaml]
transaction: { defaultType: XA }
`;
