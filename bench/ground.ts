/** The ground of a bench run: two private servers, a sidecar per kind of mesh, and the tables, all gone afterwards. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  grantSchemas,
  makeTransactionTables,
  type ServerProcess,
  type SidecarProcess,
  startServerProcess,
  startSidecar,
} from '../src/demo/index.ts';
import type { BenchOptions, Target } from './options.ts';
import { processTree } from './process-cost.ts';
import { type RunningProxy, startProxy } from './proxies.ts';
import { prepareTable } from './sysbench.ts';

/** Where sysbench connects to for a target, and whose cost counts. */
export interface Endpoint {
  readonly target: Target;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The proxy's processes; empty for `direct`. */
  proxyPids(): readonly number[];
}

export interface Ground {
  readonly folder: string;
  readonly servers: readonly ServerProcess[];
  readonly endpoints: readonly Endpoint[];
  /** Why targets that were asked for are not there. */
  readonly missing: readonly string[];
  /** Configuration file of the pass-through sidecar. */
  readonly config: string;
  readonly passThrough: SidecarProcess | undefined;
  serverPids(): readonly number[];
  stop(): Promise<void>;
}

const account = { user: 'mesh', password: 'mesh' };

const shardedRules = `- !SHARDING
  tables:
    sbtest1:
      actualDataNodes: ds_\${0..1}.sbtest1_\${0..1}
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: source } }
      tableStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: sbtest } }
      keyGenerateStrategy: { column: id, keyGeneratorName: ids }
    wide:
      actualDataNodes: ds_\${0..1}.wide_\${0..1}
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: source } }
      tableStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: wide } }
  shardingAlgorithms:
    source: { type: INLINE, props: { algorithm-expression: "ds_\${id % 2}", allow-range-query-with-inline-sharding: true } }
    sbtest: { type: INLINE, props: { algorithm-expression: "sbtest1_\${id.intdiv(2) % 2}", allow-range-query-with-inline-sharding: true } }
    wide: { type: INLINE, props: { algorithm-expression: "wide_\${id.intdiv(2) % 2}", allow-range-query-with-inline-sharding: true } }
  keyGenerators: { ids: { type: SEGMENT } }
`;

function sourceLine(name: string, server: ServerProcess, schema: string): string {
  return `  ${name}: { url: "mysql://127.0.0.1:${server.port}/${schema}", username: ${account.user}, password: ${account.password}, maxPoolSize: 200 }`;
}

function writeConfig(folder: string, database: string, sources: readonly string[], rules: string): string {
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'rules.yaml'),
    `databaseName: ${database}\ndataSources:\n${sources.join('\n')}\nrules:\n${rules}`,
  );
  const file = join(folder, 'shardmesh.yaml');
  writeFileSync(
    file,
    `listen: 127.0.0.1:0
http: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 1
users:
  - { user: "app@%", password: app, databases: [${database}] }
databases: [rules.yaml]
limits: { connections: 10000, resultMemory: 256MiB }
`,
  );
  return file;
}

/** The process id of the sidecar itself, behind its guard. */
function sidecarPid(config: string): number {
  return (JSON.parse(readFileSync(join(config, '..', 'ready.json'), 'utf8')) as { pid: number }).pid;
}

/** Rows of about 1,000 bytes, numbered from 0; `where` picks those of one shard. */
function fillWide(table: string, rows: number, where: string): string {
  const digits =
    '(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)';
  const number = 'a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 100000 * g.d';
  return `INSERT INTO ${table} SELECT id, REPEAT(CHAR(97 + id % 26), 1000) FROM (SELECT ${number} AS id FROM ${[...'abcefg'].map((name) => `${digits} ${name}`).join(', ')}) numbers WHERE id < ${rows} AND ${where}`;
}

export async function startGround(options: BenchOptions, say: (line: string) => void): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'shardmesh-bench-'));
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return await build(options, say, folder, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  options: BenchOptions,
  say: (line: string) => void,
  folder: string,
  stops: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<Ground> {
  const wanted = new Set(options.targets);
  say('starting two servers');
  const servers = await Promise.all(
    [0, 1].map(async () => {
      const server = await startServerProcess({
        options: ['--innodb-buffer-pool-size=256M', '--innodb-lock-wait-timeout=2'],
      });
      stops.push(() => server.stop());
      return server;
    }),
  );
  const [first, second] = servers as [ServerProcess, ServerProcess];
  for (const server of servers) await makeTransactionTables(server);
  await grantSchemas(first, account, ['plain', 'shop_0']);
  await grantSchemas(second, account, ['shop_1']);

  const config = writeConfig(
    join(folder, 'plain'),
    'plain',
    [sourceLine('ds', first, 'plain')],
    '- !SINGLE { tables: ["ds.*"], defaultDataSource: ds }\n',
  );
  const environment =
    options.profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${options.profile}` };
  const endpoints: Endpoint[] = [];
  const missing: string[] = [];
  const direct = { port: first.port, ...account, database: 'plain' };

  say('making tables');
  await prepareTable({
    script: 'oltp_read_write',
    ...direct,
    threads: 1,
    seconds: 1,
    protocol: 'text',
    rows: options.rows,
  });
  const wide = Math.ceil(options.largeBytes / 1000);
  const columns = '(id INT PRIMARY KEY, text VARCHAR(1000) CHARACTER SET latin1)';
  if (options.extras.includes('large')) {
    await first.execute(`CREATE TABLE plain.wide ${columns}`, fillWide('plain.wide', wide, 'TRUE'));
  }
  if (wanted.has('direct')) endpoints.push({ target: 'direct', ...direct, proxyPids: () => [] });

  for (const kind of ['haproxy', 'node-tcp', 'mysqlrouter', 'proxysql'] as const) {
    if (!wanted.has(kind)) continue;
    const proxy: RunningProxy | string = await startProxy(kind, { folder, port: first.port, account });
    if (typeof proxy === 'string') {
      missing.push(proxy);
      continue;
    }
    stops.push(() => proxy.stop());
    endpoints.push({ target: kind, ...direct, port: proxy.port, proxyPids: () => processTree(proxy.pid) });
  }

  let passThrough: SidecarProcess | undefined;
  if (wanted.has('mesh')) {
    const sidecar = await startSidecar({ config, folder: join(folder, 'plain'), environment });
    stops.push(() => sidecar.stop());
    passThrough = sidecar;
    const pid = sidecarPid(config);
    endpoints.push({
      target: 'mesh',
      port: sidecar.port,
      user: 'app',
      password: 'app',
      database: 'plain',
      proxyPids: () => processTree(pid),
    });
  }
  if (wanted.has('mesh-2x2')) {
    const sources = [sourceLine('ds_0', first, 'shop_0'), sourceLine('ds_1', second, 'shop_1')];
    const sharded = writeConfig(join(folder, 'sharded'), 'shop', sources, shardedRules);
    if (options.extras.includes('large')) {
      for (const [index, server] of servers.entries()) {
        for (const table of [0, 1]) {
          const name = `shop_${index}.wide_${table}`;
          await server.execute(
            `CREATE TABLE ${name} ${columns}`,
            fillWide(name, wide, `id % 2 = ${index} AND (id DIV 2) % 2 = ${table}`),
          );
        }
      }
    }
    const sidecar = await startSidecar({ config: sharded, folder: join(folder, 'sharded'), environment });
    stops.push(() => sidecar.stop());
    const pid = sidecarPid(sharded);
    const endpoint = { port: sidecar.port, user: 'app', password: 'app', database: 'shop' };
    await prepareTable({
      script: 'oltp_read_write',
      ...endpoint,
      threads: 1,
      seconds: 1,
      protocol: 'text',
      rows: options.rows,
    });
    endpoints.push({ target: 'mesh-2x2', ...endpoint, proxyPids: () => processTree(pid) });
  }
  return {
    folder,
    servers,
    endpoints,
    missing,
    config,
    passThrough,
    stop,
    serverPids: () => servers.map((server) => server.pid ?? 0),
  };
}
