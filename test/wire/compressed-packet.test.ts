/** The compressed protocol: what is packed comes out again, whatever the chunks, and nonsense is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CompressedReader,
  type Compression,
  MalformedPacket,
  packCompressed,
  zlibCompression,
  zstdCompression,
} from '../../src/wire/index.ts';

const algorithms = [zlibCompression, zstdCompression(3), zstdCompression(22)];

const unpack = (bytes: Buffer, cuts: readonly number[], compression: Compression): Buffer => {
  const reader = new CompressedReader(compression);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    pieces.push(...reader.push(Buffer.from(bytes.subarray(from, cut))));
    from = cut;
  }
  return Buffer.concat(pieces);
};

test('any bytes, cut anywhere, come out as they went in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 2000 })), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.nat(), { maxLength: 10 }),
      fc.constantFrom(...algorithms),
      (parts, cuts, compression) => {
        const plain = Buffer.concat(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes)));
        const { packets } = packCompressed(plain, 0, compression);
        assert.ok(unpack(packets, cuts, compression).equals(plain));
      },
    ),
    { numRuns: 50 },
  );
});

test('sequence ids count packets and wrap', () => {
  const { packets, nextSequenceId } = packCompressed(Buffer.alloc(600_000, 1), 254, zlibCompression);
  assert.equal(nextSequenceId, 1);
  assert.equal(packets[3], 254);
});

test('short pieces are sent as they are', () => {
  const { packets } = packCompressed(Buffer.from('abc'), 3, zlibCompression);
  assert.deepEqual(packets, Buffer.from([3, 0, 0, 3, 0, 0, 0, 0x61, 0x62, 0x63]));
});

for (const compression of algorithms) {
  test(`data that is no ${compression.algorithm} stream (level ${compression.level}), or of another length, is malformed`, () => {
    const reader = () => new CompressedReader(compression);
    const wrong = Buffer.from([3, 0, 0, 0, 9, 0, 0, 1, 2, 3]);
    assert.throws(() => reader().push(wrong), MalformedPacket);
    const { packets } = packCompressed(Buffer.alloc(1000, 7), 0, compression);
    packets.writeUIntLE(999, 4, 3);
    assert.throws(() => reader().push(packets), MalformedPacket);
    packets.writeUIntLE(1001, 4, 3);
    assert.throws(() => reader().push(packets), MalformedPacket);
    assert.throws(() => reader().push(Buffer.alloc(7)), MalformedPacket);
  });
}

test('a stream cut at every byte', () => {
  for (const compression of algorithms) {
    const plain = Buffer.from(`${'shard'.repeat(40)}${Math.PI}`);
    const { packets } = packCompressed(Buffer.concat([plain, plain]), 0, compression);
    for (let cut = 0; cut <= packets.length; cut += 1)
      assert.ok(unpack(packets, [cut], compression).equals(Buffer.concat([plain, plain])));
  }
});
