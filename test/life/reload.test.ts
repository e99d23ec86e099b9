/** Reloads of a real process under load: no client sees them, whatever the files say. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import {
  fetchText,
  type LifeGround,
  type LifeSidecar,
  order,
  secrets,
  startGround,
  startLoad,
  until,
} from './life-ground.ts';

for (const workers of [1, 2])
  describe(`reload under load, workers: ${workers}`, () => {
    let ground: LifeGround;
    let sidecar: LifeSidecar;
    before(async () => {
      ground = await startGround(workers);
      sidecar = await ground.serve();
    });
    after(async () => ground?.stop());

    const reloads = async (): Promise<Record<string, number>> => {
      const { text } = await fetchText(sidecar.http, '/metrics');
      return Object.fromEntries(
        [...text.matchAll(/^shardmesh_configuration_reloads_total\{result="(\w+)"\} (\d+)/gm)].map((match) => [
          match[1] as string,
          Number(match[2]),
        ]),
      );
    };

    it('goes unseen by 16 clients, 100 times, with good and bad files', async () => {
      const load = await startLoad(ground, sidecar);
      const admin = await ground.connect(sidecar, { user: 'dba', password: secrets.dba });
      for (let turn = 0; turn < 100; turn += 1) {
        const bad = turn % 3 === 2;
        const options = {
          poolSize: 18 + (turn % 5),
          third: turn % 4 < 2,
          broadcast: turn % 2 === 0 ? ['countries'] : ['countries', 'languages'],
        };
        ground.writeRules(options, bad ? (turn % 2 === 0 ? '  unknownKey: 1\n' : '- !NOTHING {}\n') : '');
        if (turn % 3 === 0) {
          assert.equal(await order(ground, sidecar, '/reload'), 200);
        } else if (turn % 3 === 1) {
          await admin.query('RELOAD MESH');
        } else {
          const before = (await reloads())['refused'] ?? 0;
          if (turn % 2 === 0) process.kill(sidecar.child.pid as number, 'SIGHUP');
          else
            await assert.rejects(admin.query('RELOAD MESH'), (error: mysql.QueryError) =>
              error.message.includes('shop.yaml'),
            );
          await until('the refusal', async () => (((await reloads())['refused'] ?? 0) > before ? true : undefined));
        }
        assert.deepEqual(load.errors, [], `turn ${turn}`);
      }
      await load.stop();
      assert.deepEqual(load.errors, []);
      const counts = await reloads();
      assert.ok((counts['applied'] ?? 0) >= 66 && (counts['refused'] ?? 0) >= 33, JSON.stringify(counts));
      for (const server of [0, 1]) assert.equal(await ground.direct(server, 'SELECT COUNT(*) AS n FROM accounts'), 100);
      ground.writeRules();
      await admin.query('RELOAD MESH');
      // What removed sources and old pool sizes had open is closed by and by.
      await until('the old pools to close', async () => {
        const open = await ground.direct(
          0,
          "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE USER = 'mesh'",
        );
        return open <= 40 * workers ? true : undefined;
      });
      await admin.end();
    });

    it('lets a transaction finish on the rules it began with', async () => {
      ground.writeRules();
      assert.equal(await order(ground, sidecar, '/reload'), 200);
      const session = await ground.connect(sidecar);
      await session.query('BEGIN');
      await session.query('UPDATE accounts SET balance = balance + 5 WHERE id = 0');
      // Shard 1 moves to a port where nobody listens: the open transaction still finds it where it was.
      ground.writeRules({ port1: 1 });
      assert.equal(await order(ground, sidecar, '/reload'), 200);
      await session.query('UPDATE accounts SET balance = balance - 5 WHERE id = 1');
      const [rows] = await session.query<mysql.RowDataPacket[]>('SELECT balance AS n FROM accounts WHERE id IN (0, 1)');
      assert.equal(
        rows.reduce((sum, row) => sum + Number(row['n']), 0),
        2000,
      );
      await session.query('COMMIT');
      await assert.rejects(session.query('SELECT balance FROM accounts WHERE id = 1'), /source 'ds_1'/);
      await session.query('SELECT balance FROM accounts WHERE id = 0');
      const balances = await Promise.all(
        [0, 1].map((server) => ground.direct(server, `SELECT balance AS n FROM accounts WHERE id = ${server}`)),
      );
      assert.equal(
        balances.reduce((sum, balance) => sum + balance, 0),
        2000,
      );
      ground.writeRules();
      assert.equal(await order(ground, sidecar, '/reload'), 200);
      await session.query('SELECT balance FROM accounts WHERE id = 1');
      await session.query('BEGIN');
      await session.query('UPDATE accounts SET balance = balance + 0 WHERE id = 1');
      await session.query('ROLLBACK');
      await session.end();
    });

    it('tells a session whose database is gone', async () => {
      writeFileSync(
        ground.file('other.yaml'),
        `databaseName: other\ndataSources:\n  only: { url: "mysql://127.0.0.1:${ground.servers[1]?.port}/shop_1", username: mesh, password: mesh }\nrules: []\n`,
      );
      ground.writeMesh();
      const session = await ground.connect(sidecar);
      const prepared = await session.prepare('SELECT COUNT(*) AS n FROM accounts');
      await prepared.execute([]);
      const text = (name: string): string =>
        `listen: 127.0.0.1:0\nhttp: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: ${workers}\nusers:\n  - { user: dba, password: ${secrets.dba}, admin: true }\ndatabases: [${name}]\n`;
      writeFileSync(ground.file('shardmesh.yaml'), text('other.yaml'));
      assert.equal(await order(ground, sidecar, '/reload'), 200);
      // Servers say 1049 or 1146 when the current database was dropped. The other database has a table of that name: never its rows.
      const gone = (error: mysql.QueryError): boolean => error.errno === 1049 || error.errno === 1146;
      await assert.rejects(session.query('SELECT COUNT(*) AS n FROM accounts'), gone);
      await assert.rejects(prepared.execute([]), gone);
      await assert.rejects(ground.connect(sidecar), (error: mysql.QueryError) => error.errno === 1045);
      ground.writeMesh();
      assert.equal(await order(ground, sidecar, '/reload'), 200);
      await session.query('SELECT COUNT(*) AS n FROM accounts');
      await session.end();
    });
  });
