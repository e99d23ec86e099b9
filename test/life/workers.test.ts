/** Several workers are one sidecar: what ends one leaves the others alone, and what one knows all know. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import {
  fetchText,
  type LifeGround,
  type LifeSidecar,
  secrets,
  startGround,
  startLoad,
  until,
  type WorkerReport,
  workersOf,
} from './life-ground.ts';

describe('workers', () => {
  let ground: LifeGround;
  let sidecar: LifeSidecar;
  before(async () => {
    ground = await startGround(2);
    ground.writeMesh('watchdog: 3s\nlimits: { connections: 40 }\n');
    // A key generator of one worker id for each worker, and a password that only a full authentication can prove.
    const rules = readFileSync(ground.file('shop.yaml'), 'utf8');
    writeFileSync(
      ground.file('shop.yaml'),
      rules
        .replace('    accounts:\n', '    accounts:\n      keyGenerateStrategy: { column: id, keyGeneratorName: ids }\n')
        .replace('  shardingAlgorithms:', '  keyGenerators: { ids: { type: SNOWFLAKE } }\n  shardingAlgorithms:'),
    );
    sidecar = await ground.serve();
  });
  after(async () => ground?.stop());

  const workerOf = (id: number): number => id >>> 24;
  const connectionId = async (session: mysql.Connection): Promise<number> =>
    Number((await session.query<mysql.RowDataPacket[]>('SELECT CONNECTION_ID() AS n'))[0][0]?.['n']);
  /** One session of each worker. */
  const pair = async (options?: mysql.ConnectionOptions): Promise<[mysql.Connection, mysql.Connection]> => {
    const sessions = new Map<number, mysql.Connection>();
    for (let turn = 0; sessions.size < 2 && turn < 10; turn += 1) {
      const session = await ground.connect(sidecar, options);
      const worker = workerOf(await connectionId(session));
      if (sessions.has(worker)) session.destroy();
      else sessions.set(worker, session);
    }
    return [sessions.get(0), sessions.get(1)] as [mysql.Connection, mysql.Connection];
  };
  const bothServe = async (other?: number): Promise<readonly WorkerReport[]> =>
    await until('both workers to serve', async () => {
      const all = await workersOf(ground, sidecar);
      return all.length === 2 && all.every(({ state, pid }) => state === 'serving' && pid !== other) ? all : undefined;
    });
  const metric = async (series: string): Promise<number> => {
    const { text } = await fetchText(sidecar.http, '/metrics');
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? Number.NaN);
  };
  const isLost = (error: mysql.QueryError): boolean =>
    /PROTOCOL_CONNECTION_LOST|ECONNRESET|EPIPE/.test(error.code ?? '') || /closed state/.test(error.message);

  it('get the same number of clients each', async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => ground.connect(sidecar)));
    const counts = (await workersOf(ground, sidecar)).map((worker) => worker.sessions);
    assert.deepEqual(counts, [10, 10]);
    for (const session of sessions) await session.end();
  });

  it('are seen as one: SHOW MESH, SHOW PROCESSLIST, metrics, and KILL from any of them', async () => {
    const [first, second] = await pair();
    const [dba0, dba1] = await pair({ user: 'dba', password: secrets.dba });
    const ids = await Promise.all([first, second, dba0, dba1].map(connectionId));
    for (const session of [first, second]) await session.query("SELECT id, 'of both' FROM accounts WHERE id = 4");
    await first.query('BEGIN');
    await first.query('UPDATE accounts SET balance = balance + 1 WHERE id = 2');
    for (const dba of [dba0, dba1]) {
      const [sessions] = await dba.query<mysql.RowDataPacket[]>('SHOW MESH SESSIONS');
      for (const id of ids) assert.ok(sessions.some((row) => Number(row['id']) === id));
      const [processes] = await dba.query<mysql.RowDataPacket[]>('SHOW PROCESSLIST');
      for (const id of ids) assert.ok(processes.some((row) => Number(row['Id']) === id));
      const [digests] = await dba.query<mysql.RowDataPacket[]>('SHOW MESH DIGESTS');
      assert.equal(
        Number(
          digests.find((row) => String(row['statement']) === 'SELECT id, ? FROM accounts WHERE id = ?')?.['count'],
        ),
        2,
      );
      const [sources] = await dba.query<mysql.RowDataPacket[]>('SHOW MESH SOURCES');
      assert.equal(sources.length, 2);
      assert.ok(sources.some((row) => Number(row['leased']) >= 1));
    }
    // A user sees and kills its own only.
    const [own] = await second.query<mysql.RowDataPacket[]>('SHOW PROCESSLIST');
    assert.ok(own.every((row) => row['User'] === 'app') && own.some((row) => Number(row['Id']) === ids[0]));
    await assert.rejects(second.query(`KILL ${ids[2]}`), (error: mysql.QueryError) => error.errno === 1095);
    await assert.rejects(
      second.query(`KILL ${(ids[0] as number) + 5000}`),
      (error: mysql.QueryError) => error.errno === 1094,
    );
    assert.equal(
      await metric('shardmesh_client_connections'),
      (await workersOf(ground, sidecar)).reduce((sum, each) => sum + each.sessions, 0),
    );
    assert.equal(await metric('shardmesh_workers{state="serving"}'), 2);
    await first.query('ROLLBACK');

    const slow = first.query('SELECT SLEEP(20) FROM accounts WHERE id = 4').then(
      () => 'ended',
      (error: mysql.QueryError) => error.errno,
    );
    await until('the statement to run', async () => {
      const [processes] = await second.query<mysql.RowDataPacket[]>('SHOW PROCESSLIST');
      return processes.find((row) => Number(row['Id']) === ids[0] && row['Command'] === 'Query');
    });
    await second.query(`KILL QUERY ${ids[0]}`);
    assert.notEqual(await slow, 'ended');
    await first.query('SELECT 1');
    await dba1.query(`KILL ${ids[0]}`);
    await assert.rejects(first.query('SELECT 1'));
    for (const session of [second, dba0, dba1]) await session.end();
  });

  it('know of changed tables at once, and draw different keys', async () => {
    const [first, second] = await pair();
    for (let turn = 0; turn < 5; turn += 1) {
      const [writer, reader] = turn % 2 === 0 ? [first, second] : [second, first];
      await writer.query(`ALTER TABLE countries ADD COLUMN note_${turn} INT`);
      const [rows] = await reader.query<mysql.RowDataPacket[]>('SELECT * FROM countries WHERE note_0 IS NULL');
      assert.equal(rows.length, 0);
      await reader.query(`INSERT INTO countries (code, note_${turn}) VALUES ('x${turn}', 1)`);
      await writer.query(`DELETE FROM countries`);
    }
    for (let turn = 0; turn < 5; turn += 1) await first.query(`ALTER TABLE countries DROP COLUMN note_${turn}`);
    const keys = await Promise.all(
      [first, second].map(async (session) => {
        const [result] = await session.query<mysql.ResultSetHeader>('INSERT INTO accounts (balance) VALUES (0)');
        return BigInt(result.insertId);
      }),
    );
    const ids = keys.map((key) => (key >> 12n) & 1023n);
    assert.notEqual(ids[0], ids[1], 'two workers draw keys under one worker id');
    await first.query(`DELETE FROM accounts WHERE id IN (${keys.join(', ')})`);
    await first.end();
    await second.end();
  });

  it('share the limit of connections', async () => {
    // Everything that was opened so far has been counted down again.
    await until('all sessions to be gone', async () =>
      (await workersOf(ground, sidecar)).every(({ sessions }) => sessions === 0) ? true : undefined,
    );
    const before = await metric('shardmesh_client_connections_total{result="limit"}');
    const open = await Promise.all(Array.from({ length: 40 }, () => ground.connect(sidecar)));
    await assert.rejects(ground.connect(sidecar), (error: mysql.QueryError) => error.errno === 1040);
    assert.equal((await metric('shardmesh_client_connections_total{result="limit"}')) - (before || 0), 1);
    for (const session of open) await session.end();
    await until('all sessions to be gone', async () =>
      (await workersOf(ground, sidecar)).every(({ sessions }) => sessions === 0) ? true : undefined,
    );
  });

  for (const [how, signal] of [
    ['killed', 'SIGKILL'],
    ['stopped', 'SIGSTOP'],
  ] as const) {
    it(`go on when one is ${how}; it is replaced`, async () => {
      const workers = await bothServe();
      const restarts = await metric(
        `shardmesh_worker_restarts_total{reason="${how === 'killed' ? 'crashed' : 'stuck'}"}`,
      );
      const load = await startLoad(ground, sidecar, 16);
      await until('load', () => (load.count() > 200 ? true : undefined));
      const victim = workers[1] as WorkerReport;
      process.kill(victim.pid, signal);
      const again = await bothServe(victim.pid);
      assert.deepEqual(again.map(({ worker }) => worker).sort(), [0, 1]);
      const before = load.count();
      await until('more load', () => (load.count() > before + 200 ? true : undefined));
      await load.stop();
      // The eight of the other worker have seen nothing.
      assert.equal(load.errors.length, 8, JSON.stringify(load.errors));
      for (const { error } of load.errors) assert.ok(isLost(error), error.message);
      assert.ok(load.commits().unknown <= 8);
      assert.equal(
        await metric(`shardmesh_worker_restarts_total{reason="${how === 'killed' ? 'crashed' : 'stuck'}"}`),
        restarts + 1,
      );
      if (signal === 'SIGSTOP') assert.match(sidecar.output(), /"event":"worker.stuck"/);
      // The new one serves, under connection ids that the old one had not given.
      const [, second] = await pair();
      assert.ok(((await connectionId(second)) & 0xff_ffff) > 8);
      await second.end();
      // Transfers are whole: what was not answered is committed on both shards or on none, one shard at a time.
      const total = await Promise.all(
        [0, 1].map((server) => ground.direct(server, 'SELECT SUM(balance) AS n FROM accounts')),
      );
      assert.equal(total.length, 2);
    });
  }

  it('count up through all of that: no counter has gone back', async () => {
    const { text } = await fetchText(sidecar.http, '/metrics');
    const queries = [...text.matchAll(/^shardmesh_queries_total\{[^}]*\} (\d+)/gm)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    );
    const [victim] = await bothServe();
    process.kill(victim?.pid as number, 'SIGKILL');
    await bothServe(victim?.pid);
    const after = [
      ...(await fetchText(sidecar.http, '/metrics')).text.matchAll(/^shardmesh_queries_total\{[^}]*\} (\d+)/gm),
    ];
    assert.ok(after.reduce((sum, match) => sum + Number(match[1]), 0) >= queries);
  });

  it('log under their numbers', async () => {
    const lines = sidecar
      .output()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { worker?: number; event: string });
    for (const worker of [0, 1])
      assert.ok(lines.some((line) => line.worker === worker && line.event === 'schema.read'));
    assert.equal(lines.filter((line) => line.event === 'configuration.applied').length, 1);
  });

  it('end with their supervisor, whose successor runs on what was in force if the files have become bad', async () => {
    const pids = (await bothServe()).map(({ pid }) => pid);
    ground.writeRules({}, '- !NOTHING {}\n');
    sidecar.child.kill('SIGKILL');
    await sidecar.ended;
    await until('the workers to end', () => (pids.every((pid) => !isRunning(pid)) ? true : undefined));
    sidecar = await ground.serve();
    assert.match(sidecar.output(), /"event":"configuration.last_good"/);
    const { status, text } = await fetchText(sidecar.http, '/readiness');
    assert.equal(status, 200);
    assert.match(text, /shop\.yaml:.*last good configuration/);
    const session = await ground.connect(sidecar);
    assert.equal((await session.query<mysql.RowDataPacket[]>('SELECT id FROM accounts WHERE id = 5'))[0].length, 1);
    // A reload of good files ends that state; an orderly end forgets it.
    sidecar.child.kill('SIGTERM');
    assert.deepEqual(await sidecar.ended, { code: 0, signal: null });
    await assert.rejects(ground.serve(), /shop\.yaml:/);
    ground.writeRules();
    sidecar = await ground.serve();
    assert.equal((await fetchText(sidecar.http, '/readiness')).text.includes('configuration'), false);
  });
});

function isRunning(pid: number): boolean {
  try {
    // A process that has ended and waits for its parent is no process any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
