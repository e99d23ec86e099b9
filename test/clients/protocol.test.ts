/** What of the protocol no scenario of a client touches: sockets, logins, compression, long packets, procedures, broken clients. */
import assert from 'node:assert/strict';
import { connect as tcpConnect } from 'node:net';
import { after, before, test } from 'node:test';
import mysql from 'mysql2/promise';
import { newStoredSha2 } from '../../src/wire/index.ts';
import { authority } from '../backend/certificates.ts';
import { type ClientGround, startGround } from './ground.ts';

let ground: ClientGround;
let app: mysql.Connection;

const open = (more: mysql.ConnectionOptions = {}): Promise<mysql.Connection> =>
  mysql.createConnection({
    host: '127.0.0.1',
    port: ground.sidecar.port,
    user: 'app',
    password: 'app',
    database: 'shop',
    ...more,
  });

before(async () => {
  ground = await startGround(newStoredSha2('app'));
  app = await open();
});

after(async () => {
  await app?.end();
  await ground?.stop();
});

test('a unix socket serves like a port', async () => {
  const local = await mysql.createConnection({
    socketPath: ground.socketPath,
    user: 'app',
    password: 'app',
    database: 'shop',
  });
  const [rows] = await local.query('SELECT DATABASE() AS d, USER() AS u');
  assert.deepEqual(rows, [{ d: 'shop', u: 'app@localhost' }]);
  await local.end();
});

test('hashed passwords: by RSA, over TLS, then from memory, and natively', async () => {
  const logins: mysql.ConnectionOptions[] = [
    { user: 'hashed' },
    { user: 'hashed', ssl: { ca: authority, verifyIdentity: false } },
    { user: 'hashed' },
    { user: 'native' },
  ];
  for (const login of logins) {
    const client = await open(login);
    const [rows] = await client.query('SELECT 1 AS one');
    assert.deepEqual(rows, [{ one: 1 }]);
    await client.end();
    await assert.rejects(open({ ...login, password: 'wrong' }), { errno: 1045 });
    await assert.rejects(open({ ...login, password: '' }), { errno: 1045 });
  }
});

test('compression makes answers smaller, and long packets pass through it', async () => {
  const client = await open({ compress: true });
  const socket = (client as unknown as { connection: { stream: { bytesRead: number } } }).connection.stream;
  const before = socket.bytesRead;
  const [rows] = await client.query<mysql.RowDataPacket[]>("SELECT REPEAT('shard', 1000000) AS text");
  assert.equal(rows[0]?.['text'].length, 5_000_000);
  assert.ok(socket.bytesRead - before < 500_000, String(socket.bytesRead - before));
  await client.end();
});

test('packets of more than 16 MiB pass both ways', async () => {
  const text = 'x'.repeat(20 * 1024 * 1024);
  const [rows] = await app.query<mysql.RowDataPacket[]>(`SELECT LENGTH('${text}') AS n, REPEAT('y', 17000000) AS back`);
  assert.equal(rows[0]?.['n'], text.length);
  assert.equal(rows[0]?.['back'].length, 17_000_000);
  const [bound] = await app.execute<mysql.RowDataPacket[]>('SELECT LENGTH(?) AS n', [text]);
  assert.equal(bound[0]?.['n'], text.length);
});

test('a packet beyond maxAllowedPacket is 1153 and ends that session only', async () => {
  const client = await open();
  client.on('error', () => undefined);
  await assert.rejects(
    client.query(`SELECT '${'x'.repeat(65 * 1024 * 1024)}'`),
    (error: { errno?: number; code?: string }) =>
      error.errno === 1153 || ['ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST'].includes(error.code ?? ''),
  );
  client.destroy();
  const [rows] = await app.query('SELECT 1 AS one');
  assert.deepEqual(rows, [{ one: 1 }]);
});

test('CALL answers several results, and OUT parameters of prepared calls', async () => {
  const client = await open({ database: 'solo', multipleStatements: true });
  const server = await ground.servers[1]!.connection('shop_0');
  await server.query('CREATE TABLE IF NOT EXISTS plain_t (id INT PRIMARY KEY)');
  await server.query('REPLACE INTO plain_t VALUES (1), (2), (3)');
  await server.query('DROP PROCEDURE IF EXISTS several');
  await server.query(
    'CREATE PROCEDURE several(IN a INT, OUT b INT) BEGIN SELECT a AS first; SELECT COUNT(*) AS n FROM plain_t; SET b = a + 1; END',
  );
  await server.end();
  const [results] = await client.query<mysql.RowDataPacket[][]>('CALL several(5, @out)');
  assert.deepEqual(results.slice(0, 2), [[{ first: 5 }], [{ n: 3 }]]);
  const [out] = await client.query('SELECT @out AS o');
  assert.deepEqual(out, [{ o: 6 }]);
  const [prepared] = await client.execute<mysql.RowDataPacket[][]>('CALL several(?, ?)', [7, null]);
  assert.deepEqual(prepared.slice(0, 3), [[{ first: 7 }], [{ n: 3 }], [{ b: 8 }]]);
  const [rows] = await client.execute('SELECT 1 AS one');
  assert.deepEqual(rows, [{ one: 1 }]);
  await client.end();
});

/** Sends bytes after (or instead of) a login and answers what comes back until the server closes. */
function rawExchange(send: (socket: ReturnType<typeof tcpConnect>, greeting: Buffer) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = tcpConnect(ground.sidecar.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => socket.destroy(new Error('the connection was not closed')), 5000);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunks.length === 1) send(socket, chunk);
    });
    socket.on('error', (error) => (/not closed/.test(error.message) ? reject(error) : undefined));
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
  });
}

test('a client with wrong sequence ids is cut off, and no other', async () => {
  await rawExchange((socket) => socket.write(Buffer.from([1, 0, 0, 9, 1])));
  await rawExchange((socket) => socket.write(Buffer.from([0xff, 0xff, 0xff, 1])));
  await rawExchange((socket) => socket.end(Buffer.alloc(3)));
  const [rows] = await app.query('SELECT 1 AS one');
  assert.deepEqual(rows, [{ one: 1 }]);
});
