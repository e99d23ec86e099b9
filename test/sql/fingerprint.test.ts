import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  elementToken,
  FingerprintBuffer,
  fingerprint,
  Keyword,
  SlotKind,
  slotRows,
  slotRowToken,
  statementEnd,
} from '../../src/sql/index.ts';
import { lexed, mariadbMode, textOf } from './lexer-cases.ts';

function printed(text: string, first = 0) {
  const tokens = lexed(text);
  const out = new FingerprintBuffer();
  fingerprint(tokens, first, out);
  const slots: string[] = [];
  for (let slot = 0; slot < out.slotCount; slot++) {
    const kind = ['scalar', 'list', 'rows'][out.slotKinds[slot]!];
    const size = out.slotKinds[slot] === SlotKind.scalar ? '' : ` ${out.slotSize[slot]}/${out.slotWidth[slot]}`;
    const words: string[] = [];
    for (let i = out.slotFirst[slot]!; i < out.slotEnd[slot]!; i++) words.push(textOf(tokens, i));
    slots.push(`${kind}${size} ${words.join(' ')}`);
  }
  return { tokens, out, slots, key: Buffer.from(out.key.subarray(0, out.keyLength)).toString('latin1') };
}

const same: readonly (readonly [string, string])[] = [
  ['select a from t where b = 1', 'select  a\nfrom t where b=/* x */22 -- end'],
  ['select a from t where b in (1,2,3)', "select a from t where b in ('x')"],
  ["insert into t values (1,'a'),(2,null)", 'insert into t values (true,2.5),(3,x\'41\'),(0,"")'],
  ["select 'a' 'b'", "select 'c'"],
  ["select * from t where d > date '2020-01-01'", "select * from t where d > date'1999-12-31'"],
  ['update t set a = -1 where b between 1 and 2', 'update t set a = -7 where b between 5 and 99'],
  ['select a from t limit 10, 20', 'select a from t limit 3, 5'],
  ['select a from t where x = 1.25', 'select a from t where x = 9.99'],
  ['select a <> b from t', 'select a != b from t'],
];
for (const [a, b] of same) {
  test(`one key: ${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
    assert.equal(printed(a).key, printed(b).key);
    assert.equal(printed(a).out.hash, printed(b).out.hash);
    assert.equal(printed(a).slots.length, printed(b).slots.length);
  });
}

const different: readonly (readonly [string, string])[] = [
  ['select a from t where b = 1', "select a from t where b = '1'"],
  ['select a from t where b = 1.5', 'select a from t where b = 1.25'],
  ['select a from t where b = 1', 'select a from t where b = null'],
  ["select a from t where b = 'x'", "select a from t where b = N'x'"],
  ["select a from t where b = 'x'", "select a from t where b = _latin1'x'"],
  ["select a from t where b = _utf8'x'", "select a from t where b = _latin1'x'"],
  ["select a from t where b = date'2020-01-01'", "select a from t where b = time'2020-01-01'"],
  ['select a from t', 'select A from t'],
  ['select a from t', 'select `a` from t'],
  ['select a from t', 'select a from t;'.replace(';', ' where 1')],
  ['select count(*) from t', 'select count (*) from t'],
  ['select a from t where b in (1)', 'select a from t where b in (?)'],
  ['select a from t where b in (1)', 'select a from t where b = (1)'],
  // structure stays in the key
  ["select a 'x' from t", "select a 'y' from t"],
  ["select a as 'x' from t", "select a as 'y' from t"],
  ["select 1 'x'", "select 1 'y'"],
  ["select count(*) 'x'", "select count(*) 'y'"],
  ["select null 'x'", "select null 'y'"],
  ["select case when 1 then 2 end 'x'", "select case when 1 then 2 end 'y'"],
  ['select cast(a as decimal(10,2))', 'select cast(a as decimal(10,3))'],
  ['select cast(a as char(10))', 'select cast(a as char(11))'],
  ['select convert(a, char(10))', 'select convert(a, char(11))'],
  ["select a collate 'utf8mb4_bin'", "select a collate 'utf8mb4_general_ci'"],
  ['select a, b from t order by 1', 'select a, b from t order by 2'],
  ['select a, b from t group by a, 1', 'select a, b from t group by a, 2'],
  ['select a from t limit 0', 'select a from t limit 1'],
  ['select a from t limit 0, 5', 'select a from t limit 1, 5'],
  [
    'select sum(a) over (order by b rows 1 preceding) from t',
    'select sum(a) over (order by b rows 2 preceding) from t',
  ],
  ['create table t (a varchar(10))', 'create table t (a varchar(11))'],
  ["set a = 'x'", "set a = 'y'"],
  ["show tables like 'x'", "show tables like 'y'"],
  ['explain select 1', 'explain select 2'],
  // comments that matter
  ['select 1 /* SHARDMESH_HINT: a */', 'select 1 /* SHARDMESH_HINT: b */'],
  ['select 1 /*! + 2 */', 'select 1 + 2'],
  ['select /*+ SET_VAR(sql_mode="") */ 1', 'select 1'],
  ['select 1 /*!99999 x */', 'select 1'],
  ['insert into t values (1),(2)', 'insert into t values (1)'],
  ['insert into t values (now()),(now())', 'insert into t values (f()),(f())'],
];
for (const [a, b] of different) {
  test(`two keys: ${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
    assert.notEqual(printed(a).key, printed(b).key);
  });
}

test('slots', () => {
  assert.deepEqual(printed("select f(1, 'a' 'b') from t where x in ( 1 , 'b' ) limit 5").slots, [
    'scalar 1',
    "scalar 'a' 'b'",
    "list 2/0 1 , 'b'",
    'scalar 5',
  ]);
  assert.deepEqual(printed('insert into t (a, b) values (1, null), (2, 3) on duplicate key update a = 4').slots, [
    'rows 4/2 ( 1 , null ) , ( 2 , 3 )',
    'scalar 4',
  ]);
  assert.deepEqual(printed('insert into t values (1, ?), (2, ?)').slots, ['scalar 1', 'scalar 2']);
  assert.deepEqual(printed('insert into t values (1, -1), (2, 1)').slots.length, 4);
  assert.deepEqual(printed('insert into t values (1, f(1, 2)), (2, f(1, 2))').slots.length, 6);
  assert.deepEqual(printed('insert into t values (f(1)), (g(1))').slots, ['scalar 1', 'scalar 1']);
  assert.deepEqual(printed('insert into t values (f(1)), (f (1))').slots, ['scalar 1', 'scalar 1']);
  assert.deepEqual(printed('replace into t value (default), (default)').slots, ['rows 2/1 ( default ) , ( default )']);
  assert.deepEqual(printed('select a from t where x in (1, ?) and y in (1, null) and z in (-1)').slots.length, 3);
  assert.deepEqual(printed("select _utf8mb4'a', date'2020-01-01'").slots, [
    "scalar _utf8mb4 'a'",
    "scalar date '2020-01-01'",
  ]);
  assert.deepEqual(printed('do 1').slots, []);
  assert.equal(printed('select ?, ? from t where a = ?').out.parameterCount, 3);
  assert.equal(printed('((select 1))').out.verb, Keyword.SELECT);
  assert.equal(printed('/*! insert into t values (1),(2) */').slots.length, 2);
});

test('elements of lists and rows', () => {
  const list = printed("select 1 from t where x in (5, 'b', 7)");
  const words = [0, 1, 2].map((element) => textOf(list.tokens, elementToken(list.tokens, list.out, 1, element)));
  assert.deepEqual(words, ['5', "'b'", '7']);
  const text =
    "insert into t values (1, f('x'), default, _binary'q', date '2020-01-01'), (2, f('y'), default, _binary'r', date '2021-01-01')";
  const { tokens, out } = printed(text);
  assert.equal(slotRows(out, 0), 2);
  assert.equal(out.slotWidth[0], 5);
  const cells = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((element) => {
    const token = elementToken(tokens, out, 0, element);
    return token < 0 ? '-' : textOf(tokens, token);
  });
  assert.deepEqual(cells, ['1', "'x'", '-', '_binary', 'date', '2', "'y'", '-', '_binary', 'date']);
  assert.equal(textOf(tokens, slotRowToken(out, 0, 1) + 1), '2');
});

test('statements of one packet', () => {
  const tokens = lexed('select 1; select 2 /* SHARDMESH_HINT: x */; ; do 3');
  const out = new FingerprintBuffer();
  const seen: [number, boolean, number][] = [];
  for (let first = 0; first <= tokens.count; first = out.endToken + 1) {
    fingerprint(tokens, first, out);
    seen.push([out.verb, out.endCertain, out.slotCount]);
  }
  assert.deepEqual(seen, [
    [Keyword.SELECT, true, 1],
    [Keyword.SELECT, true, 1],
    [0, true, 0],
    [Keyword.DO, true, 0],
  ]);
  fingerprint(tokens, 0, out);
  const first = out.copy();
  fingerprint(tokens, 3, out);
  assert.notDeepEqual(out.key.subarray(0, out.keyLength), first.key, 'the hint belongs to the second statement');
});

const uncertain = [
  'create procedure p() begin select 1; end',
  'CREATE DEFINER=`a`@`b` FUNCTION f() returns int return 1; select 1',
  'create or replace definer = user@localhost trigger t before insert on a for each row set @a = 1; select 1',
  'create definer=current_user() event e on schedule every 1 day do select 1; select 2',
  "create definer='table'@'view' procedure p() select 1; select 2",
  'alter event e do begin select 1; end',
  'create package body p as end; select 1',
  'begin not atomic select 1; end',
  'if 1 then select 1; end if',
  'loop select 1; end loop',
  'l: loop select 1; end loop',
  '<<l>> loop select 1; end loop',
  'for i in 1..2 do select 1; end for',
  'set statement a=1 for begin not atomic select 1; end',
  "select 'x; select 1",
  'select \\; select 1',
];
const certain = [
  'create table procedures (a int); select 1',
  'create table t (`procedure` int); select 1',
  'create definer=a@b sql security definer view v as select 1; select 1',
  'create user u; select 1',
  'begin; select 1',
  'begin work; select 1',
  'start transaction; select 1',
  'alter table t add a int; select 1',
  'drop procedure p; select 1',
  'set statement a=1 for select 1; select 1',
];
test('statement ends', () => {
  for (const text of uncertain) {
    const tokens = lexed(text);
    assert.deepEqual(statementEnd(tokens, 0), { endToken: tokens.count, certain: false }, text);
    assert.equal(printed(text).out.endCertain, false);
  }
  for (const text of certain) {
    const tokens = lexed(text);
    const end = statementEnd(tokens, 0);
    assert.equal(end.certain, true, text);
    assert.equal(textOf(tokens, end.endToken), ';');
    assert.equal(textOf(tokens, end.endToken + 1), 'select');
  }
  const nested = lexed(`${'set statement a = 1 for '.repeat(20000)} begin not atomic select 1; end`);
  assert.equal(statementEnd(nested, 0).certain, false);
  assert.deepEqual(statementEnd(lexed('', mariadbMode), 0), { endToken: 0, certain: true });
});
