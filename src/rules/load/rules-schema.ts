/** The shape of a rules file: keys, types, descriptions. The JSON Schema and the reference in docs/configuration.md are made from it. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import { z } from 'zod';
import { name, props, text, whole } from './schema-parts.ts';

const ignored = (what: string) => z.unknown().optional().describe(`${what} Read and ignored.`);

export const dataSourceSchema = z.strictObject({
  url: z
    .string()
    .optional()
    .describe(
      '`mysql://host:port/schema`, also `jdbc:mysql://` and `jdbc:mariadb://`; the port defaults to 3306. Parameters understood: `sslMode`, `useSSL`, `requireSSL`, `verifyServerCertificate`, `socket`; parameters of Java drivers that change nothing here are ignored.',
    ),
  jdbcUrl: z.string().optional().describe('Older spelling of `url`.'),
  standardJdbcUrl: z.string().optional().describe('Older spelling of `url`.'),
  username: text.optional().describe('User on the server.'),
  user: text.optional().describe('Same as `username`.'),
  password: text.optional().describe('Password on the server; take it from the environment with `${NAME}`.'),
  passwordFile: z
    .string()
    .optional()
    .describe('File that holds the password, its last line end left out. Relative to this file.'),
  maxPoolSize: whole(1, 100_000).default(50).describe('Connections to this source at most, per worker.'),
  minPoolSize: whole(0, 100_000).default(1).describe('Connections kept open when idle, per worker.'),
  connectionTimeoutMilliseconds: whole(1, 86_400_000)
    .default(30_000)
    .describe('How long a statement waits for a connection.'),
  idleTimeoutMilliseconds: whole(0, 2_147_483_647)
    .default(60_000)
    .describe('Idle connections above `minPoolSize` are closed after this.'),
  maxLifetimeMilliseconds: whole(0, 2_147_483_647)
    .default(1_800_000)
    .describe('Connections are replaced after this; 0: never.'),
  maximumPoolSize: whole(1, 100_000).optional().describe('Older spelling of `maxPoolSize`.'),
  minimumIdle: whole(0, 100_000).optional().describe('Older spelling of `minPoolSize`.'),
  connectionTimeout: whole(1, 86_400_000).optional().describe('Older spelling of `connectionTimeoutMilliseconds`.'),
  idleTimeout: whole(0, 2_147_483_647).optional().describe('Older spelling of `idleTimeoutMilliseconds`.'),
  maxLifetime: whole(0, 2_147_483_647).optional().describe('Older spelling of `maxLifetimeMilliseconds`.'),
  tls: z
    .strictObject({
      mode: z
        .enum(['disabled', 'preferred', 'required', 'verify-ca', 'verify-identity'])
        .default('required')
        .describe('As the `--ssl-mode` of MySQL’s clients.'),
      ca: z.string().optional().describe('File with the certificates that the server’s must be signed by.'),
      cert: z.string().optional().describe('File with the certificate to show to the server.'),
      key: z.string().optional().describe('File with its key.'),
    })
    .optional()
    .describe('TLS to the server; without this: by the URL’s parameters, else `disabled`.'),
  zone: name
    .optional()
    .describe('Where the server is: reads prefer replicas of the sidecar’s own zone (`replicas.zone`).'),
  dataSourceClassName: ignored('Java’s pool class.'),
  driverClassName: ignored('Java’s driver class.'),
  readOnly: ignored('A pool setting of Java.'),
  customPoolProps: ignored('Pool settings of Java.'),
});

const algorithmSchema = z.strictObject({
  type: z.string().describe('The algorithm; see the list of types.'),
  props: props.optional().describe('Its properties; see the list of types.'),
});

const standardSchema = z.strictObject({
  shardingColumn: name.optional().describe('The column whose value decides; default: `defaultShardingColumn`.'),
  shardingAlgorithmName: name.optional().describe('A name of `shardingAlgorithms`.'),
  shardingAlgorithm: algorithmSchema.optional().describe('The algorithm itself, in place of a name.'),
});
const complexSchema = z.strictObject({
  shardingColumns: z.string().describe('The columns, separated by commas.'),
  shardingAlgorithmName: name.optional().describe('A name of `shardingAlgorithms`.'),
  shardingAlgorithm: algorithmSchema.optional().describe('The algorithm itself, in place of a name.'),
});
const hintSchema = z.strictObject({
  shardingAlgorithmName: name.optional().describe('A name of `shardingAlgorithms`.'),
  shardingAlgorithm: algorithmSchema.optional().describe('The algorithm itself, in place of a name.'),
});

export const strategySchema = z.strictObject({
  standard: standardSchema.optional().describe('One column decides.'),
  complex: complexSchema.optional().describe('Several columns decide.'),
  hint: hintSchema.optional().describe('A hint of the statement decides.'),
  none: z.unknown().optional().describe('Nothing decides: one target only.'),
});

const keyGenerateSchema = z.strictObject({
  column: name.describe('The column that gets a generated key when an INSERT leaves it out.'),
  keyGeneratorName: name.optional().describe('A name of `keyGenerators`; without it: SNOWFLAKE.'),
  keyGenerator: algorithmSchema.optional().describe('The generator itself, in place of a name.'),
});

const auditStrategySchema = z.strictObject({
  auditorNames: z.array(name).min(1).describe('Names of `auditors`.'),
  allowHintDisable: z.boolean().default(true).describe('Whether the hint DISABLE_AUDIT_NAMES may switch them off.'),
});

export const tableSchema = z.strictObject({
  logicTable: name.optional().describe('The table’s name again; read and compared.'),
  actualDataNodes: z
    .string()
    .optional()
    .describe('Inline expression of all `source.table`; default: the table’s own name on every source.'),
  databaseStrategy: strategySchema.optional().describe('Picks the source; default: `defaultDatabaseStrategy`.'),
  tableStrategy: strategySchema.optional().describe('Picks the table; default: `defaultTableStrategy`.'),
  keyGenerateStrategy: keyGenerateSchema.optional().describe('Default: `defaultKeyGenerateStrategy`.'),
  auditStrategy: auditStrategySchema.optional().describe('Default: `defaultAuditStrategy`.'),
});

export const autoTableSchema = z.strictObject({
  logicTable: name.optional().describe('The table’s name again; read and compared.'),
  actualDataSources: z
    .string()
    .optional()
    .describe(
      'Inline expression of the sources; shard i is table `name_i` on the sources in turn. Default: every source.',
    ),
  shardingStrategy: strategySchema.describe(
    'Picks the shard; the algorithm must count its shards (MOD, HASH_MOD, VOLUME_RANGE, BOUNDARY_RANGE, AUTO_INTERVAL, CRC32_MOD).',
  ),
  keyGenerateStrategy: keyGenerateSchema.optional().describe('Default: `defaultKeyGenerateStrategy`.'),
  auditStrategy: auditStrategySchema.optional().describe('Default: `defaultAuditStrategy`.'),
});

export const shardingSchema = z.strictObject({
  tables: z
    .record(z.string(), tableSchema)
    .default({})
    .describe('Tables with their nodes written down, by logical name.'),
  autoTables: z
    .record(z.string(), autoTableSchema)
    .default({})
    .describe('Tables whose nodes follow from the algorithm’s count, by logical name.'),
  bindingTables: z
    .array(z.string())
    .default([])
    .describe('Groups of tables sharded alike, each `a,b` (a group’s name may stand before: `group:a,b`).'),
  broadcastTables: z.array(name).default([]).describe('Older place of `!BROADCAST`.'),
  defaultShardingColumn: name.optional().describe('For `standard` strategies without column.'),
  defaultDatabaseStrategy: strategySchema.optional().describe('For tables without `databaseStrategy`; default: none.'),
  defaultTableStrategy: strategySchema.optional().describe('For tables without `tableStrategy`; default: none.'),
  defaultKeyGenerateStrategy: keyGenerateSchema.optional().describe('For tables without `keyGenerateStrategy`.'),
  defaultAuditStrategy: auditStrategySchema.optional().describe('For tables without `auditStrategy`.'),
  shardingAlgorithms: z.record(z.string(), algorithmSchema).default({}).describe('Algorithms by name.'),
  keyGenerators: z.record(z.string(), algorithmSchema).default({}).describe('Key generators by name.'),
  auditors: z
    .record(z.string(), algorithmSchema)
    .default({})
    .describe('Auditors by name; the only type is DML_SHARDING_CONDITIONS.'),
  shardingCache: ignored('A cache of ShardingSphere.'),
});

export const broadcastSchema = z.strictObject({
  tables: z.array(name).describe('Tables that exist with equal rows on every source.'),
});

export const singleSchema = z.strictObject({
  tables: z
    .array(z.string())
    .default([])
    .describe('`source.table`, `source.*` or `*.*`: where unsharded tables are looked for. Default: everywhere.'),
  defaultDataSource: name.optional().describe('Where new unsharded tables are made; default: the first source.'),
});

const groupSchema = z.strictObject({
  writeDataSourceName: name.optional().describe('The primary.'),
  readDataSourceNames: z.array(name).optional().describe('The replicas.'),
  transactionalReadQueryStrategy: z
    .enum(['PRIMARY', 'FIXED', 'DYNAMIC'])
    .default('PRIMARY')
    .describe(
      'Where reads in a transaction that has not written yet go: PRIMARY, FIXED (one replica for the whole transaction), DYNAMIC (any replica each time). READ ONLY transactions use one replica in any case.',
    ),
  loadBalancerName: name.optional().describe('A name of `loadBalancers`; default: ROUND_ROBIN.'),
  loadBalancer: algorithmSchema.optional().describe('The load balancer itself, in place of a name.'),
  type: z.string().optional().describe('Older form: `Static`.'),
  staticStrategy: z
    .strictObject({
      writeDataSourceName: name.describe('The primary.'),
      readDataSourceNames: z.array(name).default([]).describe('The replicas.'),
    })
    .optional()
    .describe('Older form of the two keys above.'),
  dynamicStrategy: z.unknown().optional().describe('Refused: primaries are not discovered yet.'),
  props: z
    .record(z.string(), z.string())
    .optional()
    .describe('Older form: `write-data-source-name`, `read-data-source-names`.'),
});

export const readwriteSchema = z.strictObject({
  dataSourceGroups: z.record(z.string(), groupSchema).optional().describe('Groups by name; tables live on the groups.'),
  dataSources: z.record(z.string(), groupSchema).optional().describe('Older spelling of `dataSourceGroups`.'),
  loadBalancers: z
    .record(z.string(), algorithmSchema)
    .default({})
    .describe('ROUND_ROBIN, RANDOM, WEIGHT, LEAST_LATENCY by name.'),
});

export const transactionSchema = z.strictObject({
  defaultType: z
    .string()
    .describe('`shardmesh_transaction_type` of sessions that use this database; the one of `users` wins over it.'),
  providerType: ignored('The transaction manager of ShardingSphere.'),
  props: ignored('Settings of that transaction manager.'),
});

/** `rules` without its items: they are told apart by their tags and held against their own schemas. */
export const rulesFileSchema = z.strictObject({
  databaseName: name.optional().describe('The logical database that applications name.'),
  schemaName: name.optional().describe('Older spelling of `databaseName`.'),
  dataSources: z.record(z.string(), dataSourceSchema).describe('The physical schemas, by a name of your own.'),
  rules: z
    .array(z.unknown())
    .default([])
    .describe('`!SHARDING`, `!BROADCAST`, `!SINGLE`, `!READWRITE_SPLITTING`, `!TRANSACTION`.'),
  mode: ignored('The operation mode of ShardingSphere.'),
  props: ignored('Settings of ShardingSphere, such as `sql-show`.'),
});

export type RulesFile = z.output<typeof rulesFileSchema>;
export type ShardingRule = z.output<typeof shardingSchema>;
export type Strategy = z.output<typeof strategySchema>;
export type AlgorithmEntry = z.output<typeof algorithmSchema>;
export type DataSourceEntry = z.output<typeof dataSourceSchema>;
export type ReadwriteRule = z.output<typeof readwriteSchema>;
export type KeyGenerateEntry = z.output<typeof keyGenerateSchema>;
export type AuditEntry = z.output<typeof auditStrategySchema>;
