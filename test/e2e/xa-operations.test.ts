/** What operators see of XA transactions that do not end by themselves, and what their words do. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const run = promisify(execFile);
let pair: ShardedPair;
let dba: mysql.Connection;
let point = '';

before(async () => {
  pair = await startShardedPair({ rules: '- !SINGLE { tables: ["ds_0.*", "ds_1.*"], defaultDataSource: ds_0 }\n' });
  dba = await pair.connect({ user: 'dba', password: 'dba' });
  point = String((await rowsOf(0, 'SELECT server FROM shardmesh.identity'))[0]?.[0]);
});
after(async () => {
  await dba?.end();
  await pair?.stop();
});

async function rowsOf(index: number, sql: string): Promise<unknown[][]> {
  const root = await pair.servers[index]!.connection('shardmesh');
  const [rows] = await root.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true });
  await root.end();
  return rows as unknown as unknown[][];
}

/** A prepared branch on the second server whose process is gone; its commit point is the first one. */
async function prepare(name: string, createdAt: number): Promise<{ readonly gid: string; readonly branch: string }> {
  const gid = `1${name.padEnd(6, '0')}${point}deadnode00${createdAt.toString(36).padStart(9, '0')}1`;
  const identity = String((await rowsOf(1, 'SELECT server FROM identity'))[0]?.[0]);
  const branch = `${identity}0000000000000000.1.1`;
  const xid = `'${gid}','${branch}',${0x534d5831}`;
  const root = await pair.servers[1]!.connection('shardmesh');
  await root.query(`XA START ${xid}`);
  await root.query(`INSERT INTO mark VALUES ('${gid}','${branch}','',${Date.now()})`);
  await root.query(`XA END ${xid}`);
  await root.query(`XA PREPARE ${xid}`);
  root.destroy();
  return { gid, branch };
}

const listed = async (): Promise<unknown[][]> => await rowsOf(1, 'XA RECOVER');
const marked = async (gid: string): Promise<number> =>
  (await rowsOf(1, `SELECT 1 FROM mark WHERE gid='${gid}'`)).length;

async function shown(): Promise<mysql.RowDataPacket[]> {
  return (await dba.query<mysql.RowDataPacket[]>('SHOW MESH TRANSACTIONS'))[0];
}

async function until(check: () => Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (await check()) return;
    await sleep(100);
  }
  assert.fail(`not within 30 s: ${what}`);
}

test('a branch of a dead process without decision is rolled back by itself', async () => {
  const { gid } = await prepare('young', Date.now());
  await until(async () => (await listed()).length === 0, 'the branch is gone');
  assert.equal(await marked(gid), 0);
  assert.deepEqual(await rowsOf(0, `SELECT state FROM decision WHERE gid='${gid}'`), [[2]]);
});

test('one with a decision is committed by itself', async () => {
  const gid = `1decid0${point}deadnode00${Date.now().toString(36).padStart(9, '0')}1`;
  await rowsOf(0, `SELECT 1`);
  const root = await pair.servers[0]!.connection('shardmesh');
  await root.query(`INSERT INTO decision VALUES ('${gid}',1,'','deadnode00',${Date.now()},0)`);
  await root.end();
  const made = await prepare('decid', Number.parseInt(gid.slice(25, 34), 36));
  assert.equal(made.gid, gid);
  await until(async () => (await listed()).length === 0, 'the branch is gone');
  assert.equal(await marked(gid), 1);
});

test('one too old to be sure is left to an operator, who sees it and decides; every word leaves a row', async () => {
  const old = Date.now() - 20 * 3_600_000;
  const first = await prepare('old1', old);
  const second = await prepare('old2', old);
  await until(async () => (await shown()).filter((row) => row['state'] === 'hazard').length === 2, 'both are hazards');
  const [row] = (await shown()).filter((each) => each['gid'] === first.gid);
  assert.deepEqual([row?.['type'], row?.['branch'], row?.['detail']], ['XA', first.branch, 'no decision']);
  const scrape = await (await fetch(`http://${pair.sidecar.http}/metrics`)).text();
  assert.match(scrape, /^shardmesh_xa_hazards 2$/m);
  assert.match(scrape, /^shardmesh_xa_prepared\{state="abandoned"\} 2$/m);

  await dba.query(`MESH RESOLVE '${first.gid}' ROLLBACK REASON 'it is mine'`);
  await until(async () => (await listed()).length === 1, 'the first is gone');
  assert.equal(await marked(first.gid), 0);
  await assert.rejects(
    dba.query(`MESH RESOLVE '${first.gid}' COMMIT`),
    (error: { errno: number }) => error.errno === 9133,
  );
  await dba.query(`MESH RESOLVE '${second.gid}' FORCE COMMIT BRANCH '${second.branch}'`);
  assert.deepEqual(await listed(), []);
  assert.equal(await marked(second.gid), 1);
  const audit = [...(await rowsOf(0, 'SELECT * FROM audit')), ...(await rowsOf(1, 'SELECT * FROM audit'))];
  assert.deepEqual(audit.map((each) => [String(each[3]), String(each[5]), String(each[6])]).sort(), [
    [first.gid, 'rollback', 'it is mine'],
    [second.gid, 'force commit', ''],
  ]);
  await assert.rejects(dba.query(`MESH RESOLVE 'nothing' RETRY`), (error: { errno: number }) => error.errno === 9135);
  await assert.rejects(
    dba.query(`MESH RESOLVE 'nothing' HOPE`),
    (error: { errno: number }) => error.errno === 9002 || error.errno === 1064,
  );
  const app = await pair.connect();
  await assert.rejects(
    app.query(`MESH RESOLVE '${first.gid}' RETRY`),
    (error: { errno: number }) => error.errno === 1227,
  );
  await app.end();
});

test('the command line does the same without a sidecar', async () => {
  const { gid, branch } = await prepare('old3', Date.now() - 20 * 3_600_000);
  const program = join(import.meta.dirname, '../../bin/shardmesh');
  const config = ['-c', join(pair.folder, 'shardmesh.yaml')];
  const list = await run(program, ['transactions', ...config, '--json']);
  const { transactions } = JSON.parse(list.stdout) as { transactions: { gid: string; branch: string }[] };
  assert.deepEqual(
    transactions.map((one) => [one.gid, one.branch]),
    [[gid, branch]],
  );
  await run(program, ['transactions', ...config, 'resolve', gid, 'force', 'rollback', branch, '--reason', 'test']);
  assert.deepEqual(await listed(), []);
  const again = await run(program, ['init-transactions', ...config]);
  assert.equal(again.stdout.match(/ready/g)?.length, 2);
});
