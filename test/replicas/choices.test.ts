/** Where transactions, levels, limits and temporary tables let reads go, each on real servers. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import { workerOf } from '../../src/frontend/index.ts';
import { freeze, type ReplicaGround, startReplicaGround, until } from './replica-ground.ts';
import { readsByRole } from './write-then-read.ts';

/** Runs the work and tells how many reads each role served meanwhile. */
async function served(ground: ReplicaGround, work: () => Promise<unknown>) {
  const before = await readsByRole(ground);
  await work();
  const now = await readsByRole(ground);
  return { primary: now.primary - before.primary, replica: now.replica - before.replica };
}

const counter = async (session: mysql.Connection): Promise<number> => {
  const [[row]] = await session.query<mysql.RowDataPacket[]>('SELECT n FROM counters WHERE id = 1');
  return Number(row?.['n']);
};

async function oneCounter(ground: ReplicaGround): Promise<mysql.Connection> {
  const app = await ground.connect();
  await app.query('INSERT INTO counters VALUES (1, 0)');
  return app;
}

for (const strategy of ['FIXED', 'DYNAMIC'] as const) {
  describe(`transactionalReadQueryStrategy: ${strategy}`, () => {
    let ground: ReplicaGround;
    let app: mysql.Connection;
    before(async () => {
      ground = await startReplicaGround({ group: `transactionalReadQueryStrategy: ${strategy}` });
      app = await oneCounter(ground);
    });
    after(async () => {
      await app?.end();
      await ground?.stop();
    });

    it('reads on replicas until the transaction writes, then on the primary', async () => {
      const reads = await served(ground, async () => {
        await app.query('BEGIN');
        for (let index = 0; index < 4; index += 1) await counter(app);
      });
      assert.ok(reads.replica >= 4, JSON.stringify(reads));
      const before = await counter(app);
      const behind = await served(ground, async () => {
        await app.query('UPDATE counters SET n = n + 1 WHERE id = 1');
        assert.equal(await counter(app), before + 1, 'its own write');
        await app.query('COMMIT');
      });
      assert.equal(behind.replica, 0);
      assert.equal(await counter(app), before + 1);
    });

    it(`${strategy === 'FIXED' ? 'one snapshot of one replica' : 'each read sees what is committed by then'}`, async () => {
      const other = await ground.connect();
      await app.query('BEGIN');
      const before = await counter(app);
      await other.query('UPDATE counters SET n = n + 1 WHERE id = 1');
      assert.equal(await counter(app), strategy === 'FIXED' ? before : before + 1);
      await app.query('ROLLBACK');
      assert.equal(await counter(app), before + 1);
      await other.end();
    });

    it('a locking read is the beginning of the primary', async () => {
      const reads = await served(ground, async () => {
        await app.query('BEGIN');
        await app.query('SELECT n FROM counters WHERE id = 1 FOR UPDATE');
        for (let index = 0; index < 3; index += 1) await counter(app);
        await app.query('COMMIT');
      });
      assert.equal(reads.replica, 0);
    });
  });
}

describe('choices of sessions', () => {
  let ground: ReplicaGround;
  let app: mysql.Connection;
  let frozen: { thaw(): Promise<void> } | undefined;
  before(async () => {
    ground = await startReplicaGround({ groups: 2, replicas: 'maxLag: 3s' });
    app = await oneCounter(ground);
    for (let id = 0; id < 8; id += 1) await app.query('INSERT INTO orders VALUES (?, ?, 1)', [id, id]);
  });
  afterEach(async () => {
    await frozen?.thaw();
    frozen = undefined;
    for (const sql of [
      'ROLLBACK',
      "SET shardmesh_read = 'auto', shardmesh_consistency = 'application'",
      'SET SESSION TRANSACTION READ WRITE',
    ])
      await app.query(sql);
    await ground.sourcesUntil('replicas serve again', (sources) =>
      [...sources].every(([, row]) => Number(row['lag'] ?? 0) === 0),
    );
  });
  after(async () => {
    await app?.end();
    await ground?.stop();
  });

  it("SET shardmesh_read = 'replica': transactions that have not written read on one replica", async () => {
    await app.query("SET shardmesh_read = 'replica'");
    const reads = await served(ground, async () => {
      await app.query('BEGIN');
      for (let index = 0; index < 4; index += 1) await counter(app);
    });
    assert.ok(reads.replica >= 4, JSON.stringify(reads));
    const value = await counter(app);
    await app.query('UPDATE counters SET n = n + 1 WHERE id = 1');
    assert.equal(await counter(app), value + 1);
    await app.query('COMMIT');
    assert.equal(await counter(app), value + 1, 'replicas are asked only for what they have');
  });

  it('SET SESSION TRANSACTION READ ONLY: each transaction reads one snapshot of a replica and writes nothing', async () => {
    await app.query('SET SESSION TRANSACTION READ ONLY');
    const other = await ground.connect();
    const reads = await served(ground, async () => {
      await app.query('BEGIN');
      const value = await counter(app);
      await other.query('UPDATE counters SET n = n + 1 WHERE id = 1');
      assert.equal(await counter(app), value);
      await assert.rejects(app.query('UPDATE counters SET n = 0 WHERE id = 1'), { errno: 1792 });
      await app.query('COMMIT');
      assert.equal(await counter(app), value + 1);
    });
    assert.ok(reads.replica >= 2, JSON.stringify(reads));
    await other.end();
  });

  it('stored functions are never asked of a replica', async () => {
    for (const [primary] of ground.groups) {
      const root = await primary?.connection();
      const schema = primary === ground.groups[0]?.[0] ? 'shop_0' : 'shop_1';
      await root?.query(`CREATE FUNCTION ${schema}.plus_one(v BIGINT) RETURNS BIGINT DETERMINISTIC RETURN v + 1`);
      await root?.end();
    }
    const reads = await served(ground, async () => {
      for (let index = 0; index < 4; index += 1)
        await app.query('SELECT plus_one(n) FROM counters WHERE id = 1').catch((error: mysql.QueryError) => {
          // A refusal is not a replica either.
          assert.match(error.message, /plus_one|function/i, error.message);
        });
    });
    assert.equal(reads.replica, 0);
  });

  it('temporary tables: reads that touch them stay on the pinned primary connection', async () => {
    await app.query('CREATE TEMPORARY TABLE picked (id BIGINT PRIMARY KEY)');
    const reads = await served(ground, async () => {
      await app.query('INSERT INTO picked VALUES (1)');
      for (let index = 0; index < 3; index += 1) {
        const [rows] = await app.query<mysql.RowDataPacket[]>(
          'SELECT c.n FROM counters c JOIN picked p ON p.id = c.id',
        );
        assert.equal(rows.length, 1);
        const [[count]] = await app.query<mysql.RowDataPacket[]>('SELECT COUNT(*) AS n FROM picked');
        assert.equal(count?.['n'], 1);
      }
    });
    assert.equal(reads.replica, 0);
    await app.query('DROP TEMPORARY TABLE picked');
    const behind = await served(ground, () => counter(app));
    assert.equal(behind.replica, 1, 'replicas again');
  });

  it('eventual reads what a replica has; strict, session and application what must be seen', async () => {
    const eventual = await ground.connect();
    await eventual.query("SET shardmesh_consistency = 'eventual'");
    const stranger = await ground.connect({ user: 'other', password: 'other' });
    await stranger.query("SET shardmesh_consistency = 'session'");
    const value = await counter(app);
    await app.query("SET shardmesh_consistency = 'strict'");
    assert.equal(await counter(app), value);
    frozen = await freeze(ground);
    // Beside the mesh: no session of the mesh knows of it.
    const root = await ground.groups[0]?.[0]?.connection('shop_0');
    await root?.query('UPDATE counters SET n = n + 1 WHERE id = 1');
    await root?.end();
    const reads = await served(ground, async () => {
      assert.equal(await counter(eventual), value, 'the state of the replica');
      assert.equal(await counter(stranger), value, 'has neither written nor seen it');
    });
    assert.equal(reads.replica, 2, JSON.stringify(reads));
    assert.equal(await counter(app), value + 1, 'strict: what the primary has');
    await app.query("SET shardmesh_consistency = 'application'");
    assert.equal(await counter(app), value + 1, 'what it has seen is not unseen');
    await eventual.end();
    await stranger.end();
  });

  it('replicas more than maxLag behind serve nothing, not even eventual reads', async () => {
    await app.query("SET shardmesh_consistency = 'eventual'");
    const other = await ground.connect({ user: 'other', password: 'other' });
    frozen = await freeze(ground);
    const value = await counter(app);
    await other.query('UPDATE counters SET n = n + 1 WHERE id = 1');
    await ground.sourcesUntil('too far behind', (sources) =>
      ['ds_0_r1', 'ds_0_r2'].every((name) => / s behind/.test(String(sources.get(name)?.['reason']))),
    );
    const reads = await served(ground, async () => assert.equal(await counter(app), value + 1));
    assert.deepEqual(reads, { primary: 1, replica: 0 });
    await other.end();
  });

  it('a scatter read behind a scatter write sees all of it, on another connection', async () => {
    const reader = await ground.connect();
    for (let round = 2; round < 12; round += 1) {
      await app.query(`UPDATE orders SET amount = ${round}`);
      const [rows] = await reader.query<mysql.RowDataPacket[]>('SELECT amount FROM orders');
      assert.deepEqual(
        rows.map((row) => row['amount']),
        Array(8).fill(round),
      );
      const [[sum]] = await reader.query<mysql.RowDataPacket[]>('SELECT SUM(amount) AS s FROM orders');
      assert.equal(Number(sum?.['s']), 8 * round);
    }
    frozen = await freeze(ground);
    await app.query('UPDATE orders SET amount = 100');
    const [[sum]] = await reader.query<mysql.RowDataPacket[]>('SELECT SUM(amount) AS s FROM orders');
    assert.equal(Number(sum?.['s']), 800, 'frozen replicas are not asked');
    await reader.end();
  });
});

describe('limits and workers', () => {
  it('replicas whose connections are all in use are avoided', async () => {
    const ground = await startReplicaGround({ replicaPool: 2 });
    try {
      const app = await oneCounter(ground);
      const busy = await Promise.all(Array.from({ length: 4 }, () => ground.connect()));
      for (const session of busy) {
        await session.query('START TRANSACTION READ ONLY');
        await counter(session);
      }
      const reads = await served(ground, () => counter(app));
      assert.deepEqual(reads, { primary: 1, replica: 0 });
      await busy[0]?.query('COMMIT');
      assert.deepEqual(await served(ground, () => counter(app)), { primary: 0, replica: 1 });
      for (const each of [...busy, app]) await each.end();
    } finally {
      await ground.stop();
    }
  });

  it('what is written on one worker is seen by a read of another one at once', async () => {
    const ground = await startReplicaGround({ workers: 2 });
    try {
      const app = await oneCounter(ground);
      const connections: { worker: number; session: mysql.Connection }[] = [];
      await until('connections on both workers', async () => {
        const session = await ground.connect();
        const [[row]] = await session.query<mysql.RowDataPacket[]>('SELECT CONNECTION_ID() AS id');
        connections.push({ worker: workerOf(Number(row?.['id'])), session });
        return new Set(connections.map(({ worker }) => worker)).size === 2;
      });
      const writer = connections[0] as (typeof connections)[number];
      const reader = connections.find(({ worker }) => worker !== writer.worker) as typeof writer;
      const frozen = await freeze(ground);
      try {
        for (let round = 1; round <= 30; round += 1) {
          await writer.session.query(`UPDATE counters SET n = ${round} WHERE id = 1`);
          assert.equal(await counter(reader.session), round);
        }
      } finally {
        await frozen.thaw();
      }
      for (const { session } of connections) await session.end();
      await app.end();
    } finally {
      await ground.stop();
    }
  });
});
