/** Drains of a real process under load: clients lose connections only where a server that is shut down would end them too. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import { fetchText, type LifeGround, order, startGround, startLoad, until } from './life-ground.ts';

/** What a client of a plain server sees while that is shut down: the connection's end, or the announcement of it. */
const endings = new Set(['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ER_SERVER_SHUTDOWN']);
const isEnding = (error: mysql.QueryError): boolean =>
  endings.has(error.code) || error.errno === 1053 || error.errno === 9108 || /closed state/.test(error.message);

for (const workers of [1, 2])
  describe(`drain under load, workers: ${workers}`, () => {
    let ground: LifeGround;
    before(async () => {
      ground = await startGround(workers);
    });
    after(async () => ground?.stop());

    const total = async (): Promise<number> =>
      (await ground.direct(0, 'SELECT SUM(balance) AS n FROM accounts')) +
      (await ground.direct(1, 'SELECT SUM(balance) AS n FROM accounts'));

    it('ends every session between transactions and exits 0, 20 times', async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        const sidecar = await ground.serve();
        const load = await startLoad(ground, sidecar);
        await until('load', () => (load.count() > 100 ? true : undefined));
        if (turn % 3 === 0) sidecar.child.kill('SIGTERM');
        else if (turn % 3 === 1) assert.equal(await order(ground, sidecar, '/drain'), 202);
        else assert.equal(await order(ground, sidecar, '/quitquitquit'), 202);
        const ended = await sidecar.ended;
        assert.deepEqual(ended, { code: 0, signal: null }, sidecar.output());
        await load.ended;
        for (const { at, error } of load.errors) {
          assert.ok(isEnding(error), `turn ${turn}: ${at}: ${error.code} ${error.errno} ${error.message}`);
          // A session ends at its quiet point: never inside of a transaction.
          assert.ok(!/^(UPDATE|COMMIT|SELECT SUM)/.test(at), `turn ${turn}: cut off at ${at}`);
        }
        assert.equal(load.commits().unknown, 0);
        assert.equal(await total(), 200_000);
      }
    });

    it('keeps accepting for minDrain, waits for a transaction, and ends what is left after maxDrain', async () => {
      const sidecar = await ground.serve();
      const open = await ground.connect(sidecar);
      await open.query('BEGIN');
      await open.query('UPDATE accounts SET balance = balance + 1 WHERE id = 0');
      assert.equal(await order(ground, sidecar, '/drain', { minDrainMs: 1500, maxDrainMs: 4000 }), 202);
      const { status, text } = await fetchText(sidecar.http, '/readiness');
      assert.equal(status, 503);
      assert.match(text, /draining/);
      const late = await ground.connect(sidecar);
      assert.equal((await late.query<mysql.RowDataPacket[]>('SELECT id FROM accounts WHERE id = 3'))[0].length, 1);
      await until(
        'the end of accepting',
        async () =>
          await ground.connect(sidecar).then(
            async (more) => {
              more.destroy();
              await sleep(50);
              return undefined;
            },
            () => true,
          ),
      );
      await open.query('UPDATE accounts SET balance = balance + 1 WHERE id = 0');
      await assert.rejects(late.query('SELECT 1'), isEnding);
      assert.deepEqual(await sidecar.ended, { code: 0, signal: null });
      await assert.rejects(open.query('COMMIT'), isEnding);
      // What was not committed is rolled back.
      assert.equal(await total(), 200_000);
    });

    it('does not wait when the signal comes twice', async () => {
      const sidecar = await ground.serve();
      const open = await ground.connect(sidecar);
      await open.query('BEGIN');
      await open.query('UPDATE accounts SET balance = balance + 1 WHERE id = 0');
      sidecar.child.kill('SIGTERM');
      await until('draining', async () =>
        (await fetchText(sidecar.http, '/readiness')).status === 503 ? true : undefined,
      );
      sidecar.child.kill('SIGTERM');
      assert.equal((await sidecar.ended).code, 0);
      assert.equal(await total(), 200_000);
    });
  });
