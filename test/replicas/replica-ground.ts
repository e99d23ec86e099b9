/** Groups of a primary with two replicas each, the sidecar in front of them, and what goes wrong with them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { followPrimary, grantSchemas, type SidecarProcess, startSidecar } from '../../src/demo/index.ts';
import { meshAccount, startReplica, startServer, type TestServer, waitForReplica } from '../servers/index.ts';

export interface ReplicaGround {
  /** By group: the configured primary first, then its replicas. */
  readonly groups: readonly (readonly TestServer[])[];
  readonly sidecars: readonly SidecarProcess[];
  readonly folder: string;
  connect(options?: mysql.ConnectionOptions, sidecar?: number): Promise<mysql.Connection>;
  /** Rows of SHOW MESH SOURCES by source name. */
  sources(sidecar?: number): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>;
  /** Waits until SHOW MESH SOURCES says so. */
  sourcesUntil(
    what: string,
    test: (sources: ReadonlyMap<string, Readonly<Record<string, unknown>>>) => boolean,
    sidecar?: number,
  ): Promise<void>;
  /** The value of a metric with these labels, 0 if it is not there. */
  metric(name: string, labels?: string, sidecar?: number): Promise<number>;
  logs(): string;
  stop(): Promise<void>;
}

export interface GroundOptions {
  readonly groups?: number;
  readonly sidecars?: number;
  /** More of shardmesh.yaml's `replicas:`, in braces' inside. */
  readonly replicas?: string;
  /** More of a group's entry. */
  readonly group?: string;
  readonly balancer?: string;
  readonly control?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly options?: readonly string[];
  readonly durable?: boolean;
  readonly workers?: number;
  /** Connections to each replica at most. */
  readonly replicaPool?: number;
  readonly transactionType?: string;
  /** Host and port that the sidecars use in place of a member's own. */
  readonly through?: ReadonlyMap<string, number>;
  readonly rules?: (groups: readonly string[]) => string;
  readonly schema?: readonly string[];
}

/** The preload of a positive control. */
export const withoutWait: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=${join(import.meta.dirname, 'without-wait.ts')}`,
};

export const memberName = (group: number, member: number): string =>
  member === 0 ? `ds_${group}` : `ds_${group}_r${member}`;

export async function startReplicaGround(options: GroundOptions = {}): Promise<ReplicaGround> {
  const folder = mkdtempSync(join(tmpdir(), 'shardmesh-replicas-'));
  const serverOptions = { binaryLog: true, durable: options.durable ?? false, options: options.options ?? [] };
  const groups = await Promise.all(
    Array.from({ length: options.groups ?? 1 }, async (_, index) => {
      const primary = await startServer({ ...serverOptions, schemas: [`shop_${index}`] });
      const replicas = await Promise.all([1, 2].map(() => startReplica(primary, serverOptions)));
      return [primary, ...replicas];
    }),
  );
  const names = groups.map((_, group) => `rw_${group}`);
  const members = groups.flatMap((group, index) => group.map((server, member) => ({ server, index, member })));
  writeFileSync(
    join(folder, 'shop.yaml'),
    `databaseName: shop
dataSources:
${members
  .map(({ server, index, member }) => {
    const name = memberName(index, member);
    const port = options.through?.get(name) ?? server.port;
    return `  ${name}: { url: "mysql://127.0.0.1:${port}/shop_${index}", username: ${meshAccount.user}, password: ${meshAccount.password}, maxPoolSize: ${member === 0 ? 60 : (options.replicaPool ?? 60)}, connectionTimeoutMilliseconds: 10000 }`;
  })
  .join('\n')}
rules:
${
  options.rules?.(names) ??
  `- !SHARDING
  tables:
    orders:
      actualDataNodes: rw_\${0..${names.length - 1}}.orders_\${0..1}
      databaseStrategy: { standard: { shardingColumn: user_id, shardingAlgorithmName: by_user } }
      tableStrategy: { standard: { shardingColumn: order_id, shardingAlgorithmName: by_order } }
  shardingAlgorithms:
    by_user: { type: INLINE, props: { algorithm-expression: "rw_\${user_id % ${names.length}}" } }
    by_order: { type: INLINE, props: { algorithm-expression: "orders_\${order_id % 2}" } }
- !BROADCAST { tables: [countries] }
- !SINGLE { tables: ["*.*"], defaultDataSource: rw_0 }
`
}- !READWRITE_SPLITTING
  dataSourceGroups:
${names
  .map(
    (name, index) =>
      `    ${name}: { writeDataSourceName: ds_${index}, readDataSourceNames: [ds_${index}_r1, ds_${index}_r2], loadBalancer: { type: ${options.balancer ?? 'ROUND_ROBIN'} }${options.group === undefined ? '' : `, ${options.group}`} }`,
  )
  .join('\n')}
`,
  );
  writeFileSync(
    join(folder, 'shardmesh.yaml'),
    `listen: 127.0.0.1:0
http: 127.0.0.1:0
admin: 127.0.0.1:0
workers: ${options.workers ?? 1}
users:
  - { user: "app@%", password: app, databases: [shop] }
  - { user: "other@%", password: other, databases: [shop] }
  - { user: "dba@%", password: dba, admin: true, databases: [shop] }
databases: [shop.yaml]
transaction: { defaultType: ${options.transactionType ?? 'LOCAL'} }
replicas: { slowStart: 0s, probeInterval: 200ms${options.replicas === undefined ? '' : `, ${options.replicas}`} }
${options.control ?? ''}`,
  );
  const [first] = groups as [TestServer[]];
  const own = options.schema ?? [
    'CREATE TABLE orders (order_id BIGINT PRIMARY KEY, user_id BIGINT NOT NULL, amount BIGINT NOT NULL)',
    'CREATE TABLE countries (code CHAR(2) PRIMARY KEY, name VARCHAR(40))',
    'CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)',
  ];
  const sidecars: SidecarProcess[] = [];
  for (let index = 0; index < (options.sidecars ?? 1); index += 1) {
    const own = mkdtempSync(join(folder, 'sidecar-'));
    sidecars.push(
      await startSidecar({
        config: join(folder, 'shardmesh.yaml'),
        folder: own,
        ...(options.environment === undefined ? {} : { environment: options.environment }),
      }),
    );
  }
  const ground: ReplicaGround = {
    groups,
    sidecars,
    folder,
    connect: (more, sidecar = 0) =>
      mysql.createConnection({
        host: '127.0.0.1',
        port: (sidecars[sidecar] as SidecarProcess).port,
        user: 'app',
        password: 'app',
        database: 'shop',
        ...more,
      }),
    async sources(sidecar = 0) {
      const dba = await ground.connect({ user: 'dba', password: 'dba' }, sidecar);
      try {
        const [rows] = await dba.query<mysql.RowDataPacket[]>('SHOW MESH SOURCES');
        return new Map(rows.map((row) => [String(row['source']), row]));
      } finally {
        dba.destroy();
      }
    },
    async sourcesUntil(what, test, sidecar = 0) {
      await until(what, async () => test(await ground.sources(sidecar)));
    },
    async metric(name, labels = '', sidecar = 0) {
      const { http } = sidecars[sidecar] as SidecarProcess;
      const text = await (await fetch(`http://${http}/metrics`)).text();
      let sum = 0;
      for (const line of text.split('\n')) {
        if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
        if (labels !== '' && !labels.split(',').every((label) => line.includes(label))) continue;
        sum += Number(line.slice(line.lastIndexOf(' ') + 1));
      }
      return sum;
    },
    logs: () => sidecars.map(({ logPath }) => readFileSync(logPath, 'utf8')).join(''),
    async stop() {
      await Promise.all(sidecars.map((sidecar) => sidecar.stop()));
      await Promise.all(groups.flat().map((server) => server.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  if (own.length > 0) {
    const session = await ground.connect();
    for (const sql of own) await session.query(sql);
    await session.end();
    for (const group of groups)
      for (const replica of group.slice(1)) await waitForReplica(replica, group[0] as TestServer);
  }
  void first;
  return ground;
}

export async function until(what: string, test: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    if (await test()) return;
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await sleep(50);
  }
}

/** Makes a replica the primary of its group and the others follow it; the old one, if `old` is given, becomes a replica too. */
export async function promote(winner: TestServer, others: readonly TestServer[]): Promise<void> {
  await winner.execute('STOP SLAVE', 'RESET SLAVE ALL', 'SET GLOBAL read_only=OFF');
  for (const other of others) {
    await other.execute('SET GLOBAL read_only=ON');
    await followPrimary(other, winner);
  }
}

/** Replicas that take part but apply nothing: their threads run, and their reads are answered. */
export async function freeze(ground: ReplicaGround): Promise<{ thaw(): Promise<void> }> {
  const holders = await Promise.all(
    ground.groups.flatMap((group) => group.slice(1)).map((replica) => replica.connection()),
  );
  for (const holder of holders) await holder.query('FLUSH TABLES WITH READ LOCK');
  return {
    async thaw() {
      for (const holder of holders) {
        await holder.query('UNLOCK TABLES');
        await holder.end();
      }
    },
  };
}

export { grantSchemas };
