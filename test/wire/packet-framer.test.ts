/** Packets cut and joined anywhere come out whole, in order and bounded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeshError } from '../../src/base/index.ts';
import { framePayload, PACKET_PAYLOAD_MAX, PacketFramer, PacketWriter } from '../../src/wire/index.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

function drain(framer: PacketFramer): Buffer[] {
  const out: Buffer[] = [];
  for (let payload = framer.next(); payload !== undefined; payload = framer.next()) out.push(Buffer.from(payload));
  return out;
}

test(`any cutting of a packet stream gives the same payloads (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 20 }),
      (payloads, cuts) => {
        const stream = Buffer.concat(payloads.map((payload, i) => framePayload(Buffer.from(payload), i)));
        const framer = new PacketFramer(1000);
        const got: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i += 1) {
          const size = cuts[i % cuts.length] as number;
          framer.push(Buffer.from(stream.subarray(at, at + size)));
          at += size;
          got.push(...drain(framer));
        }
        assert.deepEqual(
          got.map((each) => each.toString('hex')),
          payloads.map((each) => Buffer.from(each).toString('hex')),
        );
        assert.equal(framer.bufferedBytes, 0);
      },
    ),
    { seed, numRuns: 200 },
  );
});

test('a payload of 16 MiB - 1 and more is split and joined, with its empty last packet', () => {
  for (const length of [PACKET_PAYLOAD_MAX - 1, PACKET_PAYLOAD_MAX, PACKET_PAYLOAD_MAX + 5, 2 * PACKET_PAYLOAD_MAX]) {
    const payload = Buffer.alloc(length, 7);
    payload[length - 1] = 9;
    const framed = framePayload(payload, 254);
    const writer = new PacketWriter();
    writer.sequenceId = 254;
    writer.packet(payload);
    const written = writer.take();
    assert.ok(written.equals(framed), `writer and framePayload agree for ${length}`);
    assert.equal(framed.length, length + 4 * (Math.floor(length / PACKET_PAYLOAD_MAX) + 1));
    const framer = new PacketFramer(64 * 1024 * 1024);
    framer.expect(254);
    for (let at = 0; at < framed.length; at += 3_000_001) framer.push(framed.subarray(at, at + 3_000_001));
    const got = framer.next();
    assert.ok(got?.equals(payload), `joined ${length}`);
    assert.equal(framer.next(), undefined);
    assert.equal(framer.nextSequenceId, writer.sequenceId);
  }
});

test('a packet above the limit is refused when its header arrives, also when it grows over several physical packets', () => {
  const framer = new PacketFramer(10);
  framer.push(Buffer.from([11, 0, 0, 0]));
  assert.throws(
    () => framer.next(),
    (error) => error instanceof MeshError && error.errno === 1153,
  );
  const joined = new PacketFramer(PACKET_PAYLOAD_MAX + 1);
  joined.push(framePayload(Buffer.alloc(PACKET_PAYLOAD_MAX + 2)));
  assert.throws(
    () => joined.next(),
    (error) => error instanceof MeshError && error.errno === 1153,
  );
});

test('a claimed length costs no memory until bytes arrive', () => {
  const framer = new PacketFramer(64 * 1024 * 1024);
  const before = process.memoryUsage().arrayBuffers;
  framer.push(Buffer.from([0xfe, 0xff, 0xff, 0, 1]));
  assert.equal(framer.next(), undefined);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});

test('a wrong sequence id is refused with 1156; startCommand begins at 0 again', () => {
  const framer = new PacketFramer(100);
  framer.push(framePayload(Buffer.from('a'), 0));
  assert.equal(framer.next()?.toString(), 'a');
  framer.startCommand();
  framer.push(framePayload(Buffer.from('b'), 0));
  assert.equal(framer.next()?.toString(), 'b');
  framer.push(framePayload(Buffer.from('c'), 2));
  assert.throws(
    () => framer.next(),
    (error) => error instanceof MeshError && error.errno === 1156,
  );
});

test('the writer hands out only finished packets and never writes taken bytes again', () => {
  const writer = new PacketWriter(64);
  writer.begin().string('first').end();
  writer.begin().string('open');
  const taken = writer.take();
  const copy = Buffer.from(taken);
  assert.equal(taken.toString('latin1', 4), 'first');
  writer.bytes(Buffer.alloc(200, 1)).end();
  const second = writer.take();
  assert.ok(taken.equals(copy));
  assert.equal(second.readUIntLE(0, 3), 204);
  assert.equal(second[3], 1);
  assert.equal(second.toString('latin1', 4, 8), 'open');
  writer.begin().string('x');
  writer.cancel();
  assert.equal(writer.take().length, 0);
});
