/** A real sidecar process before a real server: started, asked, reloaded, healed and drained through its commands. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import type { Running } from '../../src/cli/state-directory.ts';
import { startServer, type TestServer } from '../servers/index.ts';

const program = join(import.meta.dirname, '../../bin/shardmesh');
const appPassword = 'app-secret-4711';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
/** Ended at the end, also when a test fails. */
const children = new Set<ChildProcess>();
const connections: mysql.Connection[] = [];
const start = (args: readonly string[]): { child: ChildProcess; ended: Promise<Ended>; out: () => string } => {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let out = '';
  let err = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return {
    child,
    out: () => out,
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err }))),
  };
};
const run = async (...args: string[]): Promise<Ended> => await start(args).ended;

const fetchText = (address: string, path: string): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    get(`http://${address}${path}`, { agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    }).on('error', reject);
  });

const until = async <T>(ask: () => Promise<T | undefined> | T | undefined): Promise<T> => {
  const end = Date.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error('waited too long');
    await sleep(30);
  }
};

describe('a sidecar process', () => {
  let server: TestServer;
  let folder: string;
  const file = (name: string): string => join(folder, name);
  const rules = (tables: string): string => `databaseName: shop
dataSources:
  ds_0: { url: mysql://127.0.0.1:${server.port}/s0, username: mesh, password: mesh }
  ds_1: { url: mysql://127.0.0.1:${server.port}/s1, username: mesh, password: mesh }
rules:
- !SHARDING
  tables:
    orders:
      actualDataNodes: ds_\${0..1}.orders
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms: { by_id: { type: MOD, props: { sharding-count: 2 } } }
- !BROADCAST { tables: [${tables}] }
`;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shardmesh-serve-'));
    server = await startServer({ schemas: ['s0', 's1'], durable: true });
    await server.execute(
      'CREATE TABLE s0.orders (id BIGINT PRIMARY KEY)',
      'CREATE TABLE s1.orders (id BIGINT PRIMARY KEY)',
      'CREATE TABLE s0.countries (code CHAR(2) PRIMARY KEY)',
      'CREATE TABLE s1.countries (code CHAR(2) PRIMARY KEY)',
    );
    writeFileSync(file('shop.yaml'), rules('countries'));
    writeFileSync(
      file('shardmesh.yaml'),
      `listen: 127.0.0.1:0
http: 127.0.0.1:0
admin: 127.0.0.1:0
users: [{ user: app, password: ${appPassword}, databases: [shop] }]
databases: [shop.yaml]
`,
    );
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    for (const connection of connections) connection.destroy();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const serve = async (): Promise<{ running: Running; sidecar: ReturnType<typeof start> }> => {
    rmSync(file('ready.json'), { force: true });
    const sidecar = start(['serve', '-c', file('shardmesh.yaml'), '--ready-file', file('ready.json')]);
    const running = await until(async () => {
      if (sidecar.child.exitCode !== null) throw new Error(JSON.stringify(await sidecar.ended));
      return existsSync(file('ready.json'))
        ? (JSON.parse(readFileSync(file('ready.json'), 'utf8')) as Running)
        : undefined;
    });
    return { running, sidecar };
  };
  const connect = async (running: Running): Promise<mysql.Connection> => {
    const connection = await mysql.createConnection({
      host: '127.0.0.1',
      port: Number(running.listen[0]!.split(':').at(-1)),
      user: 'app',
      password: appPassword,
      database: 'shop',
    });
    connection.on('error', () => {});
    connections.push(connection);
    return connection;
  };

  /** Asks the server itself. */
  const direct = async (sql: string): Promise<number> => {
    const connection = await server.connection();
    const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
    await connection.end();
    return Number(rows[0]?.['n']);
  };

  it('serves, is seen, reloads all or nothing, and drains', async () => {
    const { running, sidecar } = await serve();
    assert.equal(running.pid, sidecar.child.pid);
    const connection = await connect(running);
    await connection.query('INSERT INTO orders VALUES (1), (2), (3)');
    const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT COUNT(*) AS n FROM orders');
    assert.equal(Number(rows[0]?.['n']), 3);

    for (const probe of ['/startup', '/liveness', '/readiness'])
      assert.equal((await fetchText(running.http!, probe)).status, 200, probe);
    const metrics = (await fetchText(running.http!, '/metrics')).text;
    assert.match(metrics, /shardmesh_queries_total\{route="write"\} [1-9]/);
    assert.match(metrics, /shardmesh_client_connections 1\n/);
    const status = await run('status', '-c', file('shardmesh.yaml'), '--json');
    assert.equal(status.code, 0, status.err);
    const report = JSON.parse(status.out) as { phase: string; sessions: number; sources: { up: boolean }[] };
    assert.deepEqual(
      [report.phase, report.sessions, report.sources.map((source) => source.up)],
      ['ready', 1, [true, true]],
    );

    writeFileSync(file('shop.yaml'), `${rules('countries')}  unknownKey: 1\n`);
    const refused = await run('reload', '-c', file('shardmesh.yaml'));
    assert.equal(refused.code, 1);
    assert.match(refused.out, /refused; the old configuration stays in force/);
    assert.match((await fetchText(running.http!, '/readiness')).text, /"code":"configuration"/);
    assert.equal((await connection.query<mysql.RowDataPacket[]>('SELECT COUNT(*) AS n FROM orders'))[0][0]?.['n'], 3);

    writeFileSync(file('shop.yaml'), rules('countries, languages'));
    process.kill(running.pid, 'SIGHUP');
    await until(async () =>
      (await fetchText(running.http!, '/readiness')).text.includes('"configuration"') ? undefined : true,
    );
    await connection.query('CREATE TABLE languages (code CHAR(2) PRIMARY KEY)');
    assert.equal(await direct("SELECT COUNT(*) AS n FROM information_schema.TABLES WHERE TABLE_NAME = 'languages'"), 2);

    const occupied = await run(
      'serve',
      '-c',
      file('shardmesh.yaml'),
      '--listen',
      running.listen[0]!,
      '--state-dir',
      file('other'),
    );
    assert.equal(occupied.code, 1);
    assert.match(occupied.err, /in use.*--listen/);

    // A session in a transaction is let finish; an idle one goes at once.
    const idle = await connect(running);
    await connection.query('BEGIN');
    await connection.query('INSERT INTO orders VALUES (4)');
    process.kill(running.pid, 'SIGTERM');
    await until(async () =>
      (await fetchText(running.http!, '/readiness').catch(() => undefined))?.status === 503 ? true : undefined,
    );
    await assert.rejects(idle.query('SELECT 1'));
    await connection.query('COMMIT');
    const ended = await sidecar.ended;
    assert.equal(ended.code, 0, ended.err);
    assert.equal(await direct('SELECT (SELECT COUNT(*) FROM s0.orders) + (SELECT COUNT(*) FROM s1.orders) AS n'), 4);

    for (const line of ended.out.trim().split('\n'))
      assert.equal(typeof (JSON.parse(line) as { event?: unknown }).event, 'string', line);
    const token = readFileSync(file('.shardmesh/admin-token'), 'utf8').trim();
    for (const secret of [appPassword, token]) {
      for (const text of [ended.out, ended.err, metrics, status.out]) assert.ok(!text.includes(secret));
    }
    assert.equal((await run('status', '-c', file('shardmesh.yaml'))).code, 69);
  });

  it('starts while its servers are down, fails clearly, and heals by itself', async () => {
    writeFileSync(file('shop.yaml'), rules('countries'));
    await server.kill();
    const { running, sidecar } = await serve();
    assert.match((await fetchText(running.http!, '/readiness')).text, /"code":"source".*ECONNREFUSED/);
    const connection = await connect(running);
    await assert.rejects(connection.query('SELECT * FROM orders WHERE id = 1'), (error: mysql.QueryError) =>
      /SM_/.test(error.message),
    );
    await server.restart();
    const rows = await until(
      async () =>
        await connection.query<mysql.RowDataPacket[]>('SELECT id FROM orders WHERE id = 1').then(
          ([found]) => found,
          () => undefined,
        ),
    );
    assert.deepEqual(
      rows.map((row) => Number(row['id'])),
      [1],
    );
    await connection.end();
    sidecar.child.kill('SIGTERM');
    assert.equal((await sidecar.ended).code, 0);
  });
});
