/** The watchdog ends a worker whose event loop stands still, and none that is busy, however many sockets wait for it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/base/index.ts';
import { clientDoor, Door, WorkerProcess } from '../../src/supervisor/index.ts';

/** Of a flood that keeps a worker busy for longer than the watchdog waits. */
const CLIENTS = 400;
const WATCHDOG_MS = 2000;

describe('the watchdog', () => {
  const workers: WorkerProcess[] = [];
  after(() => {
    for (const worker of workers) worker.kill();
  });

  const unasked = (): never => {
    throw new Error('not asked in these tests');
  };
  /** One that serves, watched; `stuck` counts what the watchdog found. */
  const start = async (): Promise<{ worker: WorkerProcess; stuck: () => number }> => {
    let stuck = 0;
    const worker = new WorkerProcess({
      index: 0,
      program: join(import.meta.dirname, 'watched-worker.ts'),
      log: process.stdout,
      clock: systemClock,
      answers: (self) => ({
        beat: () => {
          self.beat();
          return undefined;
        },
        'share.publish': unasked,
        'counter.take': unasked,
        'counter.give': unasked,
        'client.closed': (door) => {
          self.socketClosed(door);
          return undefined;
        },
        listen: unasked,
        unlisten: unasked,
        reload: unasked,
        'reload.prepared': unasked,
        others: unasked,
        one: unasked,
      }),
    });
    workers.push(worker);
    worker.watch(
      () => WATCHDOG_MS,
      () => {
        stuck += 1;
      },
    );
    await worker.channel.ask('begin', { index: 0, workers: 1, firstConnection: 1, lead: true, build: '' });
    worker.serves = true;
    return { worker, stuck: () => stuck };
  };

  it('leaves a worker alone that is flooded with sockets for longer than it waits', async () => {
    const { worker, stuck } = await start();
    const door = await Door.open({
      name: `${clientDoor}0`,
      address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      receivers: () => [worker],
      full: () => false,
      onError: () => undefined,
    });
    const port = Number(door.address.split(':').at(-1));
    const began = performance.now();
    const flood = Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.resume();
        await once(socket, 'close');
      }),
    );
    const end = await Promise.race([flood.then(() => 'served'), worker.ended.then(() => 'killed')]);
    assert.equal(end, 'served');
    // Else the flood was none.
    assert.ok(performance.now() - began > 2 * WATCHDOG_MS);
    assert.equal(stuck(), 0);
    assert.equal(worker.gone, false);
    assert.equal(await worker.channel.ask('peer', { name: 'clients', body: undefined }), CLIENTS);
    door.close();
  });

  it('ends a worker whose event loop spins', async () => {
    const { worker, stuck } = await start();
    worker.channel.ask('peer', { name: 'spin', body: undefined }).catch(() => undefined);
    assert.deepEqual(await worker.ended, { code: null, signal: 'SIGKILL', stuck: true });
    assert.equal(stuck(), 1);
  });

  it('leaves a worker alone that has nothing to do', async () => {
    const { worker, stuck } = await start();
    await sleep(2 * WATCHDOG_MS);
    assert.equal(stuck(), 0);
    assert.equal(worker.gone, false);
  });
});
