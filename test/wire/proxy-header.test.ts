/** PROXY headers are found whole, wherever they are cut, and nothing else is taken for one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedPacket, parseProxyHeader } from '../../src/wire/index.ts';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const binary = (command: number, family: number, body: readonly number[]): Buffer =>
  Buffer.concat([signature, Buffer.of(command, family, body.length >> 8, body.length & 0xff), Buffer.from(body)]);
const mapped = [...Buffer.alloc(10), 0xff, 0xff, 192, 0, 2, 1];

const headers: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['text, IPv4', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.9 1 65535\r\n'), '192.0.2.1'],
  ['text, IPv6', Buffer.from('PROXY TCP6 2001:DB8:0:0::1 ::1 1 2\r\n'), '2001:db8::1'],
  ['text, IPv4 in IPv6', Buffer.from('PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n'), '192.0.2.1'],
  ['text, unknown', Buffer.from('PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n'), undefined],
  ['binary, IPv4', binary(0x21, 0x11, [192, 0, 2, 1, 0, 0, 0, 0, 0, 1, 0, 2]), '192.0.2.1'],
  ['binary, IPv6', binary(0x21, 0x21, [...mapped, ...Buffer.alloc(20)]), '192.0.2.1'],
  ['binary, unix', binary(0x21, 0x31, [...Buffer.alloc(216)]), undefined],
  ['binary, local', binary(0x20, 0x11, [192, 0, 2, 1, 0, 0, 0, 0, 0, 1, 0, 2]), undefined],
  ['binary, extensions', binary(0x21, 0x11, [192, 0, 2, 1, ...Buffer.alloc(500)]), '192.0.2.1'],
];

for (const [name, header, client] of headers) {
  test(`${name}, cut at every byte`, () => {
    const rest = Buffer.from('rest');
    for (let cut = 0; cut < header.length; cut += 1)
      assert.equal(parseProxyHeader(header.subarray(0, cut)), undefined, `cut at ${cut}`);
    assert.deepEqual(parseProxyHeader(header), { length: header.length, client });
    assert.deepEqual(parseProxyHeader(Buffer.concat([header, rest])), { length: header.length, client });
  });
}

test('anything else is refused', () => {
  const wrong = [
    Buffer.from('GET / HTTP/1.1'),
    Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.9 1 65536\r\n'),
    Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.9 1 2 3\r\n'),
    Buffer.from('PROXY \r\n'),
    Buffer.alloc(200, 'PROXY TCP4 '),
    binary(0x31, 0x11, [...Buffer.alloc(12)]),
    binary(0x2f, 0x11, [...Buffer.alloc(12)]),
    binary(0x21, 0x11, [1, 2, 3]),
    binary(0x21, 0x21, [...Buffer.alloc(35)]),
    Buffer.concat([signature, Buffer.of(0x21, 0x11, 0xff, 0xff)]),
  ];
  for (const bytes of wrong) assert.throws(() => parseProxyHeader(bytes), MalformedPacket, bytes.toString('latin1'));
});

test('no bytes throw anything but MalformedPacket', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(signature, Buffer.from('PROXY ')),
      (bytes, start) => {
        for (const all of [Buffer.from(bytes), Buffer.concat([start, bytes])]) {
          try {
            parseProxyHeader(all);
          } catch (error) {
            assert.ok(error instanceof MalformedPacket);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
