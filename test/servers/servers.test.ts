/** The test servers themselves: they start, keep data over a crash, replicate, and die with their process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { meshAccount, startReplica, startServer, waitForReplica } from './index.ts';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('test servers', () => {
  it('keep committed rows over kill and restart, and remove their folder at stop', async () => {
    const server = await startServer({ schemas: ['shop'], durable: true });
    const open = () =>
      mysql.createConnection({ host: '127.0.0.1', port: server.port, database: 'shop', ...meshAccount });
    const first = await open();
    await first.query('CREATE TABLE t (a INT PRIMARY KEY)');
    await first.query('INSERT INTO t VALUES (1), (2)');
    first.on('error', () => {});
    await server.kill();
    await server.restart();
    const second = await open();
    const [rows] = await second.query<mysql.RowDataPacket[]>('SELECT COUNT(*) AS n FROM t');
    assert.equal(rows[0]?.['n'], 2);
    await assert.rejects(second.query('SELECT * FROM mysql.user'), { errno: 1142 });
    await assert.rejects(second.query('SET GLOBAL max_connections = 5'), { errno: 1227 });
    await second.end();
    await server.stop();
    await server.stop();
    assert.equal(existsSync(server.dir), false);
  });

  it('replicate by GTID', async () => {
    const primary = await startServer({ schemas: ['shop'], binaryLog: true });
    const replica = await startReplica(primary);
    try {
      await primary.execute('CREATE TABLE shop.t (a INT)', 'INSERT INTO shop.t VALUES (7)');
      await waitForReplica(replica, primary);
      const connection = await mysql.createConnection({ host: '127.0.0.1', port: replica.port, ...meshAccount });
      const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT a FROM shop.t');
      assert.equal(rows[0]?.['a'], 7);
      await assert.rejects(connection.query('INSERT INTO shop.t VALUES (8)'), { errno: 1290 });
      await connection.end();
    } finally {
      await replica.stop();
      await primary.stop();
    }
  });

  it('leave no process and no folder behind when their parent is killed', async () => {
    const program = `
      const { startServer } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
      const server = await startServer();
      console.log(JSON.stringify({ pid: server.pid, dir: server.dir }));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve) => child.stdout.once('data', (chunk) => resolve(String(chunk))));
    const { pid, dir } = JSON.parse(line) as { pid: number; dir: string };
    assert.ok(isAlive(pid));
    child.kill('SIGKILL');
    const end = Date.now() + 20_000;
    while ((isAlive(pid) || existsSync(dir)) && Date.now() < end) await sleep(50);
    assert.equal(isAlive(pid), false);
    assert.equal(existsSync(dir), false);
  });
});
