/** Each algorithm's own examples: where known values go. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { createAlgorithm } from '../../src/rules/algorithms/create-algorithm.ts';
import { murmur3 } from '../../src/rules/algorithms/murmur-hash.ts';
import { keyspaceId } from '../../src/rules/algorithms/vitess-hash.ts';
import { xxhash64 } from '../../src/rules/algorithms/xxhash-range.ts';
import type { AlgorithmType, BoundAlgorithm, KeyValue, StandardAlgorithm } from '../../src/rules/types.ts';

const int = (value: bigint | number): KeyValue => ({ kind: 'integer', value: BigInt(value) });
const str = (text: string): KeyValue => ({ kind: 'string', text });
const time = (text: string): KeyValue => ({ kind: 'temporal', type: 'DATETIME', text });

function bind(type: AlgorithmType, props: Record<string, string>, targets: readonly string[]): BoundAlgorithm {
  const { algorithm, problems } = createAlgorithm('it', type, props);
  assert.deepEqual(problems, []);
  return (algorithm as StandardAlgorithm).bind(targets);
}
const tables = (count: number): string[] => Array.from({ length: count }, (_, i) => `t_${i}`);

test('MOD: never negative, digits of text, offsets, padding, order of the list does not matter', () => {
  const mod = bind('MOD', { 'sharding-count': '4' }, ['t_3', 't_2', 't_1', 't_0']);
  assert.equal(mod.placeValue(int(6)), 1);
  assert.equal(mod.placeValue(int(-1)), 0);
  assert.equal(mod.placeValue(str('6')), 1);
  assert.equal(mod.placeValue(str('six')), 'unknown');
  assert.equal(mod.placeValue({ kind: 'decimal', text: '6.00' }), 1);
  assert.equal(mod.placeValue({ kind: 'decimal', text: '6.5' }), 'unknown');
  assert.deepEqual(mod.placeRange({ low: int(4), high: int(5), lowInclusive: true, highInclusive: true }), [2, 3]);
  assert.equal(mod.placeRange({ low: int(4), lowInclusive: true, highInclusive: true }), 'all');
  const cut = bind('MOD', { 'sharding-count': '10', 'start-offset': '2', 'stop-offset': '1' }, tables(10));
  assert.equal(cut.placeValue(str('99127')), 2);
  assert.equal(cut.placeValue(str('991')), 'unknown');
  const padded = bind(
    'MOD',
    { 'sharding-count': '12', 'zero-padding': 'true' },
    Array.from({ length: 12 }, (_, i) => `t_${String(i).padStart(2, '0')}`),
  );
  assert.equal(padded.placeValue(int(13)), 1);
});

test('HASH_MOD: where ShardingSphere puts text and numbers', () => {
  const hash = bind('HASH_MOD', { 'sharding-count': '4' }, tables(4));
  assert.equal(hash.placeValue(str('abc')), 96354 % 4);
  assert.equal(hash.placeValue(str('polygenelubricants')), 2147483648 % 4);
  assert.equal(hash.placeValue(int(-3)), 3);
  assert.equal(hash.placeValue(int(4294967297n)), 0);
});

test('VOLUME_RANGE and BOUNDARY_RANGE', () => {
  const volume = bind('VOLUME_RANGE', { 'range-lower': '10', 'range-upper': '45', 'sharding-volume': '10' }, tables(6));
  for (const [value, shard] of [
    [9, 0],
    [10, 1],
    [19, 1],
    [20, 2],
    [40, 4],
    [44, 4],
    [45, 5],
    [1000, 5],
  ] as const)
    assert.equal(volume.placeValue(int(value)), shard, String(value));
  assert.deepEqual(volume.placeRange({ low: int(15), high: int(20), lowInclusive: true, highInclusive: false }), [1]);
  assert.deepEqual(volume.placeRange({ low: int(15), high: int(20), lowInclusive: true, highInclusive: true }), [1, 2]);
  assert.deepEqual(volume.placeRange({ high: int(9), lowInclusive: true, highInclusive: true }), [0]);
  const boundary = bind('BOUNDARY_RANGE', { 'sharding-ranges': '1,5,10' }, tables(4));
  for (const [value, shard] of [
    [0, 0],
    [1, 1],
    [5, 2],
    [9, 2],
    [10, 3],
  ] as const)
    assert.equal(boundary.placeValue(int(value)), shard, String(value));
});

test('AUTO_INTERVAL rounds as ShardingSphere does', () => {
  const auto = bind(
    'AUTO_INTERVAL',
    { 'datetime-lower': '2020-01-01 00:00:00', 'datetime-upper': '2020-01-01 00:00:16', 'sharding-seconds': '4' },
    tables(6),
  );
  for (const [value, shard] of [
    ['2019-12-31 23:59:59', 0],
    ['2020-01-01 00:00:00', 0],
    ['2020-01-01 00:00:01', 1],
    ['2020-01-01 00:00:04', 1],
    ['2020-01-01 00:00:05', 2],
    ['2020-01-01 00:00:16', 4],
    ['2020-01-01 00:00:17', 5],
    ['2021-01-01 00:00:02', 5],
  ] as const) {
    assert.equal(auto.placeValue(time(value)), shard, value);
  }
  // 1 second of 86,400 is 0.00 of a stretch.
  const day = bind(
    'AUTO_INTERVAL',
    { 'datetime-lower': '2020-01-01 00:00:00', 'datetime-upper': '2020-01-03 00:00:00', 'sharding-seconds': '86400' },
    tables(4),
  );
  assert.equal(day.placeValue(time('2020-01-01 00:00:01')), 0);
  assert.equal(day.placeValue(time('2020-01-01 01:00:00')), 1);
});

test('INTERVAL: months, leap days, text and numbers by the pattern, outside', () => {
  const props = {
    'datetime-pattern': 'yyyy-MM-dd HH:mm:ss',
    'datetime-lower': '2024-01-01 00:00:00',
    'datetime-upper': '2024-03-31 23:59:59',
    'sharding-suffix-pattern': 'yyyyMM',
    'datetime-interval-unit': 'Months',
  };
  const targets = ['o_202401', 'o_202402', 'o_202403'];
  const monthly = bind('INTERVAL', props, targets);
  assert.equal(monthly.placeValue(time('2024-02-29 23:59:59.999999')), 1);
  assert.equal(monthly.placeValue(time('2024-03-01 00:00:00')), 2);
  assert.equal(monthly.placeValue({ kind: 'temporal', type: 'DATE', text: '2024-01-31' }), 0);
  assert.equal(monthly.placeValue(str('2024-02-10 00:00:00.123')), 1);
  assert.equal(monthly.placeValue(time('2024-04-01 00:00:00')), 'unknown');
  assert.equal(monthly.placeValue(time('0000-00-00 00:00:00')), 'unknown');
  assert.deepEqual(
    monthly.placeRange({ low: time('2024-02-15 00:00:00'), lowInclusive: true, highInclusive: true }),
    [1, 2],
  );
  assert.deepEqual(
    monthly.placeRange({ high: time('2023-02-15 00:00:00'), lowInclusive: true, highInclusive: true }),
    [],
  );
  const daily = bind(
    'INTERVAL',
    { ...props, 'datetime-pattern': 'yyyyMMdd', 'datetime-lower': '20240101', 'datetime-upper': '20240331' },
    targets,
  );
  assert.equal(daily.placeValue(int(20240229)), 1);
  assert.equal(daily.placeValue(int(20240230)), 'unknown');
});

test('published vectors: murmur3, xxHash64, Vitess hash', () => {
  assert.equal(murmur3(Buffer.from(''), 0), 0);
  assert.equal(murmur3(Buffer.from(''), 1), 0x514e28b7);
  assert.equal(murmur3(Buffer.from('test'), 0), 0xba6bd213);
  assert.equal(murmur3(Buffer.from('Hello, world!'), 0), 0xc0363e43);
  assert.equal(xxhash64(Buffer.from('')), 0xef46db3751d8e999n);
  assert.equal(xxhash64(Buffer.from('a')), 0xd24ec4f1a98c6e5bn);
  assert.equal(xxhash64(Buffer.from('abc')), 0x44bc2cf5ad770999n);
  assert.equal(keyspaceId(1n), 0x166b40b44aba4bd6n);
  assert.equal(keyspaceId(2n), 0x06e7ea22ce92708fn);
  assert.equal(keyspaceId(3n), 0x4eb190c9a2fa169cn);
});

test('MURMUR_HASH: a new target takes keys only for itself, weights count', () => {
  const keys = Array.from({ length: 4000 }, (_, i) => int(i));
  const three = bind('MURMUR_HASH', {}, ['a', 'b', 'c']);
  const four = bind('MURMUR_HASH', {}, ['a', 'b', 'c', 'd']);
  let moved = 0;
  for (const key of keys) {
    const [before, after] = [three.placeValue(key), four.placeValue(key)];
    if (before !== after) {
      assert.equal(after, 3);
      moved++;
    }
  }
  assert.ok(moved > 600 && moved < 1400, `moved ${moved}`);
  const weighted = bind('MURMUR_HASH', { weights: 'a=3' }, ['a', 'b']);
  const share = keys.filter((key) => weighted.placeValue(key) === 0).length / keys.length;
  assert.ok(share > 0.68 && share < 0.82, `share ${share}`);
});

test('key ranges: splitting one leaves the others, gaps are refused', () => {
  const before = bind('XXHASH_RANGE', { 'key-ranges': '-80=a,80-=b' }, ['a', 'b']);
  const after = bind('XXHASH_RANGE', { 'key-ranges': '-80=a,80-c0=b,c0-=c' }, ['a', 'b', 'c']);
  for (let i = 0; i < 500; i++) {
    const [was, is] = [before.placeValue(int(i)), after.placeValue(int(i))];
    assert.ok(was === is || (was === 1 && is === 2));
  }
  for (const ranges of ['-80=a', '-80=a,90-=b', '-80=a,40-=b', '80-=a', 'x-y=a']) {
    assert.notDeepEqual(createAlgorithm('x', 'XXHASH_RANGE', { 'key-ranges': ranges }).problems, [], ranges);
  }
});

test('LIST: unlisted values are nowhere, or at the default', () => {
  const list = bind('LIST', { mapping: 'de=a, at = a, us=b' }, ['a', 'b']);
  assert.equal(list.placeValue(str('us')), 1);
  assert.equal(list.placeValue(str('fr')), 'nowhere');
  assert.equal(bind('LIST', { mapping: '{"7":"b"}', default: 'a' }, ['a', 'b']).placeValue(int(7)), 1);
});

test('properties: missing, unknown, out of range', () => {
  const problems = (type: AlgorithmType, props: Record<string, string>): string =>
    createAlgorithm('x', type, props)
      .problems.map((each) => `${each.message} ${each.suggestion ?? ''}`)
      .join('; ');
  assert.match(problems('MOD', {}), /'sharding-count' is missing/);
  assert.match(problems('MOD', { 'sharding-cuont': '4' }), /did you mean 'sharding-count'/);
  assert.match(problems('MOD', { 'sharding-count': '0' }), /from 1 to/);
  assert.match(
    problems('VOLUME_RANGE', { 'range-lower': '0', 'range-upper': '5', 'sharding-volume': '10' }),
    /smaller than/,
  );
  assert.match(problems('BOUNDARY_RANGE', { 'sharding-ranges': '1,x' }), /'x' is not a whole number/);
  assert.match(
    problems('AUTO_INTERVAL', {
      'datetime-lower': '2020-13-01 00:00:00',
      'datetime-upper': '2021-01-01 00:00:00',
      'sharding-seconds': '5',
    }),
    /is a time like/,
  );
  assert.match(
    problems('INTERVAL', { 'datetime-pattern': 'YYYY', 'datetime-lower': '2020', 'sharding-suffix-pattern': 'yyyy' }),
    /letter 'Y'/,
  );
  assert.match(
    problems('INTERVAL', {
      'datetime-pattern': 'yyyy',
      'datetime-lower': '2020',
      'sharding-suffix-pattern': 'yyyy',
      'datetime-interval-unit': 'YEAR',
    }),
    /did you mean YEARS/,
  );
  assert.match(problems('INLINE', { 'algorithm-expression': 't_${id / 2}' }), /intdiv/);
  assert.match(problems('LOOKUP', { 'lookup-source': 'ds_0' }), /'lookup-table' is missing/);
});
