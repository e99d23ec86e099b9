/** Two real servers, the sidecar in front of them as a child process, and clients: the usual ground of end-to-end tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { grantSchemas, type SidecarProcess, startSidecar } from '../../src/demo/index.ts';
import { meshAccount, startServer, type TestServer } from '../servers/index.ts';

export interface ShardedPair {
  readonly servers: readonly TestServer[];
  readonly sidecar: SidecarProcess;
  readonly folder: string;
  readonly port: number;
  /** Connection of `app` to the database shop through the mesh. */
  connect(options?: mysql.ConnectionOptions): Promise<mysql.Connection>;
  /** Rows of a logical table, counted on the servers themselves. */
  countRows(logical: string): Promise<number>;
  stop(): Promise<void>;
}

export interface PairOptions {
  /** The `rules:` part of the rules file; data sources are ds_0 (shop_0) and ds_1 (shop_1). */
  readonly rules: string;
  /** Server options. */
  readonly options?: readonly string[];
  /** More entries of `users`, one per line, indented by two. */
  readonly users?: string;
  /** More of shardmesh.yaml. */
  readonly sidecar?: string;
  /** Backend connections to each source at most. Default 100. */
  readonly poolSize?: number;
  /** The tables of transactions on both servers. Default true. */
  readonly transactionTables?: boolean;
  /** Of the sidecar's process. */
  readonly environment?: Readonly<Record<string, string>>;
}

export async function startShardedPair(options: PairOptions): Promise<ShardedPair> {
  const folder = mkdtempSync(join(tmpdir(), 'shardmesh-e2e-'));
  const servers = await Promise.all(
    [0, 1].map(() =>
      startServer({ options: options.options ?? [], transactionTables: options.transactionTables ?? true }),
    ),
  );
  for (const [index, server] of servers.entries()) await grantSchemas(server, meshAccount, [`shop_${index}`]);
  const sources = servers.map(
    (server, index) =>
      `  ds_${index}: { url: "mysql://127.0.0.1:${server.port}/shop_${index}", username: ${meshAccount.user}, password: ${meshAccount.password}, maxPoolSize: ${options.poolSize ?? 100}${options.poolSize === undefined ? '' : ', connectionTimeoutMilliseconds: 5000'} }`,
  );
  writeFileSync(
    join(folder, 'shop.yaml'),
    `databaseName: shop\ndataSources:\n${sources.join('\n')}\nrules:\n${options.rules}`,
  );
  writeFileSync(
    join(folder, 'shardmesh.yaml'),
    `listen: 127.0.0.1:0
http: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 1
users:
  - { user: "app@%", password: app, databases: [shop] }
  - { user: "dba@%", password: dba, admin: true }
${options.users ?? ''}databases: [shop.yaml]
${options.sidecar ?? ''}`,
  );
  const sidecar = await startSidecar({
    config: join(folder, 'shardmesh.yaml'),
    folder,
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  });
  return {
    servers,
    sidecar,
    folder,
    port: sidecar.port,
    connect: (more) =>
      mysql.createConnection({
        host: '127.0.0.1',
        port: sidecar.port,
        user: 'app',
        password: 'app',
        database: 'shop',
        ...more,
      }),
    async countRows(logical) {
      let total = 0;
      for (const [index, server] of servers.entries()) {
        const root = await server.connection(`shop_${index}`);
        const [tables] = await root.query<mysql.RowDataPacket[]>('SHOW TABLES');
        for (const row of tables) {
          const name = String(Object.values(row)[0]);
          if (name !== logical && name.replace(/_\d+$/, '') !== logical) continue;
          const [[count]] = await root.query<mysql.RowDataPacket[]>(`SELECT COUNT(*) AS n FROM \`${name}\``);
          total += Number(count?.['n']);
        }
        await root.end();
      }
      return total;
    },
    async stop() {
      await sidecar.stop();
      await Promise.all(servers.map((server) => server.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
