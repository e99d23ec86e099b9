/** One suite for all sharding algorithms: answers lie within the targets, are repeatable, and values of a range are found in the range's answer. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { algorithmTypes, createAlgorithm } from '../../src/rules/algorithms/create-algorithm.ts';
import type { AlgorithmType, KeyRange, KeyValue, StandardAlgorithm } from '../../src/rules/types.ts';

interface Subject {
  readonly type: AlgorithmType;
  readonly props: Readonly<Record<string, string>>;
  readonly targets: readonly string[];
}

const numbered = (count: number, prefix = 't_'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const months = Array.from(
  { length: 24 },
  (_, i) => `t_${2023 + Math.floor(i / 12)}${String((i % 12) + 1).padStart(2, '0')}`,
);

const subjects: readonly Subject[] = [
  { type: 'MOD', props: { 'sharding-count': '4' }, targets: numbered(4) },
  {
    type: 'MOD',
    props: { 'sharding-count': '12', 'zero-padding': 'true' },
    targets: numbered(12).map((name) => name.replace(/_(\d)$/, '_0$1')),
  },
  { type: 'MOD', props: { 'sharding-count': '3', 'start-offset': '1', 'stop-offset': '1' }, targets: numbered(3) },
  { type: 'HASH_MOD', props: { 'sharding-count': '5' }, targets: numbered(5) },
  {
    type: 'VOLUME_RANGE',
    props: { 'range-lower': '-50', 'range-upper': '95', 'sharding-volume': '20' },
    targets: numbered(10),
  },
  { type: 'BOUNDARY_RANGE', props: { 'sharding-ranges': '10, 20,-5' }, targets: numbered(4) },
  {
    type: 'AUTO_INTERVAL',
    props: {
      'datetime-lower': '2023-01-01 00:00:00',
      'datetime-upper': '2024-01-01 00:00:00',
      'sharding-seconds': '2678400',
    },
    targets: numbered(13),
  },
  { type: 'INLINE', props: { 'algorithm-expression': 't_${id % 4}' }, targets: numbered(4) },
  { type: 'INLINE', props: { 'algorithm-expression': 't_${id.hashCode().abs() % 4}' }, targets: numbered(4) },
  {
    type: 'INTERVAL',
    props: {
      'datetime-pattern': 'yyyy-MM-dd HH:mm:ss',
      'datetime-lower': '2023-01-01 00:00:00',
      'datetime-upper': '2024-12-31 23:59:59',
      'sharding-suffix-pattern': 'yyyyMM',
      'datetime-interval-unit': 'MONTHS',
    },
    targets: months,
  },
  { type: 'CRC32_MOD', props: { 'sharding-count': '4' }, targets: numbered(4) },
  { type: 'MURMUR_HASH', props: { weights: 't_0=2' }, targets: numbered(4) },
  { type: 'XXHASH_RANGE', props: { 'key-ranges': '-40=t_0,40-a=t_1,a-=t_2' }, targets: numbered(3) },
  { type: 'XXHASH_RANGE', props: {}, targets: numbered(3) },
  { type: 'VITESS_HASH', props: { 'key-ranges': '-80=t_0,80-=t_1' }, targets: numbered(2) },
  { type: 'LIST', props: { mapping: '1=t_0, 2=t_1, abc=t_1', default: 't_2' }, targets: numbered(3) },
];

const integer = fc
  .oneof(
    fc.bigInt({ min: -100n, max: 200n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 64n - 1n, 0n, -1n),
  )
  .map((value): KeyValue => ({ kind: 'integer', value }));
const decimal = fc
  .tuple(fc.bigInt({ min: -10_000n, max: 10_000n }), fc.constantFrom('', '.0', '.50', '.999'))
  .map(([whole, fraction]): KeyValue => ({ kind: 'decimal', text: `${whole}${fraction}` }));
const text = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.integer().map(String),
    fc.constantFrom('', '0', '007', '-5', ' 1', '1 ', 'abc', '2023-05-06 07:08:09'),
  )
  .map((value): KeyValue => ({ kind: 'string', text: value }));
const temporal = fc
  .date({ min: new Date('2022-06-01T00:00:00Z'), max: new Date('2025-06-01T00:00:00Z'), noInvalidDate: true })
  .map(
    (date): KeyValue => ({
      kind: 'temporal',
      type: 'DATETIME',
      text: date.toISOString().slice(0, 19).replace('T', ' '),
    }),
  );
const bytes = fc.uint8Array({ maxLength: 40 }).map((value): KeyValue => ({ kind: 'bytes', bytes: value }));
const anyKey = fc.oneof(integer, decimal, text, temporal, bytes);

const order = (value: KeyValue): number | bigint =>
  value.kind === 'integer'
    ? value.value
    : value.kind === 'decimal'
      ? Number(value.text)
      : value.kind === 'temporal'
        ? Date.parse(`${value.text.replace(' ', 'T')}Z`)
        : 0;

function made(subject: Subject): StandardAlgorithm {
  const { algorithm, problems } = createAlgorithm('subject', subject.type, subject.props);
  assert.deepEqual(problems, [], subject.type);
  assert.equal(algorithm?.kind, 'standard');
  return algorithm as StandardAlgorithm;
}

for (const subject of subjects) {
  test(`${subject.type} ${JSON.stringify(subject.props)}`, () => {
    const algorithm = made(subject);
    const bound = algorithm.bind(subject.targets);
    const again = made(subject).bind(subject.targets);
    const within = (index: number): boolean => Number.isInteger(index) && index >= 0 && index < subject.targets.length;

    assert.equal(bound.placeValue({ kind: 'null' }), 'unknown');
    fc.assert(
      fc.property(anyKey, (key) => {
        const placement = bound.placeValue(key);
        if (typeof placement === 'number') assert.ok(within(placement));
        assert.equal(again.placeValue(key), placement);
      }),
      { numRuns: 300 },
    );
    const sameKind = fc.oneof(
      fc.tuple(integer, integer, integer),
      fc.tuple(decimal, decimal, decimal),
      fc.tuple(integer, decimal, integer),
      fc.tuple(temporal, temporal, temporal),
    );
    fc.assert(
      fc.property(
        sameKind,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 2 }),
        (keys, lowInclusive, highInclusive, open) => {
          const [low, value, high] = [...keys].sort((a, b) =>
            order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0,
          ) as [KeyValue, KeyValue, KeyValue];
          const range: KeyRange = {
            ...(open === 1 ? {} : { low }),
            ...(open === 2 ? {} : { high }),
            lowInclusive,
            highInclusive,
          };
          const targets = bound.placeRange(range);
          if (targets !== 'all')
            assert.ok(targets.every((target, i) => within(target) && (i === 0 || targets[i - 1]! < target)));
          const inside =
            (lowInclusive || open === 1 || order(value) > order(low)) &&
            (highInclusive || open === 2 || order(value) < order(high));
          const placement = bound.placeValue(value);
          if (inside && typeof placement === 'number' && targets !== 'all')
            assert.ok(targets.includes(placement), `${JSON.stringify(placement)} of ${JSON.stringify(targets)}`);
        },
      ),
      { numRuns: 500 },
    );
    // Text sorts by its collation, so a range of text must never be narrowed by reading it as something else.
    assert.equal(
      bound.placeRange({
        low: { kind: 'string', text: '1' },
        high: { kind: 'string', text: '9' },
        lowInclusive: true,
        highInclusive: true,
      }),
      'all',
    );
  });
}

test('every standard type is a subject', () => {
  const tested = new Set(subjects.map((subject) => subject.type));
  const others = new Set(['COMPLEX_INLINE', 'HINT_INLINE', 'LOOKUP']);
  assert.deepEqual(
    [...algorithmTypes.keys()].filter((type) => !tested.has(type) && !others.has(type)),
    [],
  );
});

test('only algorithms that say so hash weight strings', () => {
  assert.equal(
    made({ type: 'CRC32_MOD', props: { 'sharding-count': '2', 'key-form': 'collation' }, targets: [] }).keyForm,
    'collation',
  );
  assert.equal(made({ type: 'HASH_MOD', props: { 'sharding-count': '2' }, targets: [] }).keyForm, 'value');
  assert.equal(createAlgorithm('x', 'HASH_MOD', { 'sharding-count': '2', 'key-form': 'collation' }).problems.length, 1);
});
