/** Which statements go to replicas, which to the primary, and what the words of rules, sessions and hints change. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import { type ReplicaGround, startReplicaGround } from './replica-ground.ts';

describe('reads over primaries and replicas', () => {
  let ground: ReplicaGround;
  let app: mysql.Connection;
  before(async () => {
    ground = await startReplicaGround({ groups: 2 });
    app = await ground.connect({ multipleStatements: false });
    for (let id = 0; id < 8; id += 1) await app.query('INSERT INTO orders VALUES (?, ?, 1)', [id, id]);
    await app.query("INSERT INTO countries VALUES ('de', 'Germany')");
    await app.query('INSERT INTO counters VALUES (1, 0)');
  });
  after(async () => {
    await app?.end();
    await ground?.stop();
  });

  /** Runs the work and tells how many reads each role served meanwhile. */
  async function served(work: () => Promise<unknown>): Promise<{ primary: number; replica: number }> {
    const count = async (): Promise<{ primary: number; replica: number }> => {
      let primary = 0;
      let replica = 0;
      for (const [name, row] of await ground.sources()) {
        const reads = Number(row['reads']);
        if (/_r\d$/.test(name)) replica += reads;
        else primary += reads;
      }
      return { primary, replica };
    };
    const before = await count();
    await work();
    const now = await count();
    return { primary: now.primary - before.primary, replica: now.replica - before.replica };
  }
  const times = async (count: number, sql: string): Promise<void> => {
    for (let index = 0; index < count; index += 1) await app.query(sql);
  };

  it('sends plain SELECTs of sharded, broadcast and single tables to replicas, text and prepared', async () => {
    for (const sql of [
      'SELECT amount FROM orders WHERE user_id = 1 AND order_id = 1',
      'SELECT name FROM countries',
      'SELECT n FROM counters WHERE id = 1',
    ]) {
      const { replica } = await served(() => times(10, sql));
      assert.ok(replica >= 10, `${sql}: ${replica}`);
      const prepared = await served(async () => {
        for (let index = 0; index < 10; index += 1) await app.execute(sql);
      });
      assert.ok(prepared.replica >= 10, `prepared ${sql}: ${prepared.replica}`);
    }
  });

  it('scatters and copies from replicas', async () => {
    for (const sql of [
      'SELECT COUNT(*) AS n FROM orders',
      'SELECT a.order_id, b.name FROM orders a JOIN countries b ORDER BY 1',
      'SELECT order_id, ROW_NUMBER() OVER (ORDER BY amount, order_id) AS r FROM orders ORDER BY 1',
    ]) {
      const { replica } = await served(() => times(5, sql));
      assert.ok(replica >= 10, `${sql}: ${replica}`);
    }
    const [[row]] = await app.query<mysql.RowDataPacket[]>('SELECT COUNT(*) AS n FROM orders');
    assert.equal(row?.['n'], 8);
  });

  it('keeps what locks, has effects or asks one server on the primary', async () => {
    const replicaReads = await served(async () => {
      await times(3, 'SELECT n FROM counters WHERE id = 1 FOR UPDATE');
      await times(3, 'SELECT n FROM counters WHERE id = 1 LOCK IN SHARE MODE');
      await times(3, 'SELECT @x := n FROM counters WHERE id = 1');
      await times(3, 'SELECT LAST_INSERT_ID(), n FROM counters');
      await app.query("SELECT GET_LOCK('a', 1)");
      await times(3, 'SELECT n FROM counters');
      await app.query("SELECT RELEASE_LOCK('a')");
      await times(3, 'SELECT @@server_id');
      await times(3, '/* SHARDMESH_HINT: WRITE_ROUTE_ONLY=true */ SELECT n FROM counters');
      await times(3, '/* SHARDMESH_HINT: READ=primary */ SELECT n FROM counters');
    });
    assert.equal(replicaReads.replica, 0);
  });

  it('obeys SET shardmesh_read', async () => {
    await app.query("SET shardmesh_read = 'primary'");
    const none = await served(() => times(5, 'SELECT n FROM counters'));
    assert.equal(none.replica, 0);
    await app.query("SET shardmesh_read = 'auto'");
    await assert.rejects(app.query("SET shardmesh_read = 'nowhere'"), { errno: 1231 });
    await assert.rejects(app.query("SET shardmesh_consistency = 'none'"), { errno: 1231 });
  });

  it('reads in transactions on the primary, in READ ONLY transactions on one replica per source', async () => {
    const readWrite = await served(async () => {
      await app.query('BEGIN');
      await times(3, 'SELECT n FROM counters');
      await app.query('COMMIT');
      await app.query('SET autocommit=0');
      await times(3, 'SELECT n FROM counters');
      await app.query('COMMIT');
      await app.query('SET autocommit=1');
    });
    assert.equal(readWrite.replica, 0);
    await app.query('START TRANSACTION READ ONLY');
    const [[before]] = await app.query<mysql.RowDataPacket[]>('SELECT n FROM counters WHERE id = 1');
    const other = await ground.connect();
    await other.query('UPDATE counters SET n = n + 1 WHERE id = 1');
    const inside = await served(async () => {
      const [[again]] = await app.query<mysql.RowDataPacket[]>('SELECT n FROM counters WHERE id = 1');
      assert.deepEqual(again, before, 'one snapshot');
      await assert.rejects(app.query('UPDATE counters SET n = 5 WHERE id = 1'), { errno: 1792 });
    });
    assert.ok(inside.replica >= 1);
    await app.query('COMMIT');
    const [[afterwards]] = await app.query<mysql.RowDataPacket[]>('SELECT n FROM counters WHERE id = 1');
    assert.equal(afterwards?.['n'], before?.['n'] + 1);
    await other.end();
  });

  it('gives warnings of a read on a replica', async () => {
    await app.query("SELECT n, CAST('1abc' AS SIGNED) FROM counters");
    const [rows] = await app.query<mysql.RowDataPacket[]>('SHOW WARNINGS');
    assert.equal(rows[0]?.['Code'], 1292);
  });
});
