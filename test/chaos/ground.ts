/** The ground of chaos tests: durable servers behind relays, and two sidecars that are started again whenever they die. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { grantSchemas, type SidecarProcess, startSidecar } from '../../src/demo/index.ts';
import { meshAccount, startServer, type TestServer } from '../servers/index.ts';
import { Relay } from './relay.ts';

export const SHARDS = 4;

export interface GroundOptions {
  /** `shared`: two of the four sources live on one server. */
  readonly layout: 'four servers' | 'shared';
  /** The part of the rules file behind its data sources. */
  readonly rules: string;
  /** More of shardmesh.yaml. */
  readonly sidecar: string;
  /** Environment of the next start of a sidecar. */
  environment(sidecar: number): Readonly<Record<string, string>>;
}

/** One of the sidecars, whichever process it is right now. */
export class ChaosSidecar {
  process: SidecarProcess | undefined;
  /** Texts that its processes have written so far. */
  log = '';
  starts = 0;
  readonly folder: string;
  readonly #index: number;
  readonly #options: GroundOptions;
  #ended = false;

  constructor(folder: string, index: number, options: GroundOptions) {
    this.folder = folder;
    this.#index = index;
    this.#options = options;
  }

  /** Starts it, and again whenever it ends. */
  async run(): Promise<void> {
    while (!this.#ended) {
      try {
        const started = await startSidecar({
          config: join(this.folder, 'shardmesh.yaml'),
          folder: this.folder,
          environment: { ...this.#options.environment(this.#index), SHARDMESH_STATE_DIR: join(this.folder, 'state') },
        });
        this.starts += 1;
        this.process = started;
        if (this.#ended) await started.stop(3000);
        await started.ended;
        this.process = undefined;
        this.log += readFileSync(started.logPath, 'utf8');
      } catch (error) {
        this.log += `${String(error)}\n`;
        await sleep(500);
      }
    }
  }

  /** What the running process has written. */
  get current(): string {
    try {
      return this.process === undefined ? '' : readFileSync(this.process.logPath, 'utf8');
    } catch {
      return '';
    }
  }

  /** To the sidecar and all its processes: it is the leader of a group. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    try {
      if (this.process !== undefined) process.kill(-this.process.pid, signal);
    } catch {
      // Gone already.
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.signal('SIGCONT');
    await this.process?.stop(5000);
  }
}

export interface ChaosGround {
  readonly servers: readonly TestServer[];
  readonly relays: readonly Relay[];
  readonly sidecars: readonly ChaosSidecar[];
  /** Index of the server that a source lives on. */
  serverOf(source: number): number;
  connect(sidecar: number): Promise<mysql.Connection>;
  /** Rows of a statement on a source's own schema, past the mesh. */
  rowsOf(source: number, sql: string): Promise<readonly (readonly unknown[])[]>;
  stop(): Promise<void>;
}

export async function startGround(options: GroundOptions): Promise<ChaosGround> {
  const folder = mkdtempSync(join(tmpdir(), 'shardmesh-chaos-'));
  const count = options.layout === 'shared' ? SHARDS - 1 : SHARDS;
  const serverOf = (source: number): number => Math.min(source, count - 1);
  const servers = await Promise.all(
    Array.from({ length: count }, () =>
      startServer({ durable: true, binaryLog: true, options: ['--innodb-lock-wait-timeout=5'] }),
    ),
  );
  for (let source = 0; source < SHARDS; source += 1)
    await grantSchemas(servers[serverOf(source)]!, meshAccount, [`bank_${source}`]);
  const relays = await Promise.all(servers.map((server) => Relay.open(server.port)));
  const sources = Array.from(
    { length: SHARDS },
    (_, source) =>
      `  ds_${source}: { url: "mysql://127.0.0.1:${relays[serverOf(source)]!.port}/bank_${source}", username: ${meshAccount.user}, password: ${meshAccount.password}, maxPoolSize: 60 }`,
  );
  const sidecars = [0, 1].map((index) => {
    const own = join(folder, `sidecar-${index}`);
    mkdirSync(own);
    writeFileSync(
      join(own, 'bank.yaml'),
      `databaseName: bank\ndataSources:\n${sources.join('\n')}\nrules:\n${options.rules}`,
    );
    writeFileSync(
      join(own, 'shardmesh.yaml'),
      `listen: 127.0.0.1:0\nhttp: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: 1\nusers:\n  - { user: "app@%", password: app, databases: [bank] }\n  - { user: "dba@%", password: dba, admin: true }\ndatabases: [bank.yaml]\n${options.sidecar}`,
    );
    return new ChaosSidecar(own, index, options);
  });
  const running = sidecars.map((sidecar) => sidecar.run());
  while (sidecars.some((sidecar) => sidecar.process === undefined)) await sleep(50);
  return {
    servers,
    relays,
    sidecars,
    serverOf,
    connect: (index) => {
      const port = sidecars[index]?.process?.port;
      if (port === undefined) return Promise.reject(new Error('the sidecar is down'));
      return mysql.createConnection({
        host: '127.0.0.1',
        port,
        user: 'app',
        password: 'app',
        database: 'bank',
        connectTimeout: 3000,
      });
    },
    async rowsOf(source, sql) {
      const root = await servers[serverOf(source)]!.connection(`bank_${source}`);
      try {
        const [rows] = await root.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true });
        return rows as unknown as unknown[][];
      } finally {
        await root.end();
      }
    },
    async stop() {
      await Promise.all(sidecars.map((sidecar) => sidecar.end()));
      await Promise.all(running);
      for (const relay of relays) relay.close();
      await Promise.all(servers.map((server) => server.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
