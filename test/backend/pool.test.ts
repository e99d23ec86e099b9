/** The pool's promises: limits, fairness, time limits, what may come back and what may not. Time is a clock moved by hand. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  BackendConnection,
  BackendFault,
  type Lease,
  Pool,
  type PoolOptions,
  ServerError,
} from '../../src/backend/index.ts';
import { type Clock, MeshError } from '../../src/base/index.ts';
import { StatusFlag } from '../../src/wire/index.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { FakeServer } from './fake-server.ts';

/** Time moves only by `advance`. */
class HandClock implements Clock {
  #now = 1000;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = end;
  }
}

/** Lets sockets and promises move until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

interface World {
  readonly fake: FakeServer;
  readonly pool: Pool;
  readonly clock: HandClock;
}

let status: number = StatusFlag.AUTOCOMMIT;

async function withPool(options: Partial<PoolOptions>, use: (world: World) => Promise<void>): Promise<void> {
  status = StatusFlag.AUTOCOMMIT;
  const fake = await FakeServer.start({
    onCommand: (payload, session) => {
      if (payload.includes('err')) {
        session.writer.begin().int1(0xff).int2(1064).string('#42000no').end();
        session.flush();
      } else if (!payload.includes('hang'))
        session.ok(
          payload[0] === 0x0e ? status : payload.includes('begin') ? status | StatusFlag.IN_TRANSACTION : status,
        );
    },
  });
  const clock = new HandClock();
  const pool = new Pool({
    connect: {
      source: 'src',
      host: '127.0.0.1',
      port: fake.port,
      user: 'app',
      password: 'app',
      class: { foundRows: false, deprecateEof: true },
    },
    clock,
    random: () => 0.5,
    ...options,
  });
  try {
    await use({ fake, pool, clock });
  } finally {
    pool.close();
    await fake.close();
  }
}

const refusal =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof MeshError && error.code === code;

test('a connection is opened once and used again, the one used last first', async () => {
  await withPool({}, async ({ pool, fake }) => {
    assert.equal(pool.tryAcquire(), undefined);
    const first = await pool.acquire();
    const second = await pool.acquire();
    assert.notEqual(first.connection, second.connection);
    first.release();
    second.release();
    first.release();
    assert.equal(pool.stats().idle, 2);
    const again = pool.tryAcquire() as Lease;
    assert.equal(again.connection, second.connection);
    assert.equal(fake.logins, 2);
    again.release();
    assert.deepEqual(
      { ...pool.stats() },
      {
        idle: 2,
        leased: 0,
        connecting: 0,
        waiting: 0,
        connects: 2,
        connectFailures: 0,
        acquires: 3,
        acquireTimeouts: 0,
        discarded: 0,
        down: false,
      },
    );
  });
});

test('never more than the maximum; those who wait are served in order, and are not overtaken', async () => {
  await withPool({ sizeMax: 2 }, async ({ pool, fake }) => {
    const held = [await pool.acquire(), await pool.acquire()];
    const order: number[] = [];
    const waiting = [1, 2, 3].map((n) =>
      pool.acquire().then((lease) => {
        order.push(n);
        return lease;
      }),
    );
    assert.equal(pool.stats().waiting, 3);
    held[0]?.release();
    assert.equal(pool.tryAcquire(), undefined, 'it belongs to the first in line');
    (await (waiting[0] as Promise<Lease>)).release();
    (await (waiting[1] as Promise<Lease>)).release();
    (await (waiting[2] as Promise<Lease>)).release();
    assert.deepEqual(order, [1, 2, 3]);
    assert.equal(fake.logins, 2);
    held[1]?.release();
  });
});

test('waiting ends with SM_POOL_TIMEOUT, a full line refuses at once, an abort leaves the line', async () => {
  await withPool({ sizeMax: 1, acquireTimeoutMs: 500, queueMax: 2 }, async ({ pool, clock }) => {
    const held = await pool.acquire();
    const late = assert.rejects(pool.acquire(), refusal('SM_POOL_TIMEOUT'));
    const abort = new AbortController();
    const left = assert.rejects(pool.acquire(abort.signal), /gone/);
    await assert.rejects(pool.acquire(), refusal('SM_POOL_TIMEOUT'));
    abort.abort(new Error('gone'));
    await left;
    clock.advance(499);
    assert.equal(pool.stats().waiting, 1);
    clock.advance(1);
    await late;
    assert.equal(pool.stats().waiting, 0);
    held.release();
    pool.tryAcquire()?.release();
    assert.equal(pool.stats().acquireTimeouts, 2);
  });
});

test('what may not come back: a busy connection, an open transaction, one that was killed', async () => {
  await withPool({}, async ({ pool }) => {
    const busy = await pool.acquire();
    const lost = assert.rejects(busy.connection.query('hang'), BackendFault);
    busy.release();
    await lost;
    assert.equal(busy.connection.state, 'closed');

    const open = await pool.acquire();
    await open.connection.query('begin');
    open.release();
    assert.equal(open.connection.state, 'closed');

    const killed = await pool.acquire();
    await killed.kill('query');
    killed.release();
    assert.equal(killed.connection.state, 'closed');

    const destroyed = await pool.acquire();
    destroyed.destroy();
    assert.equal(pool.stats().discarded, 4);
    assert.equal(pool.stats().idle + pool.stats().leased, 0);
  });
});

test('after an ERR the flags are asked for before anybody gets the connection', async () => {
  await withPool({}, async ({ pool }) => {
    const clean = await pool.acquire();
    await assert.rejects(clean.connection.query('err'), ServerError);
    clean.release();
    assert.equal(pool.tryAcquire(), undefined, 'not yet');
    await until(() => pool.stats().idle === 1);
    assert.equal(pool.stats().discarded, 0);

    const open = await pool.acquire();
    await assert.rejects(open.connection.query('err'), ServerError);
    status = StatusFlag.AUTOCOMMIT | StatusFlag.IN_TRANSACTION;
    open.release();
    await until(() => pool.stats().discarded === 1);
    assert.equal(open.connection.state, 'closed');
  });
});

test('a connection that the server closes while it is idle is gone before the next acquire', async () => {
  await withPool({}, async ({ pool, fake }) => {
    (await pool.acquire()).release();
    for (const socket of fake.sockets) socket.destroy();
    await until(() => pool.stats().idle === 0);
    const next = await pool.acquire();
    await next.connection.ping();
    next.release();
  });
});

test('a source that is down: refused at once during the back-off, then tried again; up again when it answers', async () => {
  await withPool({}, async ({ pool, fake, clock }) => {
    fake.full = true;
    const failing = assert.rejects(
      pool.acquire(),
      (error) => refusal('SM_SOURCE_DOWN')(error) && /src.*Too many connections/.test((error as Error).message),
    );
    await failing;
    assert.equal(pool.stats().down, true);
    const attempts = pool.stats().connectFailures;
    await assert.rejects(pool.acquire(), refusal('SM_SOURCE_DOWN'));
    await assert.rejects(pool.acquire(), refusal('SM_SOURCE_DOWN'));
    assert.equal(pool.stats().connectFailures, attempts, 'no attempt during the back-off');
    clock.advance(100);
    await assert.rejects(pool.acquire(), refusal('SM_SOURCE_DOWN'));
    assert.equal(pool.stats().connectFailures, attempts + 1);
    clock.advance(100);
    await assert.rejects(pool.acquire(), refusal('SM_SOURCE_DOWN'));
    assert.equal(pool.stats().connectFailures, attempts + 1, 'the back-off has doubled');
    fake.full = false;
    clock.advance(10_000);
    (await pool.acquire()).release();
    assert.equal(pool.stats().down, false);
  });
});

test('a failed connect while others live: those who wait keep waiting, and are served', async () => {
  await withPool({ sizeMax: 2 }, async ({ pool, fake }) => {
    const held = await pool.acquire();
    fake.full = true;
    const waiting = pool.acquire();
    await until(() => pool.stats().connectFailures === 1);
    assert.equal(pool.stats().waiting, 1);
    held.release();
    (await waiting).release();
  });
});

test('idle ones are closed down to the minimum, old ones when they come back', async () => {
  await withPool({ sizeMin: 1, idleTimeoutMs: 5000, lifetimeMaxMs: 60_000 }, async ({ pool, clock, fake }) => {
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    for (const lease of leases) lease.release();
    clock.advance(4000);
    assert.equal(pool.stats().idle, 3);
    clock.advance(2000);
    assert.equal(pool.stats().idle, 1);
    const held = await pool.acquire();
    clock.advance(60_000);
    held.release();
    assert.equal(held.connection.state, 'closed');
    await until(() => pool.stats().idle === 1);
    assert.equal(fake.logins, 4, 'the minimum was opened again');
  });
});

test('drain: no new leases, those out may finish; close ends them', async () => {
  await withPool({ sizeMax: 1 }, async ({ pool }) => {
    const held = await pool.acquire();
    const waiting = assert.rejects(pool.acquire(), refusal('SM_DRAINING'));
    let done = false;
    const drained = pool.drain().then(() => {
      done = true;
    });
    await waiting;
    await assert.rejects(pool.acquire(), refusal('SM_DRAINING'));
    await held.connection.ping();
    assert.equal(done, false);
    held.release();
    await drained;
    assert.equal(held.connection.state, 'closed');
  });
  await withPool({}, async ({ pool }) => {
    const held = await pool.acquire();
    pool.close();
    assert.equal(held.connection.state, 'closed');
    held.release();
    await pool.drain();
  });
});

let server: TestServer;

before(async () => {
  server = await startServer({ schemas: ['app'] });
});

after(() => server.stop());

test('on a real server: KILL QUERY reaches the statement, the lease is not pooled; a procedure that left a transaction open after its ERR neither', async () => {
  const pool = new Pool({
    connect: {
      source: 'real',
      host: '127.0.0.1',
      port: server.port,
      user: 'mesh',
      password: 'mesh',
      database: 'app',
      class: { foundRows: false, deprecateEof: true },
    },
  });
  const lease = await pool.acquire();
  const running = lease.connection.query('SELECT SLEEP(100) FROM (SELECT 1 UNION SELECT 2) t');
  const stopped = running.then(
    () => undefined,
    (error) => assert.equal((error as ServerError).errno, 1317),
  );
  const root = await server.connection();
  for (;;) {
    const [rows] = await root.query('SELECT ID FROM information_schema.PROCESSLIST WHERE ID = ? AND INFO IS NOT NULL', [
      lease.connection.threadId,
    ]);
    if ((rows as unknown[]).length > 0) break;
  }
  await root.end();
  await lease.kill('query');
  await stopped;
  lease.release();
  assert.equal(pool.stats().idle, 0);
  await pool.kill(4_000_000, 'query');

  const other = await pool.acquire();
  await other.connection.query('CREATE TABLE t (a INT)');
  await other.connection.query(
    "CREATE PROCEDURE half() BEGIN START TRANSACTION; INSERT INTO t VALUES (1); SIGNAL SQLSTATE '45000'; END",
  );
  await assert.rejects(other.connection.query('CALL half()'), ServerError);
  other.release();
  await until(() => other.connection.state === 'closed');
  const third = await pool.acquire();
  assert.deepEqual((await third.connection.query('SELECT COUNT(*) FROM t')).rows, [['0']]);
  third.release();
  assert.equal(third.connection instanceof BackendConnection, true);
  await pool.drain();
});
