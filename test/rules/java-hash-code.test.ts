/** Java's documented hash codes; expected values were computed by the definitions in the Java platform's API pages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  javaBigIntegerHash,
  javaDecimalHash,
  javaHashCode,
  javaIntegerHash,
  javaLongHash,
  javaStringHash,
} from '../../src/rules/java-hash-code.ts';

test('String.hashCode', () => {
  assert.equal(javaStringHash(''), 0);
  assert.equal(javaStringHash('a'), 97);
  assert.equal(javaStringHash('abc'), 96354);
  assert.equal(javaStringHash('hello'), 99162322);
  assert.equal(javaStringHash('Hello World'), -862545276);
  // A known pair with one hash, and the text that hashes to Integer.MIN_VALUE.
  assert.equal(javaStringHash('Aa'), javaStringHash('BB'));
  assert.equal(javaStringHash('polygenelubricants'), -2147483648);
  // UTF-16 code units, not code points: U+1F600 is D83D DE00.
  assert.equal(javaStringHash('😀'), 0xd83d * 31 + 0xde00);
});

test('Integer and Long hash codes', () => {
  assert.equal(javaIntegerHash(5n), 5);
  assert.equal(javaIntegerHash(-1n), -1);
  assert.equal(javaIntegerHash(2n ** 31n - 1n), 2147483647);
  assert.equal(javaIntegerHash(2n ** 31n), -2147483648);
  assert.equal(javaLongHash(-1n), 0);
  assert.equal(javaLongHash(4294967296n), 1);
  assert.equal(javaLongHash(2n ** 63n - 1n), -2147483648);
  assert.equal(javaLongHash(-(2n ** 63n)), -2147483648);
});

test('BigInteger.hashCode is used above 64 bits', () => {
  assert.equal(javaBigIntegerHash(0n), 0);
  assert.equal(javaBigIntegerHash(2n ** 32n), 31);
  assert.equal(javaBigIntegerHash(-(2n ** 32n)), -31);
  assert.equal(javaIntegerHash(2n ** 64n), 31 * 31);
});

test('BigDecimal.hashCode: unscaled value and scale', () => {
  assert.equal(javaDecimalHash('0'), 0);
  assert.equal(javaDecimalHash('1'), 31);
  assert.equal(javaDecimalHash('1.0'), 311);
  assert.equal(javaDecimalHash('1.00'), 3102);
  assert.equal(javaDecimalHash('-1.5'), -15 * 31 + 1);
  assert.equal(
    javaDecimalHash('12345678901234567890'),
    (Math.imul(31, javaBigIntegerHash(12345678901234567890n)) + 0) | 0,
  );
  assert.equal(javaDecimalHash('1e5'), undefined);
});

test('values without a hash in Java have none here', () => {
  assert.equal(javaHashCode({ kind: 'null' }), undefined);
  assert.equal(javaHashCode({ kind: 'bytes', bytes: Uint8Array.of(1) }), undefined);
});
