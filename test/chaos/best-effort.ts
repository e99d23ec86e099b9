/**
 * BEST_EFFORT under faults, on real servers with two sidecars: the first is killed or stopped at a numbered step while several
 * transactions commit, servers are killed or stopped meanwhile, and afterwards every transaction must be everywhere once or nowhere.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { grantSchemas, type SidecarProcess, startSidecar } from '../../src/demo/index.ts';
import { meshAccount, startServer, type TestServer } from '../servers/index.ts';

/** Steps of a commit and of a delivery by the relay, as `faultPoint` names them. */
export const commitSteps = ['decide', 'decided', 'deliver', 'delivered'].map(
  (name, at) => `best effort ${at + 1}: ${name}`,
);
export const relaySteps = ['write', 'confirm', 'commit', 'settle'].map((name, at) => `relay ${at + 1}: ${name}`);

/** What happens when the first sidecar has come to the step. */
export const events = [
  'sidecar killed',
  'sidecar stopped, goes on',
  'sidecar stopped, home killed, goes on',
  'sidecar stopped, target killed, goes on',
  'sidecar stopped, both killed, sidecar killed',
  'sidecar stopped, target stopped, both go on',
] as const;

export interface ChaosCase {
  readonly step: string;
  readonly event: (typeof events)[number];
}

type Told = 'committed' | 'rolled back' | 'unknown';

const times = 'grace=300,wait=1500,first=200,longest=1000,attempt=4000,claim=5000,every=200';

export class BestEffortChaos {
  readonly #folder = mkdtempSync(join(tmpdir(), 'shardmesh-chaos-'));
  readonly #without: string;
  readonly #rules: string;
  #servers: TestServer[] = [];
  #steady: SidecarProcess | undefined;
  #next = 0;
  readonly #told = new Map<number, Told>();

  /** `without`: a rule that all sidecars leave out. `oneServer`: both sources on one server. */
  constructor(options: { readonly without?: string; readonly oneServer?: boolean } = {}) {
    this.#without = options.without ?? '';
    this.#rules = options.oneServer === true ? 'one' : 'two';
  }

  async start(): Promise<void> {
    const count = this.#rules === 'one' ? 1 : 2;
    this.#servers = await Promise.all(Array.from({ length: count }, () => startServer({ durable: true })));
    for (const [index, server] of this.#servers.entries()) {
      const schemas = count === 1 ? ['shop_0', 'shop_1'] : [`shop_${index}`];
      await grantSchemas(server, meshAccount, schemas);
    }
    const url = (index: number): string =>
      `mysql://127.0.0.1:${(this.#servers[index] ?? this.#servers[0])?.port}/shop_${index}`;
    writeFileSync(
      join(this.#folder, 'shop.yaml'),
      `databaseName: shop
dataSources:
${[0, 1].map((index) => `  ds_${index}: { url: "${url(index)}", username: mesh, password: mesh }`).join('\n')}
rules:
- !SHARDING
  tables:
    counters:
      actualDataNodes: ds_\${0..1}.counters
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
    hits:
      actualDataNodes: ds_\${0..1}.hits
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms:
    by_id: { type: MOD, props: { sharding-count: 2 } }
`,
    );
    writeFileSync(
      join(this.#folder, 'shardmesh.yaml'),
      'listen: 127.0.0.1:0\nhttp: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: 1\nusers:\n  - { user: "app@%", password: app, databases: [shop] }\ndatabases: [shop.yaml]\ntransaction: { defaultType: BEST_EFFORT }\n',
    );
    this.#steady = await this.#sidecar('');
    const client = await this.#connect(this.#steady);
    await client.query('CREATE TABLE counters (id INT NOT NULL PRIMARY KEY, n INT NOT NULL)');
    // Without a key: nothing but the inbox keeps a second delivery out.
    await client.query('CREATE TABLE hits (id INT NOT NULL, txn INT NOT NULL, KEY (txn))');
    await client.query('INSERT INTO counters VALUES (0, 0), (1, 0)');
    await client.end();
  }

  async stop(): Promise<void> {
    await this.#steady?.stop();
    await Promise.all(this.#servers.map((server) => server.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Runs one case to its end. Answers what is wrong then. */
  async run({ step, event }: ChaosCase): Promise<string[]> {
    const relay = step.startsWith('relay');
    if (relay) {
      // Somebody decides and dies; the sidecar under test is then the one to deliver.
      const dying = await this.#sidecar('best effort 2: decided:kill');
      this.#pauseSteady();
      await this.#transactions(dying, 1);
      await dying.stop();
    }
    const faulty = await this.#sidecar(`${step}:${event === 'sidecar killed' ? 'kill' : 'stop'}`);
    const { pid } = faulty;
    try {
      const running = relay ? Promise.resolve() : this.#transactions(faulty, 3);
      await waitUntil(`the fault at "${step}"`, () => Promise.resolve(isDown(faulty)));
      const [home, target] = [this.#servers[0], this.#servers[1] ?? this.#servers[0]];
      if (event.includes('home killed') || event.includes('both killed')) await home?.kill();
      if (event.includes('target killed') || (event.includes('both killed') && target !== home)) await target?.kill();
      if (event.includes('target stopped')) target?.pause();
      if (event.includes('sidecar killed')) signal(faulty, 'SIGKILL');
      else signal(faulty, 'SIGCONT');
      if (relay) this.#resumeSteady();
      await sleep(300);
      if (event.includes('target stopped')) target?.resume();
      for (const server of this.#servers) if (server.pid === undefined) await server.restart();
      await running;
    } finally {
      void pid;
      this.#resumeSteady();
      for (const server of this.#servers) {
        server.resume();
        if (server.pid === undefined) await server.restart();
      }
    }
    const problems = await this.#settled();
    signal(faulty, 'SIGCONT');
    await faulty.stop();
    return problems;
  }

  /** Everything that is left is removed once it is old. */
  async sweep(): Promise<string[]> {
    for (const server of this.#servers)
      await server.execute('SET GLOBAL wait_timeout = 1', 'SET GLOBAL interactive_timeout = 1');
    const sweeper = await this.#sidecar('', `${times},sweep=300,keep=1000`);
    try {
      await waitUntil(
        'all rows are swept',
        async () =>
          (await this.#rows('SELECT gid FROM shardmesh.outbox UNION ALL SELECT gid FROM shardmesh.inbox')).length === 0,
      );
      return [];
    } catch (error) {
      return [String(error)];
    } finally {
      await sweeper.stop();
    }
  }

  async #settled(): Promise<string[]> {
    const problems: string[] = [];
    try {
      await waitUntil(
        'nothing waits in an outbox',
        async () => (await this.#rows('SELECT gid FROM shardmesh.outbox WHERE state = 1')).length === 0,
      );
    } catch (error) {
      problems.push(String(error));
    }
    const dead = await this.#rows('SELECT gid, reason FROM shardmesh.outbox WHERE state = 2');
    if (dead.length > 0) problems.push(`${dead.length} dead letters: ${String(dead[0]?.['reason'])}`);
    const counts = await Promise.all([0, 1].map((index) => this.#hits(index)));
    for (const [txn, told] of this.#told) {
      const [first, second] = counts.map((hits) => hits.get(txn) ?? 0);
      const what = `transaction ${txn}, told as ${told}: ${first} and ${second} times`;
      if (first !== second || (first ?? 0) > 1) problems.push(what);
      else if (told === 'committed' && first !== 1) problems.push(what);
      else if (told === 'rolled back' && first !== 0) problems.push(what);
    }
    const totals = counts.map((hits) => [...hits.values()].reduce((sum, n) => sum + n, 0));
    const counters = await Promise.all([0, 1].map((index) => this.#counter(index)));
    for (const index of [0, 1])
      if (counters[index] !== totals[index])
        problems.push(`counter ${index} is ${counters[index]}, not ${totals[index]}`);
    return problems;
  }

  /** Transactions side by side, each with a number of its own; every other one begins on the other source. */
  async #transactions(sidecar: SidecarProcess, count: number): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const txn = ++this.#next;
        this.#told.set(txn, 'unknown');
        this.#told.set(txn, await this.#transaction(sidecar, txn));
      }),
    );
  }

  async #transaction(sidecar: SidecarProcess, txn: number): Promise<Told> {
    let client: mysql.Connection;
    try {
      client = await this.#connect(sidecar);
    } catch {
      return 'rolled back';
    }
    client.on('error', () => undefined);
    try {
      try {
        await client.beginTransaction();
        for (const id of txn % 2 === 0 ? [0, 1] : [1, 0]) await client.query(`INSERT INTO hits VALUES (${id}, ${txn})`);
        // In one order, or they would wait for each other on two servers.
        for (const id of [0, 1]) await client.query(`UPDATE counters SET n = n + 1 WHERE id = ${id}`);
      } catch {
        // A server that is down: nothing was told as committed.
        client.destroy();
        return 'rolled back';
      }
      await client.commit();
      return 'committed';
    } catch (error) {
      const { errno } = error as { errno?: number };
      // SM_TRANSACTION_ABORTED, and servers' own errors: the mesh says that nothing has been done.
      return errno === 9105 ? 'rolled back' : 'unknown';
    } finally {
      client.destroy();
    }
  }

  async #rows(sql: string): Promise<mysql.RowDataPacket[]> {
    const rows: mysql.RowDataPacket[] = [];
    for (const server of this.#servers) {
      const root = await server.connection();
      rows.push(...(await root.query<mysql.RowDataPacket[]>(sql))[0]);
      await root.end();
    }
    return rows;
  }

  async #hits(index: number): Promise<Map<number, number>> {
    const root = await (this.#servers[index] ?? this.#servers[0])?.connection(`shop_${index}`);
    const [rows] = (await root?.query<mysql.RowDataPacket[]>('SELECT txn, COUNT(*) AS n FROM hits GROUP BY txn')) ?? [
      [],
    ];
    await root?.end();
    return new Map(rows.map((row) => [Number(row['txn']), Number(row['n'])]));
  }

  async #counter(index: number): Promise<number> {
    const root = await (this.#servers[index] ?? this.#servers[0])?.connection(`shop_${index}`);
    const [rows] = (await root?.query<mysql.RowDataPacket[]>('SELECT n FROM counters')) ?? [[]];
    await root?.end();
    return Number(rows[0]?.['n']);
  }

  #sidecar(fault: string, ownTimes = times): Promise<SidecarProcess> {
    const folder = mkdtempSync(join(this.#folder, 'sidecar-'));
    const environment = {
      SHARDMESH_FAULT_AT: fault,
      SHARDMESH_TIMES: ownTimes,
      SHARDMESH_WITHOUT: this.#without,
    };
    return startSidecar({ config: join(this.#folder, 'shardmesh.yaml'), folder, environment });
  }

  #connect(sidecar: SidecarProcess): Promise<mysql.Connection> {
    return mysql.createConnection({
      host: '127.0.0.1',
      port: sidecar.port,
      user: 'app',
      password: 'app',
      database: 'shop',
      connectTimeout: 60_000,
    });
  }

  #pauseSteady(): void {
    if (this.#steady !== undefined) signal(this.#steady, 'SIGSTOP');
  }

  #resumeSteady(): void {
    if (this.#steady !== undefined) signal(this.#steady, 'SIGCONT');
  }
}

/** Process id of the sidecar itself, which its ready file tells. */
function pidOf(sidecar: SidecarProcess): number {
  const ready = readFileSync(join(sidecar.logPath, '../ready.json'), 'utf8');
  return Number((JSON.parse(ready) as { pid: number }).pid);
}

/** To the supervisor and its workers. */
function signal(sidecar: SidecarProcess, name: NodeJS.Signals): void {
  const pid = pidOf(sidecar);
  for (const each of [pid, ...childrenOf(pid)]) {
    try {
      process.kill(each, name);
    } catch {
      // It has ended.
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Stopped or gone. */
function isDown(sidecar: SidecarProcess): boolean {
  try {
    const stat = readFileSync(`/proc/${pidOf(sidecar)}/stat`, 'latin1');
    return /^[TtZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return true;
  }
}

async function waitUntil(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 90_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within 90 s: ${what}`);
    await sleep(30);
  }
}
