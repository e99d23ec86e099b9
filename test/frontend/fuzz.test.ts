/** Bytes that no client would send, at every stage: the sidecar answers or cuts that client off, and others notice nothing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type Socket, connect as tcpConnect } from 'node:net';
import { after, before, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import mysql from 'mysql2/promise';
import { processTree, residentBytes } from '../../bench/process-cost.ts';
import { type ClientGround, startGround } from '../clients/ground.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** A small generator, so that a printed seed repeats a run. */
function generator(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const below = generator(seed);
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)));
const packet = (payload: Buffer, sequence: number, claimed = payload.length): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUIntLE(claimed, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, payload]);
};

let ground: ClientGround;
let witness: mysql.Connection;

before(async () => {
  ground = await startGround('*0000000000000000000000000000000000000000');
  witness = await login();
  await witness.query('CREATE TABLE orders (order_id BIGINT NOT NULL PRIMARY KEY, user_id INT NOT NULL, note TEXT)');
  await witness.query("INSERT INTO orders VALUES (1, 1, 'one'), (2, 2, 'two')");
});

after(async () => {
  await witness?.end();
  await ground?.stop();
});

function login(compress = false): Promise<mysql.Connection> {
  return mysql.createConnection({
    compress,
    host: '127.0.0.1',
    port: ground.sidecar.port,
    user: 'app',
    password: 'app',
    database: 'shop',
  });
}

/** Sends the pieces once the greeting is there; resolves when the server closes or has been quiet for a moment. */
function strange(pieces: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = tcpConnect(ground.sidecar.port, '127.0.0.1');
    const end = (): void => {
      socket.destroy();
      resolve();
    };
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece);
      setTimeout(end, 30);
    });
    socket.on('error', end);
    socket.on('close', end);
  });
}

async function othersAreWell(): Promise<void> {
  const [rows] = await witness.query('SELECT note FROM orders ORDER BY order_id');
  assert.deepEqual(rows, [{ note: 'one' }, { note: 'two' }], `seed ${seed}`);
  const log = readFileSync(ground.sidecar.logPath, 'utf8');
  assert.doesNotMatch(log, /session\.bug|internal error/, `seed ${seed}`);
}

test('before the login', async () => {
  const response = (rest: Buffer): Buffer => Buffer.concat([Buffer.from('8da20f00', 'hex'), Buffer.alloc(28), rest]);
  const attempts: Buffer[][] = [];
  for (let index = 0; index < 60; index += 1) {
    attempts.push(
      [
        [bytes(1 + below(200))],
        [packet(bytes(below(300)), below(3))],
        [packet(response(bytes(below(100))), 1)],
        [packet(response(Buffer.from('app\0\x14')), 1), packet(bytes(below(40)), 3), packet(bytes(below(40)), 5)],
        [packet(bytes(10), 1, 0xff_ffff)],
        [packet(Buffer.concat([Buffer.from('0008ffff', 'hex'), Buffer.alloc(28)]), 1), bytes(100)],
      ][index % 6] as Buffer[],
    );
  }
  await Promise.all(attempts.map((pieces) => strange(pieces)));
  await othersAreWell();
});

/** A command with its byte and random content, some of it almost right. */
function command(): Buffer {
  const texts = [
    'SELECT * FROM orders WHERE user_id = ?',
    'SELECT ?, ?',
    `SELECT ${'('.repeat(2000)}1`,
    'SELECT 1; SELECT',
    `/*${'x'.repeat(5000)}`,
  ];
  const text = Buffer.from(texts[below(texts.length)] as string);
  const id = Buffer.alloc(4);
  id.writeUInt32LE(below(4) === 0 ? 0xffff_ffff : below(3));
  switch (below(8)) {
    case 0:
      return Buffer.concat([Buffer.of(0x03), text]);
    case 1:
      return Buffer.concat([Buffer.of(0x16), text]);
    case 2:
      return Buffer.concat([Buffer.of(0x17), id, Buffer.of(below(2)), Buffer.from([1, 0, 0, 0]), bytes(below(60))]);
    case 3:
      return Buffer.concat([Buffer.of(0x18), id, bytes(below(20))]);
    case 4:
      return Buffer.concat([Buffer.of(0x1c), id, bytes(4)]);
    case 5:
      return Buffer.concat([Buffer.of(0x03), bytes(below(300))]);
    case 6:
      return Buffer.concat([Buffer.of(0x11), bytes(below(80))]);
    default:
      return Buffer.concat([Buffer.of(below(256)), bytes(below(30))]);
  }
}

test('commands', async () => {
  for (let round = 0; round < 25; round += 1) {
    const client = await login();
    client.on('error', () => undefined);
    const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream;
    socket.removeAllListeners('data');
    socket.on('data', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    for (let index = 0; index < 15 && !socket.destroyed; index += 1) {
      const payload = command();
      // KILL and SHUTDOWN aim at others by design.
      if (payload[0] === 0x0c) continue;
      socket.write(packet(payload, 0));
    }
    if (below(2) === 0) socket.write(packet(bytes(5), 7));
    socket.write(packet(Buffer.of(1), 0));
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 300))]);
    socket.destroy();
  }
  await othersAreWell();
  // Nothing of them is left: this session alone is listed.
  for (let attempt = 0; ; attempt += 1) {
    const [sessions] = await witness.query<mysql.RowDataPacket[]>('SHOW PROCESSLIST');
    if (sessions.length === 1) break;
    assert.ok(attempt < 100, `${sessions.length} sessions are left, seed ${seed}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

/** A compressed packet whose lengths may be lies. */
function compressed(): Buffer {
  const payload = below(2) === 0 ? command() : bytes(below(200));
  // KILL aims at others by design.
  if (payload[0] === 0x0c) payload[0] = 0x0e;
  const inner = packet(payload, 0, below(4) === 0 ? 0xff_ffff : undefined);
  const data = [deflateSync(inner), inner, deflateSync(Buffer.alloc(1 << 20)), bytes(below(100))][below(4)] as Buffer;
  const head = Buffer.alloc(7);
  head.writeUIntLE(below(4) === 0 ? below(0xff_ffff) : data.length, 0, 3);
  head[3] = below(4) === 0 ? below(256) : 0;
  head.writeUIntLE([inner.length, 0, 0xff_ffff, below(1000)][below(4)] as number, 4, 3);
  return Buffer.concat([head, data]);
}

test('compressed packets with garbage and wrong lengths', async () => {
  const before = residentBytes(processTree(ground.sidecar.pid));
  for (let round = 0; round < 60; round += 1) {
    const client = await login(true);
    client.on('error', () => undefined);
    const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream;
    socket.removeAllListeners('data');
    socket.on('data', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    for (let index = 0; index < 4 && !socket.destroyed; index += 1) socket.write(compressed());
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 50))]);
    socket.destroy();
  }
  await othersAreWell();
  const grown = residentBytes(processTree(ground.sidecar.pid)) - before;
  assert.ok(grown < 256 * 1024 * 1024, `${grown} bytes more, seed ${seed}`);
});

test('thousands of parameters', async () => {
  const client = await login();
  const many = Array.from({ length: 5000 }, (_, index) => index);
  const [rows] = await client.execute<mysql.RowDataPacket[]>(
    `SELECT COUNT(*) AS n FROM orders WHERE user_id IN (${many.map(() => '?').join()})`,
    many,
  );
  assert.equal(rows[0]?.['n'], 2);
  await client.end();
  await othersAreWell();
});

test('deep nesting is answered', async () => {
  const client = await login();
  for (const depth of [100, 2000, 50_000]) {
    const answer = await client.query(`SELECT ${'('.repeat(depth)}1${')'.repeat(depth)} AS one`).then(
      () => 'rows',
      (error: { errno: number }) => `error ${error.errno > 0}`,
    );
    assert.match(answer, /^(rows|error true)$/);
  }
  await client.end();
  await othersAreWell();
});
