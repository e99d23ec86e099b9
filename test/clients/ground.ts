/** What every client is run against: one plain server with TLS, and the sharded sample through the mesh. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grantSchemas, type SidecarProcess, startSidecar } from '../../src/demo/index.ts';
import { authority, certificate, key } from '../backend/certificates.ts';
import { meshAccount, startServer, type TestServer } from '../servers/index.ts';

export type TargetName = 'plain' | 'mesh';

export interface ClientGround {
  readonly folder: string;
  readonly sidecar: SidecarProcess;
  readonly socketPath: string;
  readonly servers: readonly TestServer[];
  /** What a client program is told of its target. */
  environment(target: TargetName): Record<string, string>;
  stop(): Promise<void>;
}

const rules = `- !SHARDING
  tables:
    orders:
      actualDataNodes: ds_\${0..1}.orders_\${0..1}
      databaseStrategy: { standard: { shardingColumn: user_id, shardingAlgorithmName: by_user } }
      tableStrategy: { standard: { shardingColumn: order_id, shardingAlgorithmName: by_order } }
      keyGenerateStrategy: { column: order_id, keyGeneratorName: snowflake }
  shardingAlgorithms:
    by_user: { type: MOD, props: { sharding-count: 2 } }
    by_order: { type: INLINE, props: { algorithm-expression: "orders_\${order_id % 2}" } }
  keyGenerators:
    snowflake: { type: SNOWFLAKE, props: { worker-id: 1, max-vibration-offset: 3 } }
- !BROADCAST { tables: [countries] }
- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }
`;

/** `*HEX` as mysql_native_password stores it. */
const nativeHash = (password: string): string => {
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
};

/** `sha2`: the stored form of caching_sha2_password for the user `hashed`; `more`: further users and keys of shardmesh.yaml. */
export async function startGround(
  sha2 = '*0000000000000000000000000000000000000000',
  more: { readonly users?: readonly string[]; readonly keys?: string; readonly tls?: string } = {},
): Promise<ClientGround> {
  const folder = mkdtempSync(join(tmpdir(), 'shardmesh-clients-'));
  const files = { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.ca, authority);
  writeFileSync(files.cert, certificate);
  writeFileSync(files.key, key, { mode: 0o644 });
  const [plain, ...shards] = await Promise.all([
    startServer({
      options: [`--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`, '--local-infile=1', '--max-allowed-packet=64M'],
    }),
    startServer({ options: ['--local-infile=1', '--max-allowed-packet=64M'] }),
    startServer({ options: ['--local-infile=1', '--max-allowed-packet=64M'] }),
  ]);
  const servers = [plain as TestServer, ...shards];
  await grantSchemas(servers[0] as TestServer, { user: 'app', password: 'app' }, ['shop']);
  for (const [index, server] of shards.entries()) await grantSchemas(server, meshAccount, [`shop_${index}`]);
  const sources = shards.map(
    (server, index) =>
      `  ds_${index}: { url: "mysql://127.0.0.1:${server.port}/shop_${index}", username: ${meshAccount.user}, password: ${meshAccount.password} }`,
  );
  writeFileSync(join(folder, 'shop.yaml'), `databaseName: shop\ndataSources:\n${sources.join('\n')}\nrules:\n${rules}`);
  writeFileSync(
    join(folder, 'solo.yaml'),
    `databaseName: solo\ndataSources:\n${sources[0]?.replace('ds_0', 'only')}\nrules:\n- !SINGLE { tables: ["*.*"], defaultDataSource: only }\n`,
  );
  const socketPath = join(folder, 'mesh.sock');
  writeFileSync(
    join(folder, 'shardmesh.yaml'),
    `listen: ["127.0.0.1:0", "unix:${socketPath}"]
http: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 1
tls: { cert: cert.pem, key: key.pem${more.tls ?? ''} }
${more.keys ?? ''}
users:
  - { user: "app@%", password: app, databases: [shop, solo] }
  - { user: "hashed@%", authenticationString: '${sha2}', databases: [shop] }
  - { user: "native@%", authenticationString: '${nativeHash('app')}', databases: [shop] }
  - { user: "dba@%", password: dba, admin: true }
${(more.users ?? []).map((user) => `  - ${user}\n`).join('')}databases: [shop.yaml, solo.yaml]
`,
  );
  const sidecar = await startSidecar({ config: join(folder, 'shardmesh.yaml'), folder });
  return {
    folder,
    sidecar,
    socketPath,
    servers,
    environment: (target) => ({
      DB_HOST: '127.0.0.1',
      DB_PORT: String(target === 'plain' ? servers[0]?.port : sidecar.port),
      DB_USER: 'app',
      DB_PASSWORD: 'app',
      DB_NAME: 'shop',
      DB_CA: files.ca,
      DB_FOLDER: folder,
      DB_TARGET: target,
    }),
    async stop() {
      await sidecar.stop();
      await Promise.all(servers.map((server) => server.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
