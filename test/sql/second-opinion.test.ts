import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareOpinion, type Opinion, secondOpinion } from '../../src/sql/index.ts';

const cases: readonly (readonly [string, Opinion['kind'], readonly string[], readonly string[] | undefined])[] = [
  ['select * from t where a = 1', 'select', ['t'], ['a=']],
  ['select * from db.t x where x.A = -5 and ? = b', 'select', ['db.t'], ['b=', 'x.a=']],
  ['select * from t where a in (1,2,3) and b in (select c from u)', 'select', ['t', 'u'], ['a in']],
  // AND before OR, whatever the other parser thinks
  ['select * from t where a = 1 or b = 2 and c = 3', 'select', ['t'], []],
  ['select * from t where c = 3 and b = 2 or a = 1', 'select', ['t'], []],
  ['select * from t where (a = 1 or b = 2) and c = 3', 'select', ['t'], ['c=']],
  ['select * from t where c = 3 and (a = 1 and (b = 2 and d = 4))', 'select', ['t'], ['a=', 'b=', 'c=', 'd=']],
  ['select * from t where a = 1 && (b = 2 || c = 3)', 'select', ['t'], ['a=']],
  ['select * from t where not a = 1 and b = 2', 'select', ['t'], ['b=']],
  ['select * from t where a = 1 and b not in (1)', 'select', ['t'], ['a=']],
  ['select * from t where a > 1 and b between 1 and 2 and c = d', 'select', ['t'], ['c=d']],
  ['select * from a join b on a.id = b.id where a.x = 1', 'select', ['a', 'b'], ['a.id=b.id', 'a.x=']],
  ['select * from a left join b on a.id = b.id where a.x = 1', 'select', ['a', 'b'], ['a.x=']],
  ['select * from t where a = 1 xor b = 2', 'select', ['t'], undefined],
  ["select * from t where a = 1 and b collate utf8mb4_bin = 'x'", 'select', ['t'], undefined],
  ['select * from t union select * from u where a = 1', 'select', ['t', 'u'], undefined],
  ['with c as (select * from t) select * from c where a = 1', 'select', ['t'], ['a=']],
  ['select 1 from dual', 'select', [], []],
  // literals that it misreads are replaced
  [
    "select * from t where a = -9223372036854775808 and b = 0b01 and c = _utf8mb4'x' and d = 'a' 'b' and e = 1e400",
    'select',
    ['t'],
    ['a=', 'b=', 'c=', 'd=', 'e='],
  ],
  ["select * from t where a = date '2020-01-01'", 'select', ['t'], ['a=']],
  // executable comments are text
  ['select * from t /*! where a = 1 */', 'select', ['t'], ['a=']],
  ['insert into t (a) values (1), (2)', 'insert', ['t'], undefined],
  ['replace into t select * from u', 'replace', ['t', 'u'], undefined],
  ['update t set a = 1 where id = 5', 'update', ['t'], ['id=']],
  ['update a join b on a.id = b.id set a.x = 1 where a.id = 1', 'update', ['a', 'b'], undefined],
  ['delete quick from t where id = 5', 'delete', ['t'], ['id=']],
  ['delete x from t as x join u on x.id = u.id where u.b = 1', 'delete', ['t', 'u'], undefined],
];
for (const [text, kind, tables, predicates] of cases) {
  test(`second opinion: ${text}`, () => {
    const opinion = secondOpinion(text);
    assert.ok(opinion);
    assert.equal(opinion.kind, kind);
    assert.deepEqual(opinion.tables, tables);
    if (predicates === undefined && /join/.test(text)) return;
    assert.deepEqual(opinion.keyPredicates, predicates);
  });
}

test('no opinion instead of an error', () => {
  const texts = [
    '',
    ';',
    'selec 1',
    'create table t (a int)',
    'set a = 1',
    "select 'x",
    'select \\',
    `select ${'('.repeat(500)}`,
  ];
  texts.push('truncate t', 'select * from `a``b`', `select ${'a + '.repeat(10000)} 1`);
  for (const text of texts) assert.equal(secondOpinion(text), undefined, text.slice(0, 40));
});

test('long lists and many rows are collapsed', () => {
  const numbers = Array.from({ length: 20000 }, (_, index) => index).join(',');
  assert.deepEqual(secondOpinion(`select * from t where a in (${numbers})`)?.keyPredicates, ['a in']);
  const rows = Array.from({ length: 20000 }, (_, index) => `(${index}, 'x')`).join(',');
  assert.deepEqual(secondOpinion(`insert into t values ${rows}`)?.tables, ['t']);
});

test('differences are named', () => {
  const one: Opinion = { kind: 'select', tables: ['a', 'b'], target: undefined, keyPredicates: ['a.x='] };
  assert.equal(compareOpinion(one, one), undefined);
  assert.equal(compareOpinion(one, { ...one, keyPredicates: undefined }), undefined);
  assert.match(compareOpinion(one, { ...one, kind: 'delete' }) ?? '', /kind: select or delete/);
  assert.match(compareOpinion(one, { ...one, tables: ['a'] }) ?? '', /tables: only the first reading has b/);
  assert.match(compareOpinion(one, { ...one, keyPredicates: [] }) ?? '', /predicates: only the first reading has a.x=/);
  assert.match(compareOpinion({ ...one, keyPredicates: [] }, one) ?? '', /only the second reading has a.x=/);
  assert.match(compareOpinion({ ...one, target: 't' }, one) ?? '', /target table: t or none/);
});
