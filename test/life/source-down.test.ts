/** A source that dies and comes back under load: its shard fails clearly, the other one goes on, and it heals by itself. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import { fetchText, type LifeGround, type LifeSidecar, startGround, until } from './life-ground.ts';

describe('a source that goes down under load', () => {
  let ground: LifeGround;
  let sidecar: LifeSidecar;
  before(async () => {
    ground = await startGround();
    sidecar = await ground.serve();
  });
  after(async () => ground?.stop());

  it('fails alone, with SM_SOURCE_DOWN or SM_SOURCE_LOST, and heals', async () => {
    let stopping = false;
    const failures: string[] = [];
    const healthy = { answers: 0, errors: [] as string[] };
    const broken = { answers: 0 };
    const clients = Array.from({ length: 16 }, async (_, client) => {
      const session = await ground.connect(sidecar);
      const shard = client % 2;
      // The end of the sidecar ends it too, so that a failed test does.
      while (!stopping && sidecar.child.exitCode === null && sidecar.child.signalCode === null) {
        try {
          const [rows] = await session.query<mysql.RowDataPacket[]>(
            `SELECT id FROM accounts WHERE id = ${10 * client + shard}`,
          );
          assert.equal(rows.length, 1);
          if (shard === 0) healthy.answers += 1;
          else broken.answers += 1;
        } catch (error) {
          const text = (error as Error).message;
          if (shard === 0) healthy.errors.push(text);
          else failures.push(text);
        }
      }
      await session.end();
    });
    const progress = async (what: { answers: number }): Promise<void> => {
      const from = what.answers;
      await until('answers', () => (what.answers > from + 50 ? true : undefined));
    };
    await progress(broken);
    for (let turn = 0; turn < 2; turn += 1) {
      await ground.servers[1]?.kill();
      const from = failures.length;
      await until('failures', () => (failures.length > from + 20 ? true : undefined));
      await progress(healthy);
      assert.equal((await fetchText(sidecar.http, '/readiness')).status, 200);
      assert.match(
        (await fetchText(sidecar.http, '/metrics')).text,
        /shardmesh_source_up\{database="shop",source="ds_1",role="primary"\} 0/,
      );
      await ground.servers[1]?.restart();
      await progress(broken);
      assert.match(
        (await fetchText(sidecar.http, '/metrics')).text,
        /shardmesh_source_up\{database="shop",source="ds_1",role="primary"\} 1/,
      );
    }
    stopping = true;
    await Promise.all(clients);
    assert.deepEqual(healthy.errors, []);
    for (const text of new Set(failures)) assert.match(text, /SM_SOURCE_(?:DOWN|LOST).*ds_1|shutdown in progress/i);
    assert.match((await fetchText(sidecar.http, '/metrics')).text, /shardmesh_errors_total\{kind="fault"\} [1-9]/);
  });
});
