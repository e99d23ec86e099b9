/** A small real cluster for planning across shards: two schemas as sources beside one plain schema with the same rows. */
import { MeshError } from '../../src/base/index.ts';
import type { SchemaSnapshot } from '../../src/catalog/index.ts';
import { SchemaLoader } from '../../src/control/index.ts';
import {
  type MergeColumn,
  merge,
  RowFields,
  type RowSource,
  ScratchInsert,
  scratchLoadSettings,
} from '../../src/merge/index.ts';
import { noEffects } from '../../src/plan/effects.ts';
import type { Action, BindInput, ParameterValue, PlanEnvironment, ShardQuery } from '../../src/plan/index.ts';
import { PlanBuilder } from '../../src/plan/plan-builder.ts';
import { StatementText } from '../../src/plan/rewrite.ts';
import { compileSelect } from '../../src/plan/select.ts';
import { loadRules, noHints, type RuleSet } from '../../src/rules/index.ts';
import { initialMeshValues } from '../../src/session/index.ts';
import { FingerprintBuffer, fingerprint, Lexer, type LexMode, parse } from '../../src/sql/index.ts';
import { PacketClient, type RawResult } from '../merge/packet-client.ts';
import { batchOf, drain } from '../merge/row-batches.ts';
import { startServer, type TestServer } from '../servers/index.ts';

export interface Cluster {
  readonly server: TestServer;
  readonly rules: RuleSet;
  readonly schema: SchemaSnapshot;
  readonly plain: PacketClient;
  close(): Promise<void>;
}

/** `tables`: DDL with the table's name as `%`. */
export interface ClusterTable {
  readonly name: string;
  readonly columns: string;
  /** Sharding column (MOD over four nodes), or where else the table is. */
  readonly shardBy?: string;
  readonly single?: 's0' | 's1';
}

const rulesText = (port: number, tables: readonly ClusterTable[], binding: string): string => `
databaseName: shop
dataSources:
${['s0', 's1'].map((name) => `  ${name}:\n    url: jdbc:mysql://127.0.0.1:${port}/${name}\n    username: mesh\n    password: mesh\n`).join('')}
rules:
- !SHARDING
  tables:
${tables
  .filter((table) => table.shardBy !== undefined)
  .map(
    (table) => `    ${table.name}:
      actualDataNodes: s\${0..1}.${table.name}_\${0..1}
      databaseStrategy:
        standard: { shardingColumn: ${table.shardBy}, shardingAlgorithmName: by_source }
      tableStrategy:
        standard: { shardingColumn: ${table.shardBy}, shardingAlgorithmName: ${table.name}_by_table }
`,
  )
  .join('')}
  bindingTables: [ ${binding} ]
  shardingAlgorithms:
    by_source:
      type: INLINE
      props: { algorithm-expression: "s\${${'KEY'} % 2}" }
${tables
  .filter((table) => table.shardBy !== undefined)
  .map(
    (table) =>
      `    ${table.name}_by_table:\n      type: INLINE\n      props: { algorithm-expression: "${table.name}_\${KEY.intdiv(2) % 2}" }\n`,
  )
  .join('')}
- !BROADCAST
  tables: [ ${tables
    .filter((table) => table.shardBy === undefined && table.single === undefined)
    .map((table) => table.name)
    .join(', ')} ]
- !SINGLE
  tables: [ "*.*" ]
`;

const mode: LexMode = {
  charset: 'utf8',
  ansiQuotes: false,
  noBackslashEscapes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
  serverVersion: 101100,
  mariadb: true,
};

export async function startCluster(
  tables: readonly ClusterTable[],
  binding: string,
  rows: (run: (sql: string) => Promise<unknown>, place: (table: string, key: number) => string) => Promise<void>,
): Promise<Cluster> {
  const server = await startServer({
    schemas: ['plain', 's0', 's1'],
    options: ['--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci'],
  });
  const root = await server.connection();
  for (const table of tables) {
    await root.query(`CREATE TABLE plain.${table.name} (${table.columns})`);
    const nodes =
      table.shardBy !== undefined
        ? ['s0', 's1'].flatMap((source) => [0, 1].map((n) => `${source}.${table.name}_${n}`))
        : table.single !== undefined
          ? [`${table.single}.${table.name}`]
          : [`s0.${table.name}`, `s1.${table.name}`];
    for (const node of nodes) await root.query(`CREATE TABLE ${node} (${table.columns})`);
  }
  await rows(
    (sql) => root.query(sql),
    (table, key) => `s${key % 2}.${table}_${Math.floor(key / 2) % 2}`,
  );
  await root.end();
  const text = rulesText(server.port, tables, binding).replaceAll(
    'KEY',
    tables.find((table) => table.shardBy !== undefined)!.shardBy!,
  );
  const loaded = loadRules({ file: 'shop.yaml', text, env: {} } as never);
  if (loaded.value === undefined) throw new Error(JSON.stringify(loaded.problems, null, 1));
  const loader = new SchemaLoader({ rules: loaded.value, publish: () => undefined });
  const schema = await loader.start();
  loader.stop();
  const plain = await PacketClient.open(server.socketPath, 'plain');
  return {
    server,
    rules: loaded.value,
    schema,
    plain,
    async close() {
      plain.close();
      await server.stop();
    },
  };
}

/** Plans and binds one SELECT as the planner of a session would. */
export async function actionOf(
  cluster: { rules: RuleSet; schema: SchemaSnapshot },
  sql: string,
  parameters: readonly ParameterValue[] = [],
  sqlMode = '',
  inTransaction = false,
): Promise<Action> {
  const environment: PlanEnvironment = {
    rules: cluster.rules,
    schema: cluster.schema,
    database: 'shop',
    mode,
    sqlMode,
    collation: 'utf8mb4_general_ci',
    databases: new Set(['shop']),
  };
  const tokens = new Lexer().lex(Buffer.from(sql), mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  const parsed = parse(tokens, 0, mode, print);
  if (!parsed.ok) throw new Error(`${parsed.problem.message} at ${parsed.problem.at} in ${sql}`);
  if (parsed.statement.kind !== 'query') throw new Error('not a query');
  const facts = {
    database: 'shop',
    connectionId: 1,
    user: 'u@h',
    currentUser: 'u@%',
    lastInsertId: 0n,
    foundRows: 0n,
    rowCount: 0n,
    warningCount: 0,
    errorCount: 0,
    autocommit: true,
    inTransaction,
    mesh: initialMeshValues,
    position: { token: '' },
  };
  const input: BindInput = { tokens, fingerprint: print, parameters, facts, keys: { take: () => [] } };
  try {
    const builder = new PlanBuilder(environment, new StatementText(tokens, print), noHints);
    return await compileSelect(parsed.statement, builder, noEffects).bind(input);
  } catch (error) {
    if (error instanceof MeshError) return { kind: 'refuse', error };
    throw error;
  }
}

/** Runs an action on the cluster's schemas, one connection per query. */
export class ActionRunner {
  readonly #cluster: Cluster;
  readonly #clients = new Map<string, PacketClient[]>();

  /** SQL that gives each connection the client's settings. */
  readonly #session: string;

  constructor(cluster: Cluster, session = 'SET time_zone=DEFAULT, sql_mode=DEFAULT') {
    this.#cluster = cluster;
    this.#session = session;
  }

  async #lease<T>(source: string, use: (client: PacketClient) => Promise<T>): Promise<T> {
    let idle = this.#clients.get(source);
    if (idle === undefined) {
      idle = [];
      this.#clients.set(source, idle);
    }
    const client = idle.pop() ?? (await PacketClient.open(this.#cluster.server.socketPath, source));
    await client.query(this.#session);
    try {
      return await use(client);
    } finally {
      idle.push(client);
    }
  }

  close(): void {
    for (const idle of this.#clients.values()) for (const client of idle) client.close();
  }

  async run(
    action: Action,
    protocol: 'text' | 'binary',
    parameters: readonly (string | number | null)[] = [],
  ): Promise<RawResult> {
    const ask = (
      client: PacketClient,
      query: { text: Uint8Array; parameters: readonly number[] | undefined },
      how: 'text' | 'binary',
    ) => {
      const own = (query.parameters ?? parameters.map((_, i) => i)).map((index) => parameters[index]!);
      return how === 'text' && own.length === 0 ? client.query(query.text) : client.execute(query.text, own);
    };
    switch (action.kind) {
      case 'forward':
        return await this.#lease(action.query.source, (client) => ask(client, action.query, protocol));
      case 'scatter': {
        const results = await Promise.all(
          action.queries.map((query) => this.#lease(query.source, (client) => ask(client, query, protocol))),
        );
        const columns = results[0]!.columns;
        const merged = merge(
          results.map((result) => sourceOf(result.rows, 3)),
          columns as readonly MergeColumn[],
          action.merge,
          protocol,
          { bytesMax: 1 << 20 },
        );
        return { columns: columns.slice(0, action.merge.visible), rows: await drain(merged) };
      }
      case 'scratch': {
        const { source, feeds, final } = action.scratch;
        return await this.#lease(source, async (client) => {
          const settings = [...scratchLoadSettings].map(([name, value]) => `${name}=${value}`).join(', ');
          try {
            for (const feed of feeds) {
              await client.query(`SET ${settings}`);
              await ask(client, feed.define, 'text');
              if (feed.rows.kind !== 'queries') throw new Error('no information_schema here');
              for (const query of feed.rows.queries) {
                const rows = await this.#lease(query.source, (shard) => this.#textRows(shard, query, parameters));
                const insert = new ScratchInsert(feed, 4000);
                for (const row of rows) {
                  const text = insert.add(row, 0, row.length);
                  if (text !== undefined) await client.query(Buffer.from(text));
                }
                const rest = insert.finish();
                if (rest !== undefined) await client.query(Buffer.from(rest));
              }
            }
            await client.query(this.#session);
            return await ask(client, final, protocol);
          } finally {
            for (const feed of feeds) await client.query(`DROP TEMPORARY TABLE IF EXISTS \`${feed.name}\``);
          }
        });
      }
      case 'refuse':
        throw action.error;
      default:
        throw new Error(`unexpected action ${action.kind}`);
    }
  }

  /** Feeds want text rows: parameters are bound through a text EXECUTE. */
  async #textRows(
    client: PacketClient,
    query: ShardQuery,
    parameters: readonly (string | number | null)[],
  ): Promise<readonly Buffer[]> {
    const own = (query.parameters ?? parameters.map((_, i) => i)).map((index) => parameters[index]!);
    if (own.length === 0) return (await client.query(query.text)).rows;
    const literal = (value: string | number | null): string =>
      value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${value}'`;
    for (const [i, value] of own.entries()) await client.query(`SET @p${i} = ${literal(value)}`);
    await client.query(`PREPARE q FROM '${Buffer.from(query.text).toString().replaceAll("'", "''")}'`);
    return (await client.query(`EXECUTE q USING ${own.map((_, i) => `@p${i}`).join(', ')}`)).rows;
  }
}

/** Rows as a pull source, a few per batch, asynchronous every other time. */
export function sourceOf(rows: readonly Buffer[], perBatch: number): RowSource {
  let at = 0;
  let calls = 0;
  return {
    next() {
      const part = rows.slice(at, at + perBatch);
      at += perBatch;
      calls += 1;
      const batch = part.length === 0 ? undefined : batchOf(part);
      return calls % 2 === 0 ? Promise.resolve(batch) : batch;
    },
    cancel() {},
  };
}

/** The values of a row as text, NULL as null; binary values as hexadecimal of their bytes. */
export function show(result: RawResult, protocol: 'text' | 'binary'): string[] {
  const fields = new RowFields(result.columns, protocol);
  return result.rows.map((row) => {
    fields.locate(row, 0, row.length);
    return result.columns
      .map((_, i) =>
        fields.isNull(i)
          ? 'NULL'
          : protocol === 'text'
            ? JSON.stringify(row.toString('utf8', fields.starts[i], fields.ends[i]))
            : row.toString('hex', fields.starts[i], fields.ends[i]),
      )
      .join(' | ');
  });
}
