/** Two real servers, a sidecar process that takes signals, and clients that never rest: the ground of the life tests. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { startServer, type TestServer } from '../servers/index.ts';

const program = join(import.meta.dirname, '../../bin/shardmesh');
/** Every secret of the configuration: none may ever be printed. */
export const secrets = { app: 'app-secret-4711', dba: 'dba-secret-0815', mesh: 'mesh' } as const;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LifeSidecar {
  readonly child: ChildProcess;
  readonly port: number;
  readonly http: string;
  readonly admin: string;
  readonly ended: Promise<Ended>;
  /** Everything that was printed so far. */
  output(): string;
}

export interface RulesOptions {
  readonly poolSize?: number;
  readonly broadcast?: readonly string[];
  /** A third source that no table uses. */
  readonly third?: boolean;
  /** Port of ds_1, default the second server's. */
  readonly port1?: number;
}

export interface LifeGround {
  readonly servers: readonly TestServer[];
  readonly folder: string;
  file(name: string): string;
  /** Writes the rules file whole. */
  writeRules(options?: RulesOptions, broken?: string): void;
  writeMesh(more?: string): void;
  /** `program` in place of bin/shardmesh. */
  serve(options?: { readonly program?: string }): Promise<LifeSidecar>;
  connect(sidecar: LifeSidecar, options?: mysql.ConnectionOptions): Promise<mysql.Connection>;
  direct(server: number, sql: string): Promise<number>;
  stop(): Promise<void>;
}

/** `workers`: processes of each sidecar. */
export async function startGround(workers = 1): Promise<LifeGround> {
  const folder = mkdtempSync(join(tmpdir(), 'shardmesh-life-'));
  const servers = await Promise.all(
    [0, 1].map((index) =>
      startServer({ schemas: [`shop_${index}`, `spare_${index}`], durable: true, options: ['--max-connections=400'] }),
    ),
  );
  for (const [index, server] of servers.entries()) {
    await server.execute(
      `CREATE TABLE shop_${index}.accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL)`,
      `CREATE TABLE shop_${index}.countries (code CHAR(2) PRIMARY KEY)`,
      `INSERT INTO shop_${index}.accounts SELECT seq * 2 + ${index}, 1000 FROM shop_${index}.seq_0_to_99`,
    );
  }
  const children = new Set<ChildProcess>();
  const connections = new Set<mysql.Connection>();
  const file = (name: string): string => join(folder, name);
  const ground: LifeGround = {
    servers,
    folder,
    file,
    writeRules(options = {}, broken = '') {
      const source = (name: string, port: number, schema: string): string =>
        `  ${name}: { url: "mysql://127.0.0.1:${port}/${schema}", username: mesh, password: "${secrets.mesh}", maxPoolSize: ${options.poolSize ?? 20} }\n`;
      const [first, second] = servers as [TestServer, TestServer];
      writeFileSync(
        file('shop.yaml'),
        `databaseName: shop
dataSources:
${source('ds_0', first.port, 'shop_0')}${source('ds_1', options.port1 ?? second.port, 'shop_1')}${options.third ? source('ds_2', first.port, 'spare_0') : ''}rules:
- !SHARDING
  tables:
    accounts:
      actualDataNodes: ds_\${0..1}.accounts
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms: { by_id: { type: INLINE, props: { algorithm-expression: "ds_\${id % 2}" } } }
- !BROADCAST { tables: [${(options.broadcast ?? ['countries']).join(', ')}] }
${broken}`,
      );
    },
    writeMesh(more = '') {
      writeFileSync(
        file('shardmesh.yaml'),
        `listen: 127.0.0.1:0
http: 127.0.0.1:0
admin: 127.0.0.1:0
workers: ${workers}
users:
  - { user: app, password: ${secrets.app}, databases: [shop] }
  - { user: dba, password: ${secrets.dba}, admin: true }
databases: [shop.yaml]
${more}`,
      );
    },
    async serve(options = {}) {
      rmSync(file('ready.json'), { force: true });
      const child = spawn(
        options.program ?? program,
        ['serve', '-c', file('shardmesh.yaml'), '--ready-file', file('ready.json')],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      children.add(child);
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      child.stderr.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      const ended = new Promise<Ended>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
      const running = await until('the ready file', () => {
        if (child.exitCode !== null) throw new Error(`the sidecar ended with ${child.exitCode}: ${output}`);
        return existsSync(file('ready.json'))
          ? (JSON.parse(readFileSync(file('ready.json'), 'utf8')) as { listen: string[]; http: string; admin: string })
          : undefined;
      });
      return {
        child,
        port: Number(running.listen[0]?.split(':').at(-1)),
        http: running.http,
        admin: running.admin,
        ended,
        output: () => output,
      };
    },
    async connect(sidecar, options = {}) {
      const connection = await mysql.createConnection({
        host: '127.0.0.1',
        port: sidecar.port,
        user: 'app',
        password: secrets.app,
        database: 'shop',
        ...options,
      });
      connection.on('error', () => {});
      connections.add(connection);
      return connection;
    },
    async direct(server, sql) {
      const connection = await (servers[server] as TestServer).connection(`shop_${server}`);
      const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
      await connection.end();
      return Number(rows[0]?.['n']);
    },
    async stop() {
      for (const connection of connections) connection.destroy();
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(servers.map((server) => server.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  ground.writeRules();
  ground.writeMesh();
  return ground;
}

/** Waits until `ask` answers something; fails after 90 s with what was waited for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = Date.now() + 90_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`waited too long for ${what}`);
    await sleep(20);
  }
}

export function fetchText(address: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    get(`http://${address}${path}`, { agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    }).on('error', reject);
  });
}

/** An operator's order with the token of the state directory. */
export async function order(
  ground: LifeGround,
  sidecar: LifeSidecar,
  path: string,
  body: object = {},
): Promise<number> {
  return (await ask(ground, sidecar, 'POST', path, body)).status;
}

/** One worker as `GET /v1/status` tells of it. */
export interface WorkerReport {
  readonly worker: number;
  readonly pid: number;
  readonly state: string;
  readonly sessions: number;
}

export async function workersOf(ground: LifeGround, sidecar: LifeSidecar): Promise<readonly WorkerReport[]> {
  const { text } = await ask(ground, sidecar, 'GET', '/v1/status');
  return (JSON.parse(text) as { processes: WorkerReport[] }).processes;
}

function ask(
  ground: LifeGround,
  sidecar: LifeSidecar,
  method: string,
  path: string,
  body: object = {},
): Promise<{ status: number; text: string }> {
  const token = readFileSync(ground.file('.shardmesh/admin-token'), 'utf8').trim();
  return new Promise((resolve, reject) => {
    const call = request(
      `http://${sidecar.admin}${path}`,
      {
        method,
        agent: false,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    call.on('error', reject);
    call.end(method === 'GET' ? undefined : JSON.stringify(body));
  });
}

export interface Load {
  /** Statements answered so far. */
  readonly count: () => number;
  /** Errors that clients saw, with where they were. */
  readonly errors: readonly { readonly at: string; readonly error: mysql.QueryError }[];
  /** Commits whose OK arrived, and those whose answer never came. */
  readonly commits: () => { readonly done: number; readonly unknown: number };
  /** Ends it and waits for the statements under way. */
  stop(): Promise<void>;
  /** Resolves when every client has stopped by itself. */
  readonly ended: Promise<void>;
}

/**
 * `clients` sessions in a loop: point selects, a sum over both shards inside of a transaction, transfers between shards,
 * prepared statements. A client stops at its first error.
 */
export async function startLoad(ground: LifeGround, sidecar: LifeSidecar, clients = 16): Promise<Load> {
  let stopping = false;
  let count = 0;
  let done = 0;
  let unknown = 0;
  const errors: { at: string; error: mysql.QueryError }[] = [];
  const sessions = await Promise.all(Array.from({ length: clients }, () => ground.connect(sidecar)));
  const loops = sessions.map(async (session, client) => {
    let at = '';
    const query = async (sql: string): Promise<mysql.RowDataPacket[]> => {
      at = sql;
      const [rows] = await session.query<mysql.RowDataPacket[]>(sql);
      count += 1;
      return rows;
    };
    try {
      for (let round = 0; !stopping; round += 1) {
        const id = (client * 12 + (round % 6)) % 200;
        const rows = await query(`SELECT id FROM accounts WHERE id = ${id}`);
        assert.equal(rows.length, 1);
        at = 'prepared';
        const [prepared] = await session.execute<mysql.RowDataPacket[]>('SELECT id FROM accounts WHERE id = ?', [id]);
        count += 1;
        assert.equal(prepared.length, 1);
        if (round % 4 === client % 4) {
          const [sum] = await query('SELECT COUNT(*) AS n FROM accounts');
          assert.equal(Number(sum?.['n']), 200);
        }
        if (round % 2 === 0) {
          // Each client moves money between two accounts of its own, on different shards.
          const from = client * 12;
          await query('BEGIN');
          await query(`UPDATE accounts SET balance = balance - 1 WHERE id = ${from}`);
          await query(`UPDATE accounts SET balance = balance + 1 WHERE id = ${from + 1}`);
          const [both] = await query(`SELECT SUM(balance) AS n FROM accounts WHERE id IN (${from}, ${from + 1})`);
          assert.equal(Number(both?.['n']), 2000);
          unknown += 1;
          await query('COMMIT');
          unknown -= 1;
          done += 1;
        }
      }
    } catch (error) {
      errors.push({ at, error: error as mysql.QueryError });
    } finally {
      session.destroy();
    }
  });
  const ended = Promise.all(loops).then(() => undefined);
  return {
    count: () => count,
    errors,
    commits: () => ({ done, unknown }),
    ended,
    stop: async () => {
      stopping = true;
      await ended;
    },
  };
}
