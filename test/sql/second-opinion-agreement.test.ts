import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareOpinion, ownOpinion, parse, secondOpinionOn, statementEnd } from '../../src/sql/index.ts';
import { lexed, mariadbMode } from './lexer-cases.ts';

const agreed = [
  'select * from t where a = 1 or b = 2 and c = 3',
  'select * from t where (a = 1 or b = 2) and c = 3 and d in (1,2) and e=-5 and ?=f',
  'select * from a join b on a.id=b.id where a.x=1',
  'select * from a, b where a.id=b.id and a.k in (?,?)',
  'select * from a left join b on a.id=b.id where b.x=1',
  'select * from (a join b on a.id=b.id) where a.x=1',
  'select * from (select * from q where z=1) x join w using(id) where x.a=1',
  'insert into t values (1,2),(3,4)',
  'insert into db.t(a,b) values (1,2) on duplicate key update a=values(a)',
  'replace into t select * from u where id in (select id from v)',
  'insert into t set a=1',
  'insert ignore into t (a) select a from t2',
  'update t set a=1 where id=5',
  'update a join b on a.id=b.id set a.x=1 where a.id=1',
  'update a,b set a.x=1 where a.id=b.id and b.k=4',
  'update t as x set x.a=1 where x.id in (1,2) order by id limit 5',
  'delete from t where id=5 limit 1',
  'delete a from a join b on a.id=b.id where b.x=1',
  'delete x from t as x join u on x.id=u.id where u.b=1',
  'delete x,u from t x, u where x.id=u.id',
  'delete from t using t join u on t.id=u.id where u.a=1',
  'delete t.* from t where t.a=1',
  'delete quick from t where a=1',
  'with c as (select * from t) select * from c where a=1',
  'with recursive c(n) as (select 1 union all select n+1 from c where n<5) select * from c',
  'with c as (select 1) update t join c set t.a=1 where t.id=1',
  'with x as (select * from t) delete from u where id in (select id from x)',
  'select * from t union select * from u where a=1',
  '(select * from t where a=1) union all (select * from u) order by 1',
  '(select * from t where a=1)',
  'select count(*), sum(x) from t group by y having sum(x)>1',
  'select 1',
  'select 1 from dual where 1=1',
  'select exists(select 1 from z where z.a=t.a) from t where (a,b)=(1,2) and c=1',
  "select * from t where a=date'2020-01-01' and b=true and c=null",
  'select * from t where a=b=1',
  'select * from `t` where `a`=1 and t.`b`=2',
  'select * from db.`t` where db.t.a=1',
  'select a.* from t a where not a.x=1 and a.y=2',
  "select * from t where a=1 and b like 'x%' and c between 1 and 2 and d=4",
  'select * from t where a<=>1',
  'select * from t where a=1+1 and b=f(2) and 3=c',
  'select * from t where a=@x',
  'select * from t natural join u',
  'select * from t straight_join u on t.a=u.a where t.b=1',
  'select * from t cross join u where t.a=1',
  'select distinct a from t where a=1 order by b desc limit 5,10 for update',
  'select * from t use index (i) where a=1',
  'select * from t partition (p0) where a=1',
  'select case when a=1 then 2 end from t where a=1',
  'select * from t where a=1 and (b=2 or (c=3 and d=4))',
  'select * from t where ((a=1) and ((b=2)))',
  'select * from t where a in (1) and b not in (2)',
  'select sql_calc_found_rows * from t where a=1',
  'select t.a x, u.b from t inner join u on t.id=u.id and u.k=5 left join w on w.id=u.id where t.k=1',
  'SELECT c FROM sbtest1 WHERE id BETWEEN 5 AND 9 ORDER BY c',
  'select * from t where id=1 lock in share mode',
  'select * from t where a=1 /*! and b=2 */',
  "select if(a=1,2,3) from t where k='a' 'b'",
  "select * from t where k=_utf8mb4'x'",
  'select * from t where `order`=1 and `group`.x=2',
];
for (const text of agreed) {
  test(`two parsers agree on ${text}`, () => {
    const tokens = lexed(text);
    const parsed = parse(tokens, 0, mariadbMode);
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem.message);
    const ours = ownOpinion(parsed.statement);
    assert.ok(ours);
    const theirs = secondOpinionOn(tokens, 0, statementEnd(tokens, 0).endToken, mariadbMode);
    if (theirs !== undefined) assert.equal(compareOpinion(ours, theirs), undefined);
  });
}

test('the other parser understands nearly all of them', () => {
  const understood = agreed.filter((text) => {
    const tokens = lexed(text);
    return secondOpinionOn(tokens, 0, tokens.count, mariadbMode) !== undefined;
  });
  assert.ok(understood.length >= agreed.length * 0.85, `${understood.length} of ${agreed.length}`);
});

test('a reading that loses rows is noticed', () => {
  const tokens = lexed('select * from t where a = 1 or b = 2 and c = 3');
  const theirs = secondOpinionOn(tokens, 0, tokens.count, mariadbMode);
  assert.ok(theirs);
  const wrong = { ...theirs, keyPredicates: ['c='] };
  assert.match(compareOpinion(wrong, theirs) ?? '', /only the first reading has c=/);
});
