/** The barrier of branches: handlers that hold no transaction code, called twice, too late, too early, and side by side. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const rules = `- !SHARDING
  tables:
    stock: { actualDataNodes: "ds_\${0..1}.stock", databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } } }
  shardingAlgorithms:
    by_id: { type: INLINE, props: { algorithm-expression: "ds_\${id % 2}" } }
`;

describe('the barrier of branches', () => {
  let pair: ShardedPair;
  let client: mysql.Connection;
  before(async () => {
    pair = await startShardedPair({ rules });
    client = await pair.connect();
    await client.query('CREATE TABLE stock (id INT PRIMARY KEY, n INT NOT NULL)');
    await client.query('INSERT INTO stock VALUES (0, 100), (1, 100), (2, 100)');
  });
  after(async () => {
    await client?.end();
    await pair?.stop();
  });

  const stock = async (id = 0): Promise<number> => {
    const [rows] = await client.query<mysql.RowDataPacket[]>(`SELECT n FROM stock WHERE id = ${id}`);
    return rows[0]?.['n'] as number;
  };
  /** Runs a handler as an application does: a transaction, or one statement by itself. */
  const handle = async (
    branch: string,
    change: number,
    how: 'transaction' | 'autocommit' | 'comment' = 'transaction',
    id = 0,
  ): Promise<string> => {
    const connection = await pair.connect();
    const sql = `UPDATE stock SET n = n + ${change} WHERE id = ${id}`;
    try {
      if (how === 'comment') {
        const comment = `/*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',tracestate='a%3Db%2Cshardmesh%3D${encodeURIComponent(branch)}'*/`;
        await connection.query('BEGIN');
        await connection.query(`${sql} ${comment}`);
        await connection.query('COMMIT');
      } else if (how === 'transaction') {
        await connection.query('BEGIN');
        await connection.query(`SET shardmesh_branch = '${branch}'`);
        await connection.query(`SELECT n FROM stock WHERE id = ${id}`);
        await connection.query(sql);
        await connection.query('COMMIT');
      } else {
        await connection.query(`SET shardmesh_branch = '${branch}'`);
        await connection.query(sql);
      }
      return 'ok';
    } catch (error) {
      const { errno, message } = error as { errno: number; message: string };
      assert.equal(errno, 9113, message);
      return message.split(': ').at(-1) ?? '';
    } finally {
      await connection.end();
    }
  };

  for (const how of ['transaction', 'autocommit', 'comment'] as const) {
    it(`lets each operation run once (${how})`, async () => {
      const start = await stock();
      const gid = `once-${how}`;
      assert.equal(await handle(`${gid}/01/try`, -10, how), 'ok');
      assert.equal(await handle(`${gid}/01/try`, -10, how), 'repeated');
      assert.equal(await stock(), start - 10);
      assert.equal(await handle(`${gid}/01/cancel`, 10, how), 'ok');
      assert.equal(await handle(`${gid}/01/cancel`, 10, how), 'repeated');
      assert.equal(await handle(`${gid}/01/try`, -10, how), 'repeated');
      assert.equal(await handle(`${gid}/01/confirm`, -5, how), 'hanging');
      assert.equal(await stock(), start);
    });

    it(`undoes nothing that was not done, and lets it not be done any more (${how})`, async () => {
      const start = await stock();
      const gid = `empty-${how}`;
      assert.equal(await handle(`${gid}/01/compensate`, 10, how), 'empty');
      assert.equal(await handle(`${gid}/01/compensate`, 10, how), 'repeated');
      assert.equal(await handle(`${gid}/01/action`, -10, how), 'hanging');
      // Also not on another shard.
      assert.equal(await handle(`${gid}/01/action`, -10, how, 1), 'hanging');
      assert.equal(await stock(), start);
    });
  }

  it('answers three cancels at once, before and beside the try', async () => {
    const start = await stock();
    for (let round = 0; round < 30; round++) {
      const gid = `crowd-${round}`;
      const calls = ['cancel', 'cancel', 'cancel', 'try'].sort(() => Math.random() - 0.5);
      const answers = await Promise.all(
        calls.map(async (op) => [op, await handle(`${gid}/01/${op}`, op === 'try' ? -10 : 10)]),
      );
      // Whatever came first: at the end nothing is left, once it is cancelled again.
      await handle(`${gid}/01/cancel`, 10);
      assert.equal(await stock(), start, JSON.stringify(answers));
    }
  });

  it('takes the barrier back with the transaction, so that a call that failed may be repeated', async () => {
    const start = await stock();
    const connection = await pair.connect();
    await connection.query('BEGIN');
    await connection.query("SET shardmesh_branch = 'again/01/try'");
    await connection.query('UPDATE stock SET n = n - 10 WHERE id = 0');
    await connection.query('ROLLBACK');
    const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT @@shardmesh_branch AS b');
    assert.equal(rows[0]?.['b'], '');
    await connection.end();
    assert.equal(await handle('again/01/try', -10), 'ok');
    assert.equal(await stock(), start - 10);
  });

  it('refuses what goes on after its refusal, and a COMMIT with it', async () => {
    await handle('on/01/try', -1);
    const connection = await pair.connect();
    await connection.query('BEGIN');
    await connection.query("SET shardmesh_branch = 'on/01/try'");
    await assert.rejects(connection.query('UPDATE stock SET n = n - 1 WHERE id = 0'), { errno: 9113 });
    await assert.rejects(connection.query('UPDATE stock SET n = n - 1 WHERE id = 0'), { errno: 9105 });
    await assert.rejects(connection.query('COMMIT'), { errno: 9105 });
    await connection.query('UPDATE stock SET n = n + 1 WHERE id = 0');
    await connection.end();
  });

  it('keeps LAST_INSERT_ID() and the counters of the statement as they are', async () => {
    const connection = await pair.connect();
    await connection.query('SELECT LAST_INSERT_ID(77)');
    await connection.query('BEGIN');
    await connection.query("SET shardmesh_branch = 'id/01/try'");
    const [result] = await connection.query<mysql.ResultSetHeader>('UPDATE stock SET n = n - 1 WHERE id = 0');
    assert.equal(result.affectedRows, 1);
    const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT LAST_INSERT_ID() AS id');
    assert.equal(rows[0]?.['id'], 77);
    await connection.query('COMMIT');
    await connection.end();
  });

  it('keeps a branch that writes to several sources in one XA transaction', async () => {
    const both = async (): Promise<number[]> => [await stock(0), await stock(1)];
    const [even = 0, odd = 0] = await both();
    const run = async (operation: string, change: number): Promise<unknown> => {
      const connection = await pair.connect();
      try {
        await connection.query("SET shardmesh_transaction_type = 'XA'");
        await connection.query('BEGIN');
        await connection.query(`SET shardmesh_branch = 'wide-xa/01/${operation}'`);
        await connection.query(`UPDATE stock SET n = n + ${change} WHERE id IN (0, 1)`);
        await connection.query('COMMIT');
        return 'ok';
      } catch (error) {
        return (error as { errno: number }).errno;
      } finally {
        await connection.end();
      }
    };
    assert.equal(await run('try', -1), 'ok');
    assert.deepEqual(await both(), [even - 1, odd - 1]);
    assert.equal(await run('try', -1), 9113);
    assert.equal(await run('cancel', 1), 'ok');
    assert.equal(await run('cancel', 1), 9113);
    assert.deepEqual(await both(), [even, odd]);
  });

  it('refuses what it could not keep', async () => {
    const connection = await pair.connect();
    await assert.rejects(connection.query("SET shardmesh_branch = 'nonsense'"), { errno: 1231 });
    await assert.rejects(connection.query("SET shardmesh_branch = 'a/b/c'"), { errno: 1231 });
    await assert.rejects(connection.query("SET GLOBAL shardmesh_branch = 'a/b/try'"), { errno: 1228 });
    // Two sources, each of which would commit by itself.
    await connection.query("SET shardmesh_transaction_type = 'LOCAL'");
    await connection.query("SET shardmesh_branch = 'wide/01/try'");
    await assert.rejects(connection.query('UPDATE stock SET n = n - 1'), { errno: 9001 });
    // A write before the branch was named.
    await connection.query('BEGIN');
    await connection.query('UPDATE stock SET n = n - 1 WHERE id = 0');
    await connection.query("SET shardmesh_branch = 'late/01/try'");
    await assert.rejects(connection.query('UPDATE stock SET n = n - 1 WHERE id = 0'), { errno: 9001 });
    await connection.query('ROLLBACK');
    await connection.end();
  });
});
