/** Inline expressions: what they give, what they refuse and where, and that no text makes them throw anything else. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileText } from '../../src/rules/inline/compile.ts';
import { expandNames, splitList } from '../../src/rules/inline/expand.ts';
import { ExpressionError } from '../../src/rules/inline/expression.ts';
import { parseTemplate } from '../../src/rules/inline/parser.ts';
import type { InlineValue } from '../../src/rules/inline/values.ts';

const names = (text: string): string[] => expandNames(text).map((each) => each.name);
const give = (text: string, row: Readonly<Record<string, InlineValue>> = {}): string => {
  const variables = Object.keys(row);
  return compileText(parseTemplate(text, variables), variables)(Object.values(row));
};

test('lists of names: ranges, lists, products, both marks, commas', () => {
  assert.deepEqual(names('ds_${0..1}.t_${0..1}'), ['ds_0.t_0', 'ds_0.t_1', 'ds_1.t_0', 'ds_1.t_1']);
  assert.deepEqual(names("${['online', 'offline']}_t$->{1..2}"), [
    'online_t1',
    'online_t2',
    'offline_t1',
    'offline_t2',
  ]);
  assert.deepEqual(names('a.t_${0..1}, b.t_${[5,7]}'), ['a.t_0', 'a.t_1', 'b.t_5', 'b.t_7']);
  assert.deepEqual(names('t_${3..1}'), ['t_3', 't_2', 't_1']);
  assert.deepEqual(names('t_${0..<2}'), ['t_0', 't_1']);
  assert.deepEqual(names("t_${'a'..'c'}"), ['t_a', 't_b', 't_c']);
  assert.deepEqual(names("t_${(9..10).collect{t ->t.toString().padLeft(2,'0')}}"), ['t_09', 't_10']);
  assert.deepEqual(names('t_${[1, 4..5]}'), ['t_1', 't_4', 't_5']);
  assert.deepEqual(names('plain.t'), ['plain.t']);
  assert.deepEqual(
    splitList("a_${[1,2]},b_${['x,y','}']},c").map((each) => [each.text, each.at]),
    [
      ['a_${[1,2]}', 0],
      ["b_${['x,y','}']}", 11],
      ['c', 28],
    ],
  );
});

test('arithmetic is that of Java', () => {
  assert.equal(give('t_${id % 4}', { id: -1n }), 't_-1');
  assert.equal(give('t_${id.intdiv(4)}', { id: -7n }), 't_-1');
  assert.equal(give('${id.abs() % 4}', { id: -7n }), '3');
  assert.equal(give('${1 + 2 * 3 - (4 - 5)}'), '8');
  assert.equal(give('${id + 1}', { id: 2n ** 63n - 1n }), '-9223372036854775808');
  assert.equal(give('${id + 1}', { id: 2n ** 64n - 1n }), '18446744073709551616');
  assert.equal(give('${id >>> 60}${id >> 60}${id & 3}', { id: -1n }), '15-13');
  assert.equal(give('${Math.floorMod(id, 4)}', { id: -1n }), '3');
  assert.equal(give('${(id.toString()).hashCode() % 4}', { id: 100n }), String(48625 % 4));
});

test('text, slices, conditions, conversions', () => {
  assert.equal(give('${s[0..1]}${s[-1]}${s[-2..-1]}${s[1..0]}', { s: 'abcd' }), 'abdcdba');
  assert.equal(give('${s.substring(1, 3).toUpperCase()}', { s: 'abcd' }), 'BC');
  assert.equal(give("${id.toString().padLeft(4, '0')}", { id: 42n }), '0042');
  assert.equal(give("${id < 10 ? 'low' : id < 20 ? 'mid' : 'high'}", { id: 15n }), 'mid');
  assert.equal(give("${s == 'x' && !(1 > 2) || false}", { s: 'x' }), 'true');
  assert.equal(give('${Long.parseLong(s.substring(s.length() - 2)) % 16}', { s: 'u-99' }), '3');
  assert.equal(give('${s as int}', { s: 5n }), '5');
  assert.equal(give("${'it\\'s ' + 1 + 2}"), "it's 12");
});

test('what is refused names the column of the text', () => {
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['t_${id / 2}', 8, /fraction/],
    ['t_${idx % 2}', 5, /'idx' is not known/],
    ['t_${id.intdiff(2)}', 8, /not known/],
    ['t_${id % }', 10, /ends too early/],
    ['t_${id % 2', 4, /not closed/],
    ['t_${}', 5, /empty/],
    ['t_${id.abs(1)}', 8, /takes 0/],
    ['t_${System.exit(0)}', 5, /not known/],
    ["t_${'a}", 5, /not closed/],
    ['t_${1.5}', 5, /whole numbers/],
    ['t_${id; id}', 7, /not understood/],
    ['t_${(id}', 8, /'\)' expected/],
  ];
  for (const [text, column, message] of cases) {
    assert.throws(
      () => parseTemplate(text, ['id']),
      (error: unknown) => error instanceof ExpressionError && error.at + 1 === column && message.test(error.message),
      text,
    );
  }
  assert.throws(() => names('t_${0..999999999}'), /at most/);
  assert.throws(
    () => names('a,${x}'),
    (error: unknown) => error instanceof ExpressionError && error.at === 4,
  );
  assert.throws(() => give('${id % 0}', { id: 1n }), /zero/);
  assert.throws(() => give('${id[0]}', { id: 1n }), /text and lists/);
  assert.throws(() => give('${s % 2}', { s: 'x' }), /whole number/);
  assert.throws(() => give(`\${${'('.repeat(200)}1${')'.repeat(200)}}`), /too deeply/);
});

test('property: any text parses or fails with its own error', () => {
  const fragment = fc.constantFrom(
    '${',
    '$->{',
    '}',
    'id',
    '%',
    '2',
    '(',
    ')',
    '[',
    ']',
    '..',
    "'",
    '"',
    '.',
    'abs()',
    'collect',
    '{',
    '->',
    ',',
    '?',
    ':',
    'x',
    ' ',
    '-',
    'Long.',
    'parseLong',
    '\\',
    '$',
  );
  const anyText = fc.oneof(
    fc.string(),
    fc.array(fragment, { maxLength: 25 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      try {
        compileText(parseTemplate(text, ['id']), ['id'])([7n]);
      } catch (error) {
        assert.ok(error instanceof ExpressionError, String(error));
        assert.ok(error.at >= 0 && error.at <= text.length);
      }
      try {
        expandNames(text);
      } catch (error) {
        assert.ok(error instanceof ExpressionError, String(error));
        assert.ok(error.at >= 0 && error.at <= text.length);
      }
    }),
    { numRuns: 2000 },
  );
});

test('property: arithmetic agrees with 64-bit integers', () => {
  const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const wrap = (value: bigint): string => BigInt.asIntN(64, value).toString();
  fc.assert(
    fc.property(long, long, (a, b) => {
      assert.equal(give('${a + b}', { a, b }), wrap(a + b));
      assert.equal(give('${a - b * 3}', { a, b }), wrap(a - BigInt.asIntN(64, b * 3n)));
      if (b !== 0n) assert.equal(give('${a % b}|${a.intdiv(b)}', { a, b }), `${wrap(a % b)}|${wrap(a / b)}`);
      assert.equal(give('${a ^ b}${a | b}${~a}', { a, b }), `${a ^ b}${a | b}${~a}`);
    }),
    { numRuns: 300 },
  );
});
