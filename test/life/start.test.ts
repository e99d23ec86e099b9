/** Starts that go wrong or almost: ports in use, too few descriptors. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import { fetchText, type LifeGround, startGround, until } from './life-ground.ts';

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
const program = join(import.meta.dirname, '../../bin/shardmesh');

describe('start', () => {
  let ground: LifeGround;
  before(async () => {
    ground = await startGround();
  });
  after(async () => ground?.stop());

  /** The rules with a key generator that leases a worker id. */
  const withKeys = (): void => {
    ground.writeRules();
    const text = readFileSync(ground.file('shop.yaml'), 'utf8');
    writeFileSync(
      ground.file('shop.yaml'),
      text
        .replace('    accounts:\n', '    accounts:\n      keyGenerateStrategy: { column: id, keyGeneratorName: ids }\n')
        .replace('  shardingAlgorithms:', '  keyGenerators: { ids: { type: SNOWFLAKE } }\n  shardingAlgorithms:'),
    );
  };

  it('gives back its worker id when a port is in use', async () => {
    withKeys();
    const taken = createServer();
    taken.unref();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(taken.address() as { port: number }).port}`;
    for (const flag of ['--listen', '--http', '--admin']) {
      // Not spawnSync: the sidecar needs nothing of us, but the port is ours.
      const child = spawn(program, ['serve', '-c', ground.file('shardmesh.yaml'), flag, address], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let text = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
      const code = await new Promise((resolve) => child.once('close', resolve));
      assert.equal(code, 1, text);
      assert.match(text, /in use/);
      // The addresses of http and admin are tried before anything is taken.
      if (flag === '--listen') assert.match(text, /worker_id\.leased/);
      // A freed lease ends within its grace of 10 s; one that is left behind is kept for 75 s.
      const left = await ground.direct(
        0,
        'SELECT COUNT(*) AS n FROM shardmesh_worker WHERE expires > UTC_TIMESTAMP(3) + INTERVAL 20 SECOND',
      );
      assert.equal(left, 0, flag);
    }
    await new Promise((resolve) => taken.close(resolve));
    ground.writeRules();
  });

  it('leases worker ids from Redis when the configuration names one', { skip: !hasRedis }, async () => {
    withKeys();
    const socket = ground.file('redis.sock');
    const redis = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', ground.folder], {
      stdio: 'ignore',
    });
    try {
      await until('redis', () =>
        spawnSync('redis-cli', ['-s', socket, 'ping'], { encoding: 'utf8' }).stdout.trim() === 'PONG'
          ? true
          : undefined,
      );
      ground.writeMesh(`control: { redis: "unix:${socket}" }\n`);
      const sidecar = await ground.serve();
      assert.match(sidecar.output(), /"store":"redis".*worker_id\.leased/);
      const session = await ground.connect(sidecar);
      await session.query('INSERT INTO accounts (balance) VALUES (0)');
      await session.query('DELETE FROM accounts WHERE id > 1000');
      await session.end();
      sidecar.child.kill('SIGTERM');
      assert.equal((await sidecar.ended).code, 0);
    } finally {
      redis.kill('SIGKILL');
      ground.writeMesh();
      ground.writeRules();
    }
  });

  it('answers 1040 before descriptors run out, and goes on', async () => {
    const wrapper = ground.file('few-descriptors.sh');
    writeFileSync(wrapper, `#!/bin/sh\nulimit -n 150\nexec "${program}" "$@"\n`, { mode: 0o755 });
    const sidecar = await ground.serve({ program: wrapper });
    const open: mysql.Connection[] = [];
    let refused = 0;
    for (let count = 0; count < 120; count += 1) {
      try {
        open.push(await ground.connect(sidecar));
      } catch (error) {
        assert.equal((error as mysql.QueryError).errno, 1040, String(error));
        refused += 1;
      }
    }
    assert.ok(refused > 0 && open.length >= 40, `${open.length} open, ${refused} refused`);
    await Promise.all(open.map((session, index) => session.query(`SELECT id FROM accounts WHERE id = ${index}`)));
    assert.match(
      (await fetchText(sidecar.http, '/metrics')).text,
      new RegExp(`shardmesh_client_connections_total\\{result="limit"\\} ${refused}\n`),
    );
    assert.match(sidecar.output(), /limits\.descriptors/);
    for (const session of open) session.destroy();
    await until(
      'room',
      async () =>
        await ground.connect(sidecar).then(
          async (session) => {
            await session.end();
            return true;
          },
          () => undefined,
        ),
    );
    sidecar.child.kill('SIGTERM');
    assert.equal((await sidecar.ended).code, 0);
  });
});
