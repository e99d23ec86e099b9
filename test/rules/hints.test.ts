/** Hint comments: what is read, what is reported. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHintComment, parseHints } from '../../src/rules/index.ts';

test('all keys, both spellings, several comments', () => {
  const { hints, problems } = parseHints([
    ' SHARDINGSPHERE_HINT: SHARDING_DATABASE_VALUE=1, t_order.SHARDING_TABLE_VALUE=2, `T_Order`.SHARDING_TABLE_VALUE=3 ',
    'SHARDMESH_HINT: writeRouteOnly=true'.replace('writeRouteOnly', 'WRITE_ROUTE_ONLY') +
      ', DATA_SOURCE_NAME=ds_0, DISABLE_AUDIT_NAMES=a b, sharding_table_value=9',
  ]);
  assert.deepEqual(problems, []);
  assert.equal(hints.databaseValue, '1');
  assert.equal(hints.tableValue, '9');
  assert.deepEqual([...hints.tableValues], [['t_order', ['2', '3']]]);
  assert.equal(hints.writeRouteOnly, true);
  assert.equal(hints.dataSourceName, 'ds_0');
  assert.deepEqual(hints.disableAuditNames, ['a', 'b']);
});

test('what is no hint, and what is a wrong one', () => {
  assert.equal(isHintComment(' shardmesh_hint : A=1'), true);
  assert.equal(isHintComment(" 'SHARDMESH_HINT: A=1'"), false);
  const message = (body: string): string =>
    parseHints([body])
      .problems.map((each) => `${each.message} ${each.suggestion ?? ''}`)
      .join();
  assert.match(message('SHARDMESH_HINT: WRITE_ROUT_ONLY=true'), /did you mean WRITE_ROUTE_ONLY/);
  assert.match(message('SHARDMESH_HINT: WRITE_ROUTE_ONLY=yes'), /true or false/);
  assert.match(message('SHARDMESH_HINT: WRITE_ROUTE_ONLY'), /no value/);
  assert.match(message('SHARDMESH_HINT: t.WRITE_ROUTE_ONLY=true'), /unknown hint/);
  assert.match(message('SHARDMESH_HINT: SHADOW=true'), /not supported/);
});
