/** Primaries and replicas that die, hang, are promoted and come back, under a mixed load of 16 clients. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import { followPrimary } from '../../src/demo/index.ts';
import type { TestServer } from '../servers/index.ts';
import { promote, type ReplicaGround, startReplicaGround, until } from './replica-ground.ts';

interface Load {
  /** Ids whose INSERT was acknowledged. */
  readonly acknowledged: number[];
  readonly readFailures: string[];
  readonly writeFailures: string[];
  reads: number;
  stop(): Promise<void>;
}

/** Eight clients that insert ids of their own, alone or in transactions, and eight that read. */
function startLoad(ground: ReplicaGround, firstId: number): Load {
  let stopping = false;
  let next = firstId;
  const load: Load = {
    acknowledged: [],
    readFailures: [],
    writeFailures: [],
    reads: 0,
    async stop() {
      stopping = true;
      await Promise.all(clients);
    },
  };
  const clients = Array.from({ length: 16 }, async (_, client) => {
    const session = await ground.connect();
    while (!stopping && load.readFailures.length + load.writeFailures.length < 10_000) {
      if (client % 2 === 0) {
        const id = next++;
        try {
          if (client % 4 === 0) await session.query(`INSERT INTO hits VALUES (${id})`);
          else {
            await session.query('BEGIN');
            await session.query(`INSERT INTO hits VALUES (${id})`);
            await session.query('COMMIT');
          }
          load.acknowledged.push(id);
        } catch (error) {
          load.writeFailures.push((error as Error).message);
          await session.query('ROLLBACK').catch(() => undefined);
        }
      } else {
        try {
          await session.query('SELECT COUNT(*) AS n FROM hits WHERE id = 1');
          load.reads += 1;
        } catch (error) {
          load.readFailures.push((error as Error).message);
        }
      }
      await sleep(2);
    }
    await session.end();
  });
  return load;
}

/** How often each id is there. */
async function countHits(server: TestServer): Promise<ReadonlyMap<number, number>> {
  const root = await server.connection('shop_0');
  const [rows] = await root.query<mysql.RowDataPacket[]>('SELECT id, COUNT(*) AS n FROM hits GROUP BY id');
  root.destroy();
  return new Map(rows.map((row) => [Number(row['id']), Number(row['n'])]));
}

async function progress(load: Load, count = 50): Promise<void> {
  const from = [load.acknowledged.length, load.reads] as const;
  await until('writes and reads', () => load.acknowledged.length > from[0] + count && load.reads > from[1] + count);
}

/** The replica that has received most, once it has applied all of it. */
async function mostAdvanced(replicas: readonly TestServer[]): Promise<TestServer> {
  let best: { server: TestServer; received: bigint } | undefined;
  for (const server of replicas) {
    const root = await server.connection();
    await root.query('STOP SLAVE IO_THREAD');
    const [[status]] = await root.query<mysql.RowDataPacket[]>('SHOW SLAVE STATUS');
    const gtid = String(status?.['Gtid_IO_Pos']);
    await root.query('SELECT MASTER_GTID_WAIT(?, 30)', [gtid]);
    root.destroy();
    const received = BigInt(gtid.split('-')[2] ?? '0');
    if (best === undefined || received > best.received) best = { server, received };
  }
  return (best as { server: TestServer }).server;
}

describe('failover under load', () => {
  let ground: ReplicaGround;
  let load: Load;
  let nextId = 1000;
  before(async () => {
    ground = await startReplicaGround({
      durable: true,
      // Semi-synchronous: an acknowledged commit has been received by a replica.
      options: [
        '--rpl-semi-sync-slave-enabled=ON',
        '--rpl-semi-sync-master-enabled=ON',
        '--rpl-semi-sync-master-wait-point=AFTER_SYNC',
        '--rpl-semi-sync-master-wait-no-slave=OFF',
        '--rpl-semi-sync-master-timeout=1000000',
      ],
      schema: ['CREATE TABLE hits (id BIGINT NOT NULL, KEY (id))'],
      replicas: 'writeBuffer: 30s, maxLag: 60s',
    });
    await ground.sourcesUntil('all up', (sources) => [...sources.values()].every((row) => row['reason'] === null));
  });
  after(async () => ground?.stop());
  // A failed test must not leave its clients behind.
  afterEach(async () => load?.stop());

  const members = (): [TestServer, TestServer, TestServer] =>
    ground.groups[0] as unknown as [TestServer, TestServer, TestServer];
  const begin = (): void => {
    load = startLoad(ground, nextId);
    nextId += 1_000_000;
  };

  it('a replica that is killed fails no read', async () => {
    begin();
    await progress(load);
    const [, replica] = members();
    for (let turn = 0; turn < 2; turn += 1) {
      await replica.kill();
      await progress(load, 100);
      await ground.sourcesUntil('it is down', (sources) => sources.get('ds_0_r1')?.['state'] !== 'up');
      await replica.restart();
      await ground.sourcesUntil('it is back', (sources) => sources.get('ds_0_r1')?.['reason'] === null);
      await progress(load);
    }
    await load.stop();
    assert.deepEqual(load.readFailures, []);
    assert.deepEqual(load.writeFailures, []);
  });

  it('a replica that hangs is left out, and what ran there is asked elsewhere', async () => {
    begin();
    await progress(load);
    const [, , replica] = members();
    replica.pause();
    await ground.sourcesUntil('it is down', (sources) => sources.get('ds_0_r2')?.['state'] !== 'up');
    await progress(load, 100);
    replica.resume();
    await ground.sourcesUntil('it is back', (sources) => sources.get('ds_0_r2')?.['reason'] === null);
    await load.stop();
    assert.deepEqual(load.readFailures, []);
    assert.deepEqual(load.writeFailures, []);
  });

  it('a primary that is killed: nothing acknowledged is lost, nothing runs twice, the old one comes back quarantined', async (context) => {
    begin();
    await progress(load);
    const [old, ...replicas] = members();
    await old.kill();
    await ground.sourcesUntil('no primary', (sources) => sources.get('ds_0')?.['state'] !== 'up');
    const winner = await mostAdvanced(replicas);
    const other = replicas.find((server) => server !== winner) as TestServer;
    await promote(winner, [other]);
    const writable = performance.now();
    const before = load.acknowledged.length;
    await until('a write on the new primary', () => load.acknowledged.length > before);
    context.diagnostic(`healed ${Math.round(performance.now() - writable)} ms after the new primary was writable`);
    await progress(load);
    const winnerName = winner === replicas[0] ? 'ds_0_r1' : 'ds_0_r2';
    assert.equal((await ground.sources()).get(winnerName)?.['role'], 'primary');
    assert.equal(await ground.metric('shardmesh_group_epoch'), 1);

    await old.restart();
    await ground.sourcesUntil(
      'the old one is quarantined',
      (sources) => sources.get('ds_0')?.['state'] === 'quarantined',
    );
    await progress(load);
    await load.stop();
    assert.deepEqual(load.readFailures, []);
    for (const text of load.writeFailures) assert.match(text, /SM_SOURCE_LOST|SM_TRANSACTION_ABORTED/);
    const hits = await countHits(winner);
    assert.deepEqual(
      load.acknowledged.filter((id) => !hits.has(id)),
      [],
      'acknowledged and lost',
    );
    assert.deepEqual(
      [...hits].filter(([, count]) => count > 1),
      [],
      'executed twice',
    );

    // An operator makes it a replica: what it had beyond the new primary is given up.
    await old.execute(
      'SET GLOBAL read_only=ON',
      'RESET MASTER',
      `SET GLOBAL gtid_slave_pos='${await position(winner)}'`,
    );
    await followPrimary(old, winner);
    await ground.sourcesUntil('it serves again', (sources) => sources.get('ds_0')?.['state'] === 'up');
  });

  it('a planned switch: nothing acknowledged is lost, nothing runs twice', async () => {
    begin();
    await progress(load);
    const sources = await ground.sources();
    const name = [...sources].find(([, row]) => row['role'] === 'primary')?.[0] as string;
    const [configured, r1, r2] = members();
    const now = name === 'ds_0_r1' ? r1 : r2;
    const next = name === 'ds_0_r1' ? r2 : r1;
    await now.execute('SET GLOBAL read_only=ON');
    const target = await position(now);
    await next.execute(`SELECT MASTER_GTID_WAIT('${target}', 30)`);
    await promote(next, [now, configured]);
    await until('the other one leads', async () => {
      const rows = await ground.sources();
      return rows.get(name === 'ds_0_r1' ? 'ds_0_r2' : 'ds_0_r1')?.['role'] === 'primary';
    });
    await progress(load);
    await load.stop();
    assert.deepEqual(load.readFailures, []);
    for (const text of load.writeFailures)
      assert.match(text, /SM_TRANSACTION_ABORTED|SM_SOURCE_LOST|read-only|rolled back/i);
    const hits = await countHits(next);
    assert.deepEqual(
      load.acknowledged.filter((id) => !hits.has(id)),
      [],
      'acknowledged and lost',
    );
    assert.deepEqual(
      [...hits].filter(([, count]) => count > 1),
      [],
      'executed twice',
    );
    assert.equal(await ground.metric('shardmesh_group_epoch'), 2);
  });
});

async function position(server: TestServer): Promise<string> {
  const root = await server.connection();
  const [[row]] = await root.query<mysql.RowDataPacket[]>('SELECT @@gtid_binlog_pos AS p');
  root.destroy();
  return String(row?.['p']);
}

describe('two primaries', () => {
  it('of one epoch that both took writes are refused until one of them is none any more', async () => {
    const ground = await startReplicaGround({ replicas: 'writeBuffer: 1s' });
    try {
      const [, rival] = ground.groups[0] as [TestServer, TestServer];
      const app = await ground.connect();
      await app.query('INSERT INTO counters VALUES (1, 1)');
      await rival.execute(
        'STOP SLAVE',
        'RESET SLAVE ALL',
        'SET GLOBAL read_only=OFF',
        'INSERT INTO shop_0.counters VALUES (99, 1)',
      );
      await until('writes are refused', async () => {
        const error = await app.query('UPDATE counters SET n = n + 1 WHERE id = 1').then(
          () => undefined,
          (failure: Error & { errno: number }) => failure.errno,
        );
        return error === 9112;
      });
      assert.match(ground.logs(), /replica\.split-brain/);
      await rival.execute('SET GLOBAL read_only=ON');
      await until('writes go on', () =>
        app.query('UPDATE counters SET n = 7 WHERE id = 1').then(
          () => true,
          () => false,
        ),
      );
      await app.end();
    } finally {
      await ground.stop();
    }
  });
});
