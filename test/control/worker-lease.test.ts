/** Leases of worker ids and ranges of segments, on a real server and a real Redis. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/base/index.ts';
import {
  type LeaseStore,
  redisLeaseStore,
  tableLeaseStore,
  tableSegments,
  WorkerLease,
} from '../../src/control/index.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { sampleRules, sampleSource } from './sample-rules.ts';

/** What every store must keep. `expire` ends all leases of the store as time would. */
const storeSuite = (open: () => LeaseStore, expire: () => Promise<void>): void => {
  it('gives each owner another id, renews only the holder, and never shares', async () => {
    const store = open();
    const leases = await Promise.all(Array.from({ length: 12 }, (_, index) => store.acquire(`owner-${index}`, 60_000)));
    const ids = leases.map((lease) => lease!.workerId);
    assert.equal(new Set(ids).size, 12);
    assert.ok(ids.every((id) => id >= 0 && id < 1024));
    assert.equal(await store.renew('owner-0', leases[0]!, 60_000), true);
    assert.equal(await store.renew('owner-1', leases[0]!, 60_000), false);
    assert.equal(await store.renew('owner-0', { ...leases[0]!, epoch: '999999' }, 60_000), false);
    await store.close();
  });

  it('does not renew a lease that has run out', async () => {
    const store = open();
    const lease = (await store.acquire('sleeper', 60_000))!;
    await expire();
    assert.equal(await store.renew('sleeper', lease, 60_000), false);
    await store.close();
  });
};

describe('worker leases', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ schemas: ['s0'] });
  });
  after(async () => await server.stop());
  const source = () => sampleSource('ds_0', server.port, 's0');

  describe('in a table', () => {
    storeSuite(
      () => tableLeaseStore(source()),
      async () => await server.execute("UPDATE s0.shardmesh_worker SET expires = '2020-01-01'"),
    );

    it('reuses the id that ended longest ago when all are used, with a later epoch', async () => {
      await server.execute(
        'DELETE FROM s0.shardmesh_worker',
        "INSERT INTO s0.shardmesh_worker SELECT seq, 'x', 7, IF(seq = 500, '2020-01-01', IF(seq = 3, '2021-01-01', '2099-01-01')) FROM s0.seq_0_to_1023",
      );
      const store = tableLeaseStore(source());
      assert.deepEqual(await store.acquire('a', 60_000), { workerId: 500, epoch: '8' });
      assert.deepEqual(await store.acquire('b', 60_000), { workerId: 3, epoch: '8' });
      assert.equal(await store.acquire('c', 60_000), undefined);
      await store.release('a', { workerId: 500, epoch: '8' }, 0);
      await sleep(5);
      assert.deepEqual(await store.acquire('c', 60_000), { workerId: 500, epoch: '9' });
    });

    it('refuses once a lost or unrenewed lease has run out', async () => {
      await server.execute('DELETE FROM s0.shardmesh_worker');
      let now = 1_000_000;
      const timers: (() => void)[] = [];
      const clock: Clock = {
        now: () => now,
        monotonic: () => now,
        after: (_, callback) => {
          timers.push(callback);
          return () => {};
        },
      };
      const store = tableLeaseStore(source());
      let reachable = true;
      const lease = new WorkerLease({
        owner: 'me',
        clock,
        ttlMs: 30_000,
        store: {
          ...store,
          renew: async (...args) => {
            if (!reachable) throw new Error('gone');
            return await store.renew(...args);
          },
        },
      });
      assert.equal(lease.current(), undefined);
      await lease.start();
      assert.deepEqual(lease.current(), { workerId: 0, validUntil: now + 30_000 });
      reachable = false;
      timers.pop()!();
      await sleep(20);
      now += 29_999;
      assert.equal(lease.current()?.workerId, 0);
      now += 1;
      assert.equal(lease.current(), undefined);
      // Another took it over: the next renewal sees that and takes a new id.
      await server.execute("UPDATE s0.shardmesh_worker SET owner = 'other', epoch = 2");
      reachable = true;
      timers.pop()!();
      while (lease.current() === undefined) await sleep(5);
      assert.equal(lease.current()?.workerId, 1);
      await lease.stop();
      assert.equal(lease.current(), undefined);
    });
  });

  describe('segments', () => {
    it('are disjoint and without gaps, also when fetched at once', async () => {
      const rules = sampleRules([source()], []);
      const port = tableSegments(() => rules);
      const spec = {
        kind: 'segment',
        name: 'seq',
        type: 'SEGMENT',
        source: 'ds_0',
        table: 'ids',
        sequence: 'orders',
        step: 10,
        prefetchBelow: 2,
        props: {},
      } as const;
      const ranges = await Promise.all(Array.from({ length: 8 }, () => port.fetch(spec, 10)));
      assert.deepEqual(
        ranges.map((range) => Number(range.first)).sort((a, b) => a - b),
        [1, 11, 21, 31, 41, 51, 61, 71],
      );
      await server.execute("UPDATE s0.ids SET next_id = 9223372036854775808 WHERE name = 'orders'");
      assert.deepEqual(await port.fetch(spec, 5), { first: 9223372036854775808n, count: 5 });
      await assert.rejects(port.fetch({ ...spec, source: 'ds_9' }, 1), /not in the rules/);
    });
  });
});

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

describe('worker leases in Redis', { skip: hasRedis ? false : 'redis-server is not installed' }, () => {
  let child: ChildProcess;
  let folder: string;
  let url: string;
  const command = (...args: string[]): void => {
    const answer = spawnSync('redis-cli', ['-s', join(folder, 'r.sock'), ...args], { encoding: 'utf8' });
    assert.equal(answer.status, 0, answer.stderr);
  };
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shardmesh-redis-'));
    url = join(folder, 'r.sock');
    child = spawn(
      'redis-server',
      ['--port', '0', '--unixsocket', url, '--save', '', '--appendonly', 'no', '--dir', folder],
      { stdio: 'ignore' },
    );
    while (spawnSync('redis-cli', ['-s', url, 'ping'], { encoding: 'utf8' }).stdout.trim() !== 'PONG') await sleep(20);
  });
  after(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  storeSuite(
    () => redisLeaseStore(url),
    async () => command('DEL', ...Array.from({ length: 64 }, (_, id) => `shardmesh:worker:${id}`)),
  );

  it('a store that is away rejects instead of hanging', async () => {
    const store = redisLeaseStore('redis://127.0.0.1:1');
    await assert.rejects(store.acquire('a', 1000));
    await store.close();
  });
});
