/** The compressed protocol: what is packed comes out again, whatever the chunks, and nonsense is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CompressedReader, MalformedPacket, packCompressed } from '../../src/wire/index.ts';

const unpack = (bytes: Buffer, cuts: readonly number[]): Buffer => {
  const reader = new CompressedReader();
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
      (parts, cuts) => {
        const plain = Buffer.concat(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes)));
        const { packets } = packCompressed(plain, 0);
        assert.ok(unpack(packets, cuts).equals(plain));
      },
    ),
    { numRuns: 50 },
  );
});

test('sequence ids count packets and wrap', () => {
  const { packets, nextSequenceId } = packCompressed(Buffer.alloc(600_000, 1), 254);
  assert.equal(nextSequenceId, 1);
  assert.equal(packets[3], 254);
});

test('short pieces are sent as they are', () => {
  const { packets } = packCompressed(Buffer.from('abc'), 3);
  assert.deepEqual(packets, Buffer.from([3, 0, 0, 3, 0, 0, 0, 0x61, 0x62, 0x63]));
});

test('data that is no zlib stream, or of another length, is malformed', () => {
  const wrong = Buffer.from([3, 0, 0, 0, 9, 0, 0, 1, 2, 3]);
  assert.throws(() => new CompressedReader().push(wrong), MalformedPacket);
  const { packets } = packCompressed(Buffer.alloc(1000, 7), 0);
  packets.writeUIntLE(999, 4, 3);
  assert.throws(() => new CompressedReader().push(packets), MalformedPacket);
  packets.writeUIntLE(1001, 4, 3);
  assert.throws(() => new CompressedReader().push(packets), MalformedPacket);
  assert.throws(() => new CompressedReader().push(Buffer.alloc(7)), MalformedPacket);
});
