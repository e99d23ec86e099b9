import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { integerAt, literalValue } from '../../src/sql/index.ts';
import { lexed, mariadbMode } from './lexer-cases.ts';

function string(text: string, charset?: string) {
  return { kind: 'string', bytes: new Uint8Array(Buffer.from(text, 'latin1')), charset };
}
function binary(...bytes: number[]) {
  return { kind: 'binary', bytes: Uint8Array.from(bytes) };
}

const cases: readonly (readonly [string, unknown])[] = [
  ['0', { kind: 'integer', value: 0n }],
  ['007', { kind: 'integer', value: 7n }],
  ['999999999999999', { kind: 'integer', value: 999999999999999n }],
  ['9223372036854775808', { kind: 'integer', value: 9223372036854775808n }],
  ['123456789012345678901234567890', { kind: 'integer', value: 123456789012345678901234567890n }],
  ['1.50', { kind: 'decimal', text: '1.50' }],
  ['.5', { kind: 'decimal', text: '.5' }],
  ['1e400', { kind: 'float', text: '1e400' }],
  ["'a'", string('a')],
  ["''", string('')],
  ["'it''s'", string("it's")],
  ['"a""b"', string('a"b')],
  ["'a\"b'", string('a"b')],
  ["'\\0\\b\\n\\r\\t\\Z\\\\\\'\\\"'", string('\0\b\n\r\t\x1a\\\'"')],
  ["'\\%\\_\\q'", string('\\%\\_q')],
  ["'a' 'b'\n\"c\"", string('abc')],
  ["'a' x", string('a')],
  ["N'a'", string('a', 'utf8mb3')],
  ["n'a' 'b'", string('ab', 'utf8mb3')],
  ["_latin1'a' 'b'", string('ab', 'latin1')],
  ["_UTF8MB4 'a'", string('a', 'utf8mb4')],
  ["_latin1 x'41'", string('A', 'latin1')],
  ["_binary'a'", string('a', 'binary')],
  ["x'4142'", binary(0x41, 0x42)],
  ["X''", binary()],
  ['0xabc', binary(0x0a, 0xbc)],
  ["b'101'", binary(5)],
  ['0b100000001', binary(1, 1)],
  ["b''", binary()],
  ['null', { kind: 'null' }],
  ['True', { kind: 'boolean', value: true }],
  ['FALSE', { kind: 'boolean', value: false }],
  ["date '2020-01-01'", { kind: 'temporal', type: 'DATE', text: '2020-01-01' }],
  ["TIME'10:00'", { kind: 'temporal', type: 'TIME', text: '10:00' }],
  ['timestamp "2020-01-01 10:00"', { kind: 'temporal', type: 'TIMESTAMP', text: '2020-01-01 10:00' }],
];
for (const [text, expected] of cases) {
  test(`literal ${text}`, () => {
    assert.deepEqual(literalValue(lexed(text), 0), expected);
  });
}

test('without backslash escapes a backslash is a character', () => {
  const tokens = lexed("'a\\' 'b\\n''c'", { ...mariadbMode, noBackslashEscapes: true });
  assert.deepEqual(literalValue(tokens, 0), string("a\\b\\n'c"));
  assert.deepEqual(literalValue(tokens.copy(), 0), string("a\\b\\n'c"));
});

test('what is no literal is refused', () => {
  for (const text of ['a', '?', '(', '@a', '`a`', '', "'a", 'date']) {
    assert.throws(() => literalValue(lexed(text), 0), RangeError, text);
  }
});

test('any integer is exact', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 1n << 80n }), (value) => integerAt(lexed(`a ${value}`), 1) === value),
  );
});

test('any bytes survive quoting', () => {
  const quotes = fc.constantFrom("'", '"');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), quotes, (bytes, quote) => {
      const body: number[] = [];
      for (const byte of bytes) {
        if (byte === quote.charCodeAt(0)) body.push(byte);
        if (byte === 0x5c) body.push(0x5c);
        body.push(byte);
      }
      const text = Uint8Array.from([quote.charCodeAt(0), ...body, quote.charCodeAt(0)]);
      const tokens = lexed(text, { ...mariadbMode, charset: 'latin1' });
      assert.equal(tokens.count, 1);
      const value = literalValue(tokens, 0);
      assert.deepEqual(value.kind === 'string' ? value.bytes : value, new Uint8Array(bytes));
    }),
    { numRuns: 500 },
  );
});
