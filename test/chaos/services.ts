/**
 * Transactions across services under faults: three services on one sharded database behind two sidecars, each with a coordinator on
 * one store. Calls fail, hang, come twice, late and out of order; sidecars and the store's server are killed. Afterwards every
 * transaction must be done once everywhere, or undone everywhere, or be listed as suspended.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { grantSchemas, pickPort, type SidecarProcess, startSidecar } from '../../src/demo/index.ts';
import { meshAccount, startServer, type TestServer } from '../servers/index.ts';

export interface ServicesChaosOptions {
  readonly seed: number;
  readonly transactions: number;
  /** The handlers do not say which branch they work for: the harness must see what that does. */
  readonly withoutBarrier?: boolean;
}

interface Place {
  readonly folder: string;
  readonly sql: number;
  readonly api: number;
  process: SidecarProcess | undefined;
}

interface Ended {
  readonly gid: string;
  readonly phase: string;
}

const services = ['order', 'stock', 'payment'] as const;
const settleMs = 120_000;

export class ServicesChaos {
  readonly #options: ServicesChaosOptions;
  readonly #random: () => number;
  #data: TestServer | undefined;
  #store: TestServer | undefined;
  #places: Place[] = [];
  #http: Server | undefined;
  #url = '';
  #pools: mysql.Pool[] = [];
  /** Transactions whose forward calls are refused, by the service that does it. */
  readonly #refused = new Map<string, string>();
  #calm = false;

  constructor(options: ServicesChaosOptions) {
    this.#options = options;
    this.#random = mulberry(options.seed);
  }

  async start(): Promise<void> {
    [this.#data, this.#store] = await Promise.all([startServer(), startServer()]);
    await grantSchemas(this.#data, meshAccount, ['shop_0', 'shop_1']);
    await this.#data.execute(
      ...['shop_0', 'shop_1'].map(
        (schema) => `CREATE TABLE ${schema}.effects (gid VARCHAR(64), service VARCHAR(16), op VARCHAR(16), KEY (gid))`,
      ),
    );
    for (let index = 0; index < 2; index++) this.#places.push(await this.#place());
    await Promise.all(this.#places.map((place) => this.#launch(place)));
    this.#pools = this.#places.map(({ sql }) =>
      mysql.createPool({
        host: '127.0.0.1',
        port: sql,
        user: 'app',
        password: 'app',
        database: 'shop',
        connectionLimit: 20,
        connectTimeout: 5000,
      }),
    );
    const http = createServer((request, response) => {
      const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://x');
      request.resume();
      const [, service = '', op = ''] = pathname.split('/');
      const branch = `${query.get('gid')}/${query.get('branch_id')}/${query.get('op')}`;
      void this.#answer(service, op, query.get('gid') ?? '', branch).then((status) => {
        if (status === 0) response.destroy();
        else response.writeHead(status).end('{}');
      });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    this.#http = http;
    this.#url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#http?.closeAllConnections();
    this.#http?.close();
    await Promise.all(this.#pools.map((pool) => pool.end().catch(() => {})));
    for (const { process: sidecar, folder } of this.#places) {
      await sidecar?.stop();
      rmSync(folder, { recursive: true, force: true });
    }
    await this.#data?.stop();
    await this.#store?.stop();
  }

  /** Answers what is wrong; empty: nothing. */
  async run(): Promise<string[]> {
    const { transactions } = this.#options;
    const gids = Array.from({ length: transactions }, (_, index) => `chaos-${this.#options.seed}-${index}`);
    for (const gid of gids)
      if (this.#random() < 0.3) this.#refused.set(gid, services[Math.floor(this.#random() * 3)] ?? 'stock');
    const faults = this.#faults();
    const next = gids.values();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (const gid of next) await this.#submit(gid);
      }),
    );
    await faults;
    this.#calm = true;
    const ended = await this.#wait(gids);
    // Late duplicates are still on their way.
    await sleep(2000);
    return await this.#judge(ended);
  }

  /** Kills sidecars and the store's server while transactions run. */
  async #faults(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await sleep(700 + 800 * this.#random());
      const place = this.#places[round % 2] as Place;
      if (place.process !== undefined) {
        process.kill(place.process.pid, 'SIGKILL');
        await place.process.ended;
      }
      await sleep(300);
      await this.#launch(place);
      if (round !== 1) continue;
      await this.#store?.kill();
      await sleep(1500);
      await this.#store?.restart();
    }
  }

  async #submit(gid: string): Promise<void> {
    const tcc = this.#random() < 0.4;
    const branches = services.map((service) => {
      const url = (op: string): string => `${this.#url}/${service}/${op}`;
      return tcc
        ? { id: service, try: url('try'), confirm: url('confirm'), cancel: url('cancel'), payload: {} }
        : { id: service, action: url('action'), compensate: url('compensate'), payload: {} };
    });
    const body = JSON.stringify({
      gid,
      kind: tcc ? 'tcc' : 'saga',
      branches,
      concurrent: this.#random() < 0.3,
      timeoutMs: 400,
      retry: { baseMs: 50, maxMs: 1000, forwardLimit: this.#random() < 0.2 ? 3 : 0 },
    });
    for (let attempt = 0; attempt < 500; attempt++) {
      const { api } = this.#places[Math.floor(this.#random() * 2)] as Place;
      const status = await fetch(`http://127.0.0.1:${api}/v1/transactions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(5000),
      }).then(
        async (response) => {
          await response.text();
          return response.status;
        },
        () => 0,
      );
      if (status === 200 || status === 202) return;
      if (status !== 0 && status !== 503) throw new Error(`submit of ${gid}: ${status}`);
      await sleep(50 + 100 * this.#random());
    }
    throw new Error(`${gid} could not be submitted`);
  }

  /** A handler with bad luck: its service holds no transaction code. */
  async #answer(service: string, op: string, gid: string, branch: string): Promise<number> {
    if ((op === 'action' || op === 'try') && this.#refused.get(gid) === service) return 409;
    const luck = this.#calm ? 1 : this.#random();
    if (luck < 0.08) return 500;
    if (luck < 0.12) await sleep(600);
    const twice = luck > 0.12 && luck < 0.2;
    if (luck > 0.2 && luck < 0.26)
      void sleep(200 + 1500 * this.#random()).then(() => this.#handle(service, op, gid, branch));
    const [done] = await Promise.all([
      this.#handle(service, op, gid, branch),
      ...(twice ? [this.#handle(service, op, gid, branch), this.#handle(service, op, gid, branch)] : []),
    ]);
    // Done, and nobody hears of it.
    if (luck > 0.26 && luck < 0.34) return 0;
    return done ? 200 : 500;
  }

  async #handle(service: string, op: string, gid: string, branch: string): Promise<boolean> {
    const pool = this.#pools[Math.floor(this.#random() * 2)] as mysql.Pool;
    let connection: mysql.PoolConnection | undefined;
    try {
      connection = await pool.getConnection();
      await connection.query('BEGIN');
      if (this.#options.withoutBarrier !== true) await connection.query(`SET shardmesh_branch = '${branch}'`);
      await connection.query('INSERT INTO effects (gid, service, op) VALUES (?, ?, ?)', [gid, service, op]);
      await connection.query('COMMIT');
      connection.release();
      return true;
    } catch {
      connection?.destroy();
      return false;
    }
  }

  async #wait(gids: readonly string[]): Promise<Ended[]> {
    const until = Date.now() + settleMs;
    const ended: Ended[] = [];
    for (const gid of gids) {
      let phase = 'unknown';
      while (Date.now() < until && phase !== 'succeeded' && phase !== 'failed' && phase !== 'suspended') {
        const { api } = this.#places[0] as Place;
        phase = await fetch(`http://127.0.0.1:${api}/v1/transactions/${gid}?wait=2`)
          .then(
            async (response) => ((await response.json()) as { phase?: string }).phase ?? `status ${response.status}`,
          )
          .catch(() => 'unreachable');
        if (phase === 'unreachable') await sleep(200);
      }
      ended.push({ gid, phase });
    }
    return ended;
  }

  async #judge(ended: readonly Ended[]): Promise<string[]> {
    const problems: string[] = [];
    const connection = await (this.#data as TestServer).connection();
    const counts = new Map<string, number>();
    for (const schema of ['shop_0', 'shop_1']) {
      const [rows] = await connection.query<mysql.RowDataPacket[]>(
        `SELECT gid, service, op, COUNT(*) AS n FROM ${schema}.effects GROUP BY gid, service, op`,
      );
      for (const row of rows) {
        const key = `${row['gid']}/${row['service']}/${row['op']}`;
        counts.set(key, (counts.get(key) ?? 0) + Number(row['n']));
      }
    }
    await connection.end();
    for (const { gid, phase } of ended) {
      for (const service of services) {
        const of = (...ops: string[]): number =>
          ops.reduce((sum, op) => sum + (counts.get(`${gid}/${service}/${op}`) ?? 0), 0);
        const [done, confirmed, undone] = [of('action', 'try'), of('confirm'), of('compensate', 'cancel')];
        const what = `${gid} ${phase}, ${service}: done ${done}, confirmed ${confirmed}, undone ${undone}`;
        if (done > 1 || confirmed > 1 || undone > 1) problems.push(`twice: ${what}`);
        else if (phase === 'succeeded' && (done !== 1 || undone !== 0)) problems.push(`not done: ${what}`);
        else if (phase === 'failed' && (done !== undone || confirmed !== 0)) problems.push(`not undone: ${what}`);
      }
      if (!['succeeded', 'failed', 'suspended'].includes(phase)) problems.push(`forgotten: ${gid} is ${phase}`);
    }
    return problems;
  }

  async #place(): Promise<Place> {
    const folder = mkdtempSync(join(tmpdir(), 'shardmesh-services-'));
    const [sql, api] = [await pickPort(), await pickPort()];
    const source = (index: number): string =>
      `  ds_${index}: { url: "mysql://127.0.0.1:${this.#data?.port}/shop_${index}", username: ${meshAccount.user}, password: ${meshAccount.password}, maxPoolSize: 60 }`;
    writeFileSync(
      join(folder, 'shop.yaml'),
      `databaseName: shop
dataSources:
${source(0)}
${source(1)}
rules:
- !SHARDING
  tables:
    effects: { actualDataNodes: "ds_\${0..1}.effects", databaseStrategy: { standard: { shardingColumn: service, shardingAlgorithmName: by_service } } }
  shardingAlgorithms:
    by_service: { type: HASH_MOD, props: { sharding-count: 2 } }
`,
    );
    writeFileSync(
      join(folder, 'shardmesh.yaml'),
      `listen: 127.0.0.1:${sql}
http: 127.0.0.1:0
admin: 127.0.0.1:0
users: [{ user: "app@%", password: app, databases: [shop] }]
databases: [shop.yaml]
transaction:
  coordinator:
    listen: 127.0.0.1:${api}
    branchHosts: ["127.0.0.1"]
    store: mysql://${meshAccount.user}:${meshAccount.password}@127.0.0.1:${this.#store?.port}/shardmesh
`,
    );
    return { folder, sql, api, process: undefined };
  }

  async #launch(place: Place): Promise<void> {
    // The worker of a killed supervisor may hold the address for a moment.
    for (let attempt = 0; ; attempt++) {
      try {
        place.process = await startSidecar({ config: join(place.folder, 'shardmesh.yaml'), folder: place.folder });
        return;
      } catch (error) {
        if (attempt === 20) throw error;
        await sleep(300);
      }
    }
  }
}

/** Small, seeded, good enough to shuffle. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
