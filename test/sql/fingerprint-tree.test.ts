import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FingerprintBuffer, fingerprint, parse, SlotKind, TokenKind } from '../../src/sql/index.ts';
import { lexed, mysqlMode } from './lexer-cases.ts';

/** Statements with literals in every kind of place; whatever the tree shows of a literal must be in the key. */
const statements = [
  "select a, 'x' as y, 'p' 'q', 1 'z', f(1, 'a') from t where b = 1 and c in (1, 2) or d between 3 and 4 limit 5, 6",
  "select cast(a as decimal(10,2)), cast(b as char(5) character set 'latin1'), convert(c, char(7)), convert(d using utf8mb4) from t",
  "select cast(a as datetime(6)), year('2020-01-01'), char(65, 66), time('10:00'), cast(x as binary(3)), cast(y as float(9))",
  "select group_concat(distinct a order by b desc separator '; '), count(distinct 1, 2) from t group by 1, 2 having count(*) > 3 order by 2, c desc",
  "select a collate 'utf8mb4_bin', b collate utf8mb4_bin, _latin1'x' collate latin1_bin, N'n', x'41', b'1', 0x41 from t",
  'select sum(a) over (partition by b order by c rows between 1 preceding and 2 following), lag(a, 1, 0) over w from t window w as (order by d)',
  "select date '2020-01-01', time '10:00', timestamp '2020-01-01 10:00', interval 1 day + now(6), date_add(a, interval '1:2' minute_second)",
  "select j -> '$.a', j ->> '$.b', json_extract(j, '$.c'), json_value(j, '$.d' returning decimal(4,1)) from t",
  "select * from json_table('[1]', '$[*]' columns (a int path '$', b varchar(10) path '$.b' default '0' on empty)) as j",
  "select trim(leading 'x' from a), extract(year from b), substring(a from 2 for 3), position('b' in 'abc'), mid(a, 1, 2) from t",
  "select case a when 1 then 'x' when 2 then 'y' else 'z' end 'e', if(1, 2, 3), a is null, not 1, -1, - -2, !3 from t where 1",
  "select match (a, b) against ('x y' in boolean mode), a like '%x' escape '|', a regexp '^x', a sounds like 'b' from t",
  'select * from t where (a, b) in ((1, 2), (3, 4)) and c not in (5) and d in (-1, 2) and e in (select 6) limit 0',
  "select 1 union all select 2 union (select '3' limit 1) order by 1 limit 4 offset 5",
  'with recursive c (n) as (select 1 union all select n + 1 from c where n < 10) select n from c where n <> 5 order by 1 limit 2',
  'select @a := 1, @b := @b + 2, @@global.x, @@session.y + 3',
  "insert into t (a, b, c) values (1, 'x', null), (2, 3.5, true), (0x41, 'a', 'b')",
  "insert into t values (1, now(), default, date '2020-01-01', _binary'x'), (2, now(), default, date '2021-01-01', _binary'y')",
  "insert into t values (1, 'x') on duplicate key update a = 2, b = concat('y', values(b)), c = 3",
  "replace into t set a = 1, b = 'x', c = default",
  "insert into t select 1, 'x', a from u where b = 2 limit 3",
  "update t set a = 1, b = 'x', c = c + 2 where d = 3 and e in ('x', 'y') order by f limit 4",
  "delete from t where a = 1 or b = 'x' order by 1 limit 2",
  'delete t from t join u on t.a = u.a and u.b = 1 where u.c in (2, 3)',
  'values row(1, 2), row(3, 4) order by 1 limit 5',
  "select a from t where b > any (select 1) and exists (select 2 from u where c = 'x') and d = (select max(e) from v where f = 3)",
  "select a from t into outfile '/x' fields terminated by ',' enclosed by '\"' lines terminated by '\\n'",
];

interface Fingerprinted {
  readonly key: string;
  readonly tree: string;
  /** Other values of the same kinds in every slot. */
  readonly changed: string;
}

const others: Readonly<Record<number, string>> = {
  [TokenKind.integer]: '77',
  [TokenKind.float]: '7e7',
  [TokenKind.string]: "'other'",
  [TokenKind.hex]: "x'77'",
  [TokenKind.bit]: "b'111'",
};

function fingerprinted(text: string): Fingerprinted | undefined {
  const tokens = lexed(text, mysqlMode);
  const out = new FingerprintBuffer();
  fingerprint(tokens, 0, out);
  const parsed = parse(tokens, 0, mysqlMode, out);
  if (!parsed.ok) return undefined;
  let changed = '';
  let copied = 0;
  for (let slot = 0; slot < out.slotCount; slot++) {
    for (let i = out.slotFirst[slot]!; i < out.slotEnd[slot]!; i++) {
      const other = others[tokens.kinds[i]!];
      if (other === undefined) continue;
      const national = /^n/i.test(text.slice(tokens.starts[i], tokens.ends[i]));
      changed += text.slice(copied, tokens.starts[i]) + (national ? "N'other'" : other);
      copied = tokens.ends[i]!;
    }
  }
  changed += text.slice(copied);
  const key = Buffer.from(out.key.subarray(0, out.keyLength)).toString('latin1');
  return { key, tree: JSON.stringify(parsed.statement, withoutPlaces), changed };
}

/** Drops what depends on where a node stands; elements of folded lists and rows may be of any literal kind. */
function withoutPlaces(name: string, value: unknown): unknown {
  if (name === 'start' || name === 'end' || name === 'token' || name === 'columnsAt') return undefined;
  if (/[sS]pan$/.test(name) || name === 'span') return undefined;
  return value;
}

for (const text of statements) {
  test(`the tree shows no value of a slot: ${text}`, () => {
    const first = fingerprinted(text);
    assert.ok(first, 'understood');
    const second = fingerprinted(first.changed);
    assert.ok(second, `understood: ${first.changed}`);
    assert.equal(second.key, first.key);
    assert.equal(second.tree, first.tree);
  });
}

test('elements and slots of the tree are those of the fingerprint', () => {
  const text = "insert into t values (1, now(), 'x'), (2, now(), 'y') on duplicate key update a = 5";
  const tokens = lexed(text);
  const out = new FingerprintBuffer();
  fingerprint(tokens, 0, out);
  const parsed = parse(tokens, 0, mysqlMode, out);
  assert.ok(parsed.ok && parsed.statement.kind === 'insert' && parsed.statement.source.kind === 'values');
  assert.equal(parsed.statement.source.rowsSlot, 0);
  assert.equal(out.slotKinds[0], SlotKind.rows);
  const cells = parsed.statement.source.rows.flatMap((row) => row.values);
  assert.deepEqual(
    cells.map((cell) => (cell.kind === 'literal' ? `${cell.slot}/${cell.element}` : cell.kind)),
    ['0/0', 'call', '0/2', '0/3', 'call', '0/5'],
  );
  const update = parsed.statement.onDuplicate[0]?.value;
  assert.ok(update?.kind === 'literal' && update.slot === 1);
});
