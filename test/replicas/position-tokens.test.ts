/** Positions that clients carry from one session to another, also to another sidecar. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import { PositionTokens, TOKEN_MAX } from '../../src/session/position-tokens.ts';
import { freeze, type ReplicaGround, startReplicaGround, until } from './replica-ground.ts';

const tokenOf = async (session: mysql.Connection): Promise<string> => {
  const [[row]] = await session.query<mysql.RowDataPacket[]>('SELECT @@shardmesh_position AS p');
  return String(row?.['p']);
};
const counter = async (session: mysql.Connection, hint = ''): Promise<number> => {
  const [[row]] = await session.query<mysql.RowDataPacket[]>(`${hint}SELECT n FROM counters WHERE id = 1`);
  return Number(row?.['n']);
};

describe('positions as texts', () => {
  const tokens = new PositionTokens(
    () => Buffer.from('one key'),
    () => ['a b', 'c d'],
  );

  it('are read by those who have the key, whole or not at all', () => {
    const handed = {
      positions: [
        { cluster: 'a b', gtids: '0-1-17,3-2-5' },
        { cluster: 'c d', gtids: 'unknown' },
      ],
      more: false,
    } as const;
    const token = tokens.write(handed);
    assert.match(token, /^[\w.-]+$/);
    assert.deepEqual(tokens.read(token), handed);
    const other = new PositionTokens(
      () => Buffer.from('another key'),
      () => ['a b', 'c d'],
    );
    assert.throws(() => other.read(token), { code: 'ER_WRONG_VALUE_FOR_VAR' });
    for (let at = 0; at < token.length - 1; at += 1) {
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      assert.throws(() => tokens.read(changed), { code: 'ER_WRONG_VALUE_FOR_VAR' }, `position ${at}`);
    }
  });

  it('tell of unknown servers, and of what does not fit, that there is more', () => {
    const fewer = new PositionTokens(
      () => Buffer.from('one key'),
      () => ['c d'],
    );
    const token = tokens.write({ positions: [{ cluster: 'a b', gtids: '0-1-17' }], more: false });
    assert.deepEqual(fewer.read(token), { positions: [], more: true });
    const gtids = Array.from({ length: 1000 }, (_, index) => `${index}-1-17`).join(',');
    const bounded = tokens.write({ positions: [{ cluster: 'a b', gtids }], more: false });
    assert.ok(bounded.length <= TOKEN_MAX);
    assert.deepEqual(tokens.read(bounded), { positions: [], more: true });
  });
});

describe('positions handed over between sidecars', () => {
  let ground: ReplicaGround;
  let writer: mysql.Connection;
  let frozen: { thaw(): Promise<void> };
  before(async () => {
    ground = await startReplicaGround({ sidecars: 2 });
    writer = await ground.connect();
    await writer.query('INSERT INTO counters VALUES (1, 0)');
    const reader = await ground.connect({}, 1);
    await reader.query(`SET shardmesh_position = '${await tokenOf(writer)}'`);
    // The table was made through the other sidecar.
    await until('the second sidecar knows the table', () =>
      counter(reader).then(
        () => true,
        () => false,
      ),
    );
    assert.equal(await counter(reader), 0);
    await reader.end();
    frozen = await freeze(ground);
  });
  after(async () => {
    await frozen?.thaw();
    await writer?.end();
    await ground?.stop();
  });

  it('by SET, hint comment and query attribute, at every level, and on to a third session', async () => {
    let value = 0;
    for (const level of ['eventual', 'session', 'application', 'strict']) {
      for (const way of ['SET', 'hint', 'attribute']) {
        value += 1;
        await writer.query(`UPDATE counters SET n = ${value} WHERE id = 1`);
        const token = await tokenOf(writer);
        const reader = await ground.connect({}, 1);
        await reader.query(`SET shardmesh_consistency = '${level}'`);
        if (way === 'SET') await reader.query(`SET shardmesh_position = '${token}'`);
        const hint = way === 'hint' ? `/* SHARDMESH_HINT: POSITION=${token} */ ` : '';
        if (way === 'attribute') {
          const [rows] = await reader.query<mysql.RowDataPacket[]>({
            sql: 'SELECT n FROM counters WHERE id = 1',
            attributes: { shardmesh_hint: `POSITION=${token}` },
          } as mysql.QueryOptions);
          assert.equal(rows[0]?.['n'], value, `${level} by ${way}`);
        } else assert.equal(await counter(reader, hint), value, `${level} by ${way}`);
        assert.equal(await counter(reader), value, 'and from then on');
        const third = await ground.connect({ user: 'other', password: 'other' }, 1);
        await third.query(`SET shardmesh_position = '${await tokenOf(reader)}'`);
        assert.equal(await counter(third), value);
        await third.end();
        await reader.end();
      }
    }
  });

  it('positive control: without a position the other sidecar reads what its replica has', async () => {
    const reader = await ground.connect({ user: 'other', password: 'other' }, 1);
    await reader.query("SET shardmesh_consistency = 'eventual'");
    assert.equal(await counter(reader), 0);
    await reader.end();
  });

  it('refuses what it has not written with 1231, and changes nothing then', async () => {
    const token = await tokenOf(writer);
    const reader = await ground.connect({}, 1);
    const forged = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const bad of [forged, 'nonsense', `${token}.x`, '*'])
      await assert.rejects(reader.query(`SET shardmesh_read = 'primary', shardmesh_position = '${bad}'`), {
        errno: 1231,
      });
    const [[row]] = await reader.query<mysql.RowDataPacket[]>('SELECT @@shardmesh_read AS r');
    assert.equal(row?.['r'], 'auto');
    await assert.rejects(counter(reader, `/* SHARDMESH_HINT: POSITION=${forged} */ `), { errno: 1231 });
    await reader.query("SET shardmesh_position = ''");
    await reader.end();
  });

  it('is refused inside of a transaction that reads a snapshot of a replica, which may be older', async () => {
    const token = await tokenOf(writer);
    const reader = await ground.connect({ user: 'other', password: 'other' }, 1);
    await reader.query("SET shardmesh_consistency = 'eventual'");
    await reader.query('START TRANSACTION READ ONLY');
    await counter(reader);
    await assert.rejects(reader.query(`SET shardmesh_position = '${token}'`), { errno: 1568 });
    await reader.query('COMMIT');
    await reader.query(`SET shardmesh_position = '${token}'`);
    await reader.end();
  });

  it('ends with the session: a pooled connection that is reset begins anew', async () => {
    const reader = await ground.connect({ user: 'other', password: 'other' }, 1);
    await reader.query(`SET shardmesh_position = '${await tokenOf(writer)}'`);
    await reader.changeUser({ user: 'other', password: 'other', database: 'shop' });
    assert.equal(await tokenOf(reader), '');
    const [rows] = await reader.query<mysql.RowDataPacket[]>("SHOW VARIABLES LIKE 'shardmesh_position'");
    assert.equal(rows.length, 1);
    await reader.end();
  });
});
