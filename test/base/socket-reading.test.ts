/** Sockets that share the memory of their reads: what was handed out stays as it was, whatever is read next. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { adoptSocket, connectSocket, giveBack } from '../../src/base/index.ts';

let server: Server;
const accepted: Socket[] = [];

before(async () => {
  server = createServer({ pauseOnConnect: true }, (socket) => accepted.push(adoptSocket(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(() => {
  for (const socket of accepted) socket.destroy();
  server.close();
});

/** A connection's two ends, both with shared reads. */
async function pair(): Promise<[Socket, Socket]> {
  const client = connectSocket({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  await once(client, 'connect');
  for (;;) {
    const end = accepted.find((socket) => socket.remotePort === client.localPort);
    if (end !== undefined) return [client, end];
    await sleep(1);
  }
}

/** Keeps every chunk as it came. */
function keep(socket: Socket): Buffer[] {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}

const digest = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');

it('keeps chunks of several sockets apart, small ones and long runs, in both directions', async () => {
  const pairs = await Promise.all([pair(), pair(), pair()]);
  const sent = pairs.map(() => [] as Buffer[]);
  const kept = pairs.map(([client, end]) => [keep(client), keep(end)] as const);
  for (const size of [1, 100, 5000, 3_000_000, 10, 65_536, 200_000, 7]) {
    for (const [index, [client, end]] of pairs.entries()) {
      const bytes = randomBytes(size);
      sent[index]?.push(bytes);
      client.write(bytes);
      end.write(bytes);
    }
    await sleep(5);
  }
  const total = sent[0]?.reduce((sum, bytes) => sum + bytes.length, 0);
  const length = (chunks: readonly Buffer[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  while (kept.some((sides) => sides.some((chunks) => length(chunks) !== total))) await sleep(5);
  for (const [index, sides] of kept.entries()) {
    const wanted = digest(Buffer.concat(sent[index] ?? []));
    for (const chunks of sides) assert.equal(digest(Buffer.concat(chunks)), wanted);
  }
  for (const sockets of pairs) for (const socket of sockets) socket.destroy();
});

it('reads into what was given back, and into nothing that others still hold', async () => {
  const pairs = await Promise.all([pair(), pair(), pair()]);
  const bytes = randomBytes(6_000_000);
  const all = pairs.map(async ([client, end], index) => {
    const kept: Buffer[] = [];
    let length = 0;
    client.on('data', (chunk: Buffer) => {
      length += chunk.length;
      // One keeps all, one gives all back, one every other; small chunks share their memory with others' and stay.
      const giving = index === 1 || (index === 2 && kept.length % 2 === 0);
      kept.push(giving ? Buffer.from(chunk) : chunk);
      if (giving) giveBack(chunk);
    });
    for (let at = 0; at < bytes.length; ) {
      const size = at % 3 === 0 ? 100 : 300_000;
      end.write(bytes.subarray(at, at + size));
      at += size;
      if (size === 100) await sleep(1);
    }
    while (length < bytes.length) await sleep(5);
    assert.equal(digest(Buffer.concat(kept)), digest(bytes));
    client.destroy();
  });
  await Promise.all(all);
});

it('stops reading while paused, and ends after what was sent before the end', async () => {
  const [client, end] = await pair();
  const chunks = keep(end);
  end.pause();
  assert.ok(end.isPaused());
  client.end(Buffer.alloc(100_000, 'x'));
  await sleep(50);
  assert.equal(chunks.length, 0);
  const ended = once(end, 'end');
  end.resume();
  await ended;
  assert.equal(Buffer.concat(chunks).length, 100_000);
  await once(end, 'close');
  assert.ok(end.destroyed);
});
