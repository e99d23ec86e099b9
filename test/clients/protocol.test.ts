/** What of the protocol no scenario of a client touches: sockets, logins, compression, long packets, procedures, broken clients. */
import assert from 'node:assert/strict';
import { connect as tcpConnect } from 'node:net';
import { after, before, test } from 'node:test';
import mysql from 'mysql2/promise';
import {
  AuthPlugin,
  buildHandshakeResponse,
  Capability,
  CompressedReader,
  framePayload,
  nativePasswordScramble,
  newStoredSha2,
  PacketFramer,
  packCompressed,
  parseHandshake,
  payloadOf,
  serverCapabilities,
  zstdCompression,
} from '../../src/wire/index.ts';
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

test('query attributes end here; a hint among them counts', async () => {
  const client = await open({ user: 'dba', password: 'dba' });
  const server = await ground.servers[2]!.connection('shop_1');
  await server.query('CREATE TABLE IF NOT EXISTS only_here (id INT PRIMARY KEY)');
  await server.query('REPLACE INTO only_here VALUES (7)');
  await server.end();
  const plain = { a: 'b', 'with spaces': 5, empty: '', nothing: null };
  const [one] = await client.query({ sql: 'SELECT 1 AS one', attributes: plain } as mysql.QueryOptions);
  assert.deepEqual(one, [{ one: 1 }]);
  const [two] = await client.execute({ sql: 'SELECT ? AS two', values: [2], attributes: plain } as mysql.QueryOptions);
  assert.deepEqual(two, [{ two: 2 }]);
  const hinted = { sql: 'SELECT id FROM only_here', attributes: { shardmesh_hint: 'DATA_SOURCE_NAME=ds_1' } };
  const [rows] = await client.query(hinted as mysql.QueryOptions);
  assert.deepEqual(rows, [{ id: 7 }]);
  await assert.rejects(client.query(hinted.sql), { errno: 1146 });
  await assert.rejects(client.execute({ ...hinted, sql: 'SELECT 1' } as mysql.QueryOptions), { errno: 9001 });
  const closing = { ...hinted, attributes: { shardmesh_hint: 'DATA_SOURCE_NAME=ds_1 */ x /*' } };
  await assert.rejects(client.query(closing as mysql.QueryOptions), /hint/);
  // A user without the right has none by an attribute either.
  await assert.rejects(app.query(hinted as mysql.QueryOptions), { errno: 1227 });
  await client.end();
});

test('zstd compression, asked for by a client that knows nothing else', async () => {
  const compression = zstdCompression(3);
  const capabilities =
    (serverCapabilities & ~(Capability.COMPRESS | Capability.CONNECT_ATTRS | Capability.CONNECT_WITH_DB)) >>> 0;
  const socket = tcpConnect(ground.sidecar.port, '127.0.0.1');
  const framer = new PacketFramer(64 * 1024 * 1024);
  let unpack: CompressedReader | undefined;
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    for (const piece of unpack === undefined ? [chunk] : unpack.push(chunk)) framer.push(piece);
    wake();
  });
  const next = async (): Promise<Buffer> => {
    for (;;) {
      const payload = framer.next();
      if (payload !== undefined) return payload;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const { scramble } = parseHandshake(await next());
  const response = payloadOf((writer) =>
    buildHandshakeResponse(writer, {
      capabilities,
      packetSizeMax: 0,
      collation: 45,
      user: 'app',
      authResponse: nativePasswordScramble('app', scramble),
      database: '',
      authPlugin: AuthPlugin.NATIVE,
      attributes: new Map(),
      zstdLevel: 5,
    }),
  );
  socket.write(framePayload(response, 1));
  framer.expect(2);
  assert.equal((await next())[0], 0);
  unpack = new CompressedReader(compression);
  const before = socket.bytesRead;
  for (let round = 0; round < 3; round += 1) {
    framer.expect(1);
    const text = `SELECT REPEAT('shard', 100000) /* ${'long '.repeat(100)} */`;
    const query = framePayload(Buffer.concat([Buffer.from([3, 0, 1]), Buffer.from(text)]), 0);
    socket.write(packCompressed(query, 0, compression).packets);
    const packets = [await next(), await next(), await next(), await next()];
    assert.equal(packets[2]?.length, 500_000 + 4);
  }
  assert.ok(socket.bytesRead - before < 20_000, String(socket.bytesRead - before));
  socket.destroy();
});
