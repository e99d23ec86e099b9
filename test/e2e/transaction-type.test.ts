/** Which type a transaction has: by SET, user, rule, configuration and hint; and that it never changes inside of one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type mysql from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

let pair: ShardedPair;

before(async () => {
  pair = await startShardedPair({
    rules: '- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }\n- !TRANSACTION { defaultType: XA }\n',
    users: '  - { user: "own@%", password: own, databases: [shop], transactionType: local }\n',
    sidecar: 'transaction: { defaultType: LOCAL }\n',
  });
});

after(async () => {
  await pair?.stop();
});

async function typeOf(client: mysql.Connection, hint = ''): Promise<unknown> {
  const sql = `${hint}SELECT @@shardmesh_transaction_type`;
  const [rows] = await client.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true });
  return (rows as unknown as unknown[][])[0]?.[0];
}

const refusal = (errno: number) => (error: { errno: number }) => error.errno === errno;

test('the user wins over the rules, they over the configuration; SET wins over all, and a reset takes it back', async () => {
  const own = await pair.connect({ user: 'own', password: 'own' });
  assert.equal(await typeOf(own), 'LOCAL');
  await own.end();
  const client = await pair.connect();
  assert.equal(await typeOf(client), 'XA');
  await client.query("SET SESSION shardmesh_transaction_type = 'local'");
  assert.equal(await typeOf(client), 'LOCAL');
  await client.query('USE shop');
  assert.equal(await typeOf(client), 'LOCAL');
  await client.query('SET shardmesh_transaction_type = DEFAULT');
  assert.equal(await typeOf(client), 'XA');
  await client.query('SET @@session.shardmesh_transaction_type = LOCAL');
  await client.reset();
  assert.equal(await typeOf(client), 'XA');
  await assert.rejects(client.query("SET shardmesh_transaction_type = 'PAXOS'"), refusal(1231));
  await assert.rejects(client.query("SET GLOBAL shardmesh_transaction_type = 'XA'"), refusal(1228));
  await client.end();
});

test('the type of a transaction is fixed at its beginning', async () => {
  const client = await pair.connect();
  await client.query('/* SHARDMESH_HINT: TRANSACTION_TYPE=LOCAL */ BEGIN');
  await assert.rejects(client.query("SET shardmesh_transaction_type = 'LOCAL'"), refusal(1568));
  await assert.rejects(client.query('/* SHARDMESH_HINT: TRANSACTION_TYPE=XA */ SELECT 1'), refusal(1568));
  await client.query('/* SHARDMESH_HINT: TRANSACTION_TYPE=local */ SELECT 1');
  await client.query('/* SHARDMESH_HINT: TRANSACTION_TYPE=XA */ BEGIN');
  await assert.rejects(client.query('/* SHARDMESH_HINT: TRANSACTION_TYPE=LOCAL */ SELECT 1'), refusal(1568));
  await client.query('ROLLBACK');
  assert.equal(await typeOf(client), 'XA');
  await assert.rejects(client.query('/* SHARDMESH_HINT: TRANSACTION_TYPE=PAXOS */ SELECT 1'), refusal(1231));
  await assert.rejects(client.execute('/* SHARDMESH_HINT: TRANSACTION_TYPE=PAXOS */ SELECT ?', [1]), refusal(1231));
  await client.end();
});
