/** What a running sidecar tells of itself: every metric is recorded, statistics and logs are true, and no secret is in any of them. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import { createMeshMetrics } from '../../src/telemetry/index.ts';
import { fetchText, type LifeGround, type LifeSidecar, order, secrets, startGround, until } from './life-ground.ts';

describe('what is seen', () => {
  let ground: LifeGround;
  let sidecar: LifeSidecar;
  before(async () => {
    ground = await startGround();
    ground.writeMesh('log: { slow: 20ms, audit: write }\nlimits: { connections: 6 }\n');
    // A second database whose source has the same name: its series must be told apart.
    const shop = readFileSync(ground.file('shop.yaml'), 'utf8');
    writeFileSync(ground.file('twin.yaml'), shop.replace('databaseName: shop', 'databaseName: twin'));
    const mesh = readFileSync(ground.file('shardmesh.yaml'), 'utf8');
    writeFileSync(ground.file('shardmesh.yaml'), mesh.replace('[shop.yaml]', '[shop.yaml, twin.yaml]'));
    sidecar = await ground.serve();
  });
  after(async () => ground?.stop());

  const scrape = async (): Promise<ReadonlyMap<string, number>> => {
    const { text } = await fetchText(sidecar.http, '/metrics');
    return new Map(
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  };
  const grown = (now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>, series: string): number => {
    assert.ok(now.has(series), `there is no ${series} in\n${[...now.keys()].join('\n')}`);
    return (now.get(series) ?? 0) - (before.get(series) ?? 0);
  };

  it('counts what happened, exactly', async () => {
    const session = await ground.connect(sidecar);
    const start = await scrape();
    await session.query('SELECT balance FROM accounts WHERE id = 4');
    await session.query('SELECT balance FROM accounts WHERE id = 5');
    await session.query('SELECT balance FROM accounts WHERE id = 6');
    await session.query('SELECT id FROM accounts ORDER BY id');
    await session.execute('SELECT id FROM accounts WHERE id = ?', [7]);
    await session.query('BEGIN');
    await session.query('UPDATE accounts SET balance = balance + 1 WHERE id = 8');
    const open = await scrape();
    assert.equal(open.get('shardmesh_transactions_open{type="XA"}'), 1);
    assert.equal(open.get('shardmesh_pinned_sessions{reason="transaction"}'), 1);
    await session.query('ROLLBACK');
    await session.query('BEGIN');
    await session.query('UPDATE accounts SET balance = balance + 1 WHERE id = 8');
    await session.query('COMMIT');
    await assert.rejects(session.query('SELECT nothing FROM accounts WHERE id = 4'));
    await assert.rejects(session.query('INSERT INTO accounts VALUES (4, 1)'));
    await session.ping();
    const end = await scrape();
    const more = (series: string): number => grown(end, start, series);
    assert.equal(more('shardmesh_commands_total{command="query"}'), 12);
    assert.equal(more('shardmesh_commands_total{command="execute"}'), 1);
    assert.equal(more('shardmesh_commands_total{command="prepare"}'), 1);
    assert.equal(more('shardmesh_commands_total{command="ping"}'), 1);
    assert.equal(more('shardmesh_queries_total{route="scatter"}'), 1);
    assert.equal(more('shardmesh_queries_total{route="control"}'), 4);
    // A text is kept when it comes for the second time: the third is a hit.
    assert.ok(more('shardmesh_plan_cache_lookups_total{result="hit"}') >= 1);
    assert.ok(more('shardmesh_plan_cache_lookups_total{result="miss"}') >= 4);
    assert.equal(more('shardmesh_errors_total{kind="server"}') + more('shardmesh_errors_total{kind="refusal"}'), 2);
    assert.ok(more('shardmesh_errors_total{kind="server"}') >= 1);
    assert.equal(more('shardmesh_errors_total{kind="bug"}'), 0);
    assert.equal(more('shardmesh_query_duration_seconds_count{phase="total"}'), 13);
    assert.equal(more('shardmesh_query_duration_seconds_count{phase="parse"}'), 13);
    assert.equal(more('shardmesh_query_duration_seconds_count{phase="merge"}'), 1);
    assert.ok(more('shardmesh_query_duration_seconds_count{phase="lease"}') >= 7);
    assert.equal(more('shardmesh_query_shards_bucket{le="2"}'), 13);
    assert.equal(more('shardmesh_transactions_total{type="XA",outcome="opened"}'), 2);
    assert.equal(more('shardmesh_transactions_total{type="XA",outcome="committed"}'), 1);
    assert.equal(more('shardmesh_transactions_total{type="XA",outcome="rolled_back"}'), 1);
    assert.ok(more('shardmesh_client_bytes_total{direction="in"}') > 400);
    assert.ok(more('shardmesh_client_bytes_total{direction="out"}') > 1500);
    assert.equal(end.get('shardmesh_result_memory_bytes'), 0);
    assert.equal(end.get('shardmesh_transactions_open{type="XA"}'), 0);
    assert.equal(end.get('shardmesh_client_connections'), 1);
    await session.end();
  });

  it('gives no series twice', async () => {
    const { text } = await fetchText(sidecar.http, '/metrics');
    const series = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    assert.deepEqual(
      series.filter((name, index) => series.indexOf(name) !== index),
      [],
    );
    assert.ok(series.includes('shardmesh_source_up{database="twin",source="ds_0",role="primary"}'), text);
  });

  it('shows no metric that nobody records', async () => {
    const shown = await scrape();
    // Of features that this configuration does not use: their own tests look at them.
    const elsewhere = /^shardmesh_(outbox|replica|group|service|branch|transaction_store)_/;
    for (const metric of createMeshMetrics().registry.metrics.filter(({ name }) => !elsewhere.test(name)))
      assert.ok(
        [...shown.keys()].some((series) => series.startsWith(metric.name)),
        metric.name,
      );
  });

  it('refuses what is over the limit of connections with 1040, and counts it', async () => {
    const start = await scrape();
    const open: mysql.Connection[] = [];
    for (let count = 0; count < 6; count += 1) open.push(await ground.connect(sidecar));
    await assert.rejects(ground.connect(sidecar), (error: mysql.QueryError) => error.errno === 1040);
    assert.equal(grown(await scrape(), start, 'shardmesh_client_connections_total{result="limit"}'), 1);
    await assert.rejects(
      ground.connect(sidecar, { password: 'wrong-password-42' }),
      (error: mysql.QueryError) => error.errno === 1040,
    );
    for (const session of open) await session.end();
    await until('room for one more', async () =>
      (await scrape()).get('shardmesh_client_connections') === 0 ? true : undefined,
    );
    await assert.rejects(
      ground.connect(sidecar, { password: 'wrong-password-42' }),
      (error: mysql.QueryError) => error.errno === 1045,
    );
    assert.equal(grown(await scrape(), start, 'shardmesh_client_connections_total{result="denied"}'), 1);
  });

  it('sums statements up by digest', async () => {
    const session = await ground.connect(sidecar);
    for (let id = 0; id < 10; id += 1)
      await session.query(`SELECT id, 'literal-77' FROM accounts WHERE id IN (${id}, ${id + 1})`);
    const admin = await ground.connect(sidecar, { user: 'dba', password: secrets.dba });
    const [rows] = await admin.query<mysql.RowDataPacket[]>('SHOW MESH DIGESTS');
    const row = rows.find((each) => String(each['statement']).includes('IN (?, ...)'));
    assert.ok(row !== undefined, JSON.stringify(rows));
    assert.equal(row['statement'], 'SELECT id, ? FROM accounts WHERE id IN (?, ...)');
    assert.equal(Number(row['count']), 10);
    assert.equal(Number(row['rows_sent']), 20);
    assert.equal(Number(row['errors']), 0);
    assert.ok(Number(row['bytes']) > 10 * 100 && Number(row['total_ms']) > 0 && Number(row['shards']) >= 10);
    await assert.rejects(session.query('SHOW MESH DIGESTS'), (error: mysql.QueryError) => error.errno === 1227);
    await session.end();
    await admin.end();
  });

  it('logs slow and audited statements without their literals', async () => {
    const session = await ground.connect(sidecar);
    await session.query("SELECT SLEEP(0.05), 'literal-88' FROM accounts WHERE id = 4");
    await session.query('UPDATE accounts SET balance = 77077 WHERE id = 9');
    await session.query('UPDATE accounts SET balance = 1000 WHERE id = 9');
    const lines = await until('the lines', () => {
      const all = sidecar
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const slow = all.find(
        (line) =>
          (line['event'] === 'query.slow' && String(line['statement']).includes('sleep')) ||
          String(line['statement']).includes('SLEEP'),
      );
      const audit = all.find(
        (line) => line['event'] === 'audit.statement' && String(line['statement']).startsWith('UPDATE'),
      );
      const denied = all.find((line) => line['event'] === 'session.login_failed');
      const login = all.find((line) => line['event'] === 'audit.login');
      return slow && audit && denied && login ? { slow, audit, denied, login } : undefined;
    });
    assert.equal(lines.slow['user'], 'app');
    assert.equal(lines.slow['statement'], 'SELECT SLEEP(?), ? FROM accounts WHERE id = ?');
    assert.ok(Number(lines.slow['ms']) >= 50);
    assert.equal(lines.audit['statement'], 'UPDATE accounts SET balance = balance + ? WHERE id = ?');
    assert.ok(!sidecar.output().includes('literal-88') && !sidecar.output().includes('77077'));
    const slow = (await scrape()).get('shardmesh_slow_queries_total') ?? 0;
    assert.ok(slow >= 1);
    // Reloads change what is logged.
    ground.writeMesh('log: { slow: 0s, audit: off, level: warn }\nlimits: { connections: 6 }\n');
    assert.equal(await order(ground, sidecar, '/reload'), 200);
    const before = sidecar.output().length;
    await session.query('SELECT SLEEP(0.05) FROM accounts WHERE id = 4');
    await session.query('UPDATE accounts SET balance = 1000 WHERE id = 9');
    assert.equal((await scrape()).get('shardmesh_slow_queries_total'), slow);
    assert.ok(!/query\.slow|audit\./.test(sidecar.output().slice(before)));
    await session.end();
  });

  it('tells no secret anywhere', async () => {
    const admin = await ground.connect(sidecar, { user: 'dba', password: secrets.dba });
    await assert.rejects(admin.query(`CREATE USER x IDENTIFIED BY '${secrets.app}'`));
    await assert.rejects(admin.query(`SELECT * FROM ${secrets.app.replaceAll('-', '_')}_nothing, '${secrets.dba}'`));
    let seen = '';
    for (const what of ['SOURCES', 'TABLES', 'RULES', 'SESSIONS', 'PINS', 'DIGESTS']) {
      const [rows] = await admin.query(`SHOW MESH ${what}`);
      seen += JSON.stringify(rows);
    }
    for (const path of ['/metrics', '/readiness', '/startup', '/liveness'])
      seen += (await fetchText(sidecar.http, path)).text;
    await admin.end();
    // A refused reload quotes what is wrong with the file.
    ground.writeRules({}, `  password: ${secrets.app}\n`);
    assert.equal(await order(ground, sidecar, '/reload'), 422);
    ground.writeRules();
    seen += (await fetchText(sidecar.http, '/readiness')).text;
    const token = readFileSync(ground.file('.shardmesh/admin-token'), 'utf8').trim();
    sidecar.child.kill('SIGTERM');
    await sidecar.ended;
    seen += sidecar.output();
    for (const secret of [secrets.app, secrets.dba, token]) {
      const at = seen.indexOf(secret);
      assert.ok(at < 0, `a secret is told: ...${seen.slice(Math.max(0, at - 300), at)}`);
    }
  });
});
