/** Good rules files: what the snapshot says, in new and older spellings. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  equalityKeepsShard,
  findTable,
  physicalTablesOf,
  primaryOf,
  shardSourceOf,
  singleTableAllowed,
} from '../../src/rules/index.ts';
import { loadRulesFile, loadRulesText, summary } from './load-text.ts';

test('the sample shop', () => {
  const { value: rules, problems } = loadRulesFile('../../rules/shop.yaml', {
    SHARDMESH_DEMO_PORT_1: '4444',
    MESH_PASSWORD: 's3cret',
  });
  assert.deepEqual(
    problems.map((each) => each.code),
    [],
  );
  assert.ok(rules);
  assert.deepEqual(rules.shardSources, ['rw_0', 'rw_1']);
  assert.equal(rules.defaultSource, 'rw_0');
  assert.equal(primaryOf(rules, 'rw_1')?.port, 4444);
  assert.equal(primaryOf(rules, 'rw_1')?.database, 'shop_1');
  assert.equal(primaryOf(rules, 'rw_1')?.password, 's3cret');
  assert.equal(shardSourceOf(rules, 'ds_1_replica'), 'rw_1');
  assert.equal(shardSourceOf(rules, 'nothing'), undefined);
  assert.deepEqual(findTable(rules, 'orders')?.nodes, [
    { source: 'rw_0', table: 'orders_0' },
    { source: 'rw_0', table: 'orders_1' },
    { source: 'rw_1', table: 'orders_0' },
    { source: 'rw_1', table: 'orders_1' },
  ]);
  assert.equal(findTable(rules, 'Orders'), undefined);
  assert.equal(findTable(rules, 'Orders', true)?.name, 'orders');
  assert.deepEqual(rules.bindingGroups, [['orders', 'order_items']]);
  assert.equal(findTable(rules, 'order_items')?.bindingGroup, 0);
  assert.deepEqual(findTable(rules, 'orders')?.shardingColumns, ['user_id', 'order_id']);
  assert.equal(findTable(rules, 'countries')?.kind, 'broadcast');
  assert.deepEqual(findTable(rules, 'notes')?.nodes, [{ source: 'rw_0', table: 'notes' }]);
  assert.equal(physicalTablesOf(rules, 'rw_1').get('order_items_1'), 'order_items');
  assert.equal(singleTableAllowed(rules, 'rw_0', 'notes'), true);
  assert.equal(singleTableAllowed(rules, 'rw_1', 'notes'), false);
  assert.doesNotMatch(JSON.stringify([...rules.dataSources]) + inspect(rules, { depth: 9 }), /s3cret/);
});

test('versions follow the content, not the passwords or the layout', () => {
  const version = (text: string): string | undefined => loadRulesText(text).value?.version;
  const base = 'databaseName: a\ndataSources:\n  d: { url: "mysql://u:p@h/x", username: u, password: p }\n';
  assert.equal(version(base), version(`# comment\n${base.replace('password: p', 'password: other')}`));
  assert.notEqual(version(base), version(base.replace('/x', '/y')));
});

test('equality that keeps the shard', () => {
  const orders = loadRulesFile('../../rules/shop.yaml').value!.tables.get('orders')!;
  assert.equal(equalityKeepsShard(orders.databaseStrategy, { binary: true, padSpace: false }), true);
  assert.equal(equalityKeepsShard(orders.databaseStrategy, { binary: true, padSpace: true }), false);
  assert.equal(equalityKeepsShard(orders.databaseStrategy, { binary: false, padSpace: false }), false);
  assert.equal(equalityKeepsShard({ kind: 'none' }, { binary: false, padSpace: true }), true);
});

const files: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  // name, tables, codes of its warnings
  ['sharding-databases', ['t_order', 't_order_item', 't_account', 't_address'], []],
  ['sharding-tables', ['t_order', 't_order_item', 't_account', 't_address'], []],
  ['sharding-databases-tables', ['t_order', 't_order_item', 't_address'], []],
  ['readwrite-splitting', [], ['SM_UNUSED']],
  ['hint', ['t_order'], []],
  ['auto-tables', ['t_mod', 't_hash', 't_volume', 't_boundary', 't_days'], []],
  ['older-spellings', ['t_order', 't_address'], ['SM_UNUSED', 'SM_UNUSED']],
  ['complex-and-interval', ['t_log', 't_pair', 't_country', 't_ring', 't_found'], []],
];

for (const [name, tables, warnings] of files) {
  test(`file ${name}.yaml`, () => {
    const { value, problems } = loadRulesFile(`files/${name}.yaml`);
    assert.deepEqual(
      problems.map((each) => `${each.severity} ${each.code}`).sort(),
      warnings.map((code) => `warning ${code}`),
      JSON.stringify(problems, null, 1),
    );
    assert.deepEqual([...value!.tables.keys()], tables);
  });
}

test('auto tables: shard i on the sources in turn', () => {
  const rules = loadRulesFile('files/auto-tables.yaml').value!;
  assert.deepEqual(
    rules.tables.get('t_mod')!.nodes.map((node) => `${node.source}.${node.table}`),
    ['ds_0.t_mod_0', 'ds_1.t_mod_1', 'ds_0.t_mod_2', 'ds_1.t_mod_3'],
  );
  assert.equal(rules.tables.get('t_days')!.nodes.length, 4);
});

test('refused files name the feature', () => {
  for (const [name, tag] of [
    ['refused-encrypt', '!ENCRYPT'],
    ['refused-mask', '!MASK'],
    ['refused-shadow', '!SHADOW'],
  ] as const) {
    const { value, problems } = loadRulesFile(`files/${name}.yaml`);
    assert.equal(value, undefined);
    assert.ok(
      problems.some((each) => each.code === 'SM_FEATURE_NOT_BUILT' && each.message.includes(tag)),
      JSON.stringify(problems),
    );
  }
});

const bindingFile = (second: string, expression: string): string => `databaseName: b
dataSources:
  ds_0: { url: "mysql://h/a", username: u, password: p }
  ds_1: { url: "mysql://h/b", username: u, password: p }
rules:
- !SHARDING
  tables:
    o: { actualDataNodes: "ds_\${0..1}.o_\${0..1}", databaseStrategy: { standard: { shardingColumn: u, shardingAlgorithmName: d } }, tableStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: t } } }
    i: { actualDataNodes: "${second}", databaseStrategy: { standard: { shardingColumn: u, shardingAlgorithmName: d } }, tableStrategy: { standard: { shardingColumn: oid, shardingAlgorithmName: t2 } } }
  bindingTables: ["o,i"]
  shardingAlgorithms:
    d: { type: INLINE, props: { algorithm-expression: "ds_\${u % 2}" } }
    t: { type: INLINE, props: { algorithm-expression: "o_\${id % 2}" } }
    t2: { type: INLINE, props: { algorithm-expression: "${expression}" } }
`;

test('binding tables must be alike', () => {
  assert.deepEqual(summary(loadRulesText(bindingFile('ds_${0..1}.i_${0..1}', 'i_${oid % 2}')).problems), []);
  for (const [nodes, expression] of [
    ['ds_${0..1}.i_${0..1}', 'i_${(oid + 1) % 2}'],
    ['ds_${[1,0]}.i_${0..1}', 'i_${oid % 2}'],
    ['ds_${0..1}.i_${[1,0]}', 'i_${oid % 2}'],
    ['ds_${0..1}.i_${0..2}', 'i_${oid % 3}'],
  ] as const) {
    assert.deepEqual(
      summary(loadRulesText(bindingFile(nodes, expression)).problems),
      ['10:19 error SM_BINDING_NOT_ALIKE'],
      `${nodes} ${expression}`,
    );
  }
});

test('groups: no primary, unknown replica, shared member, direct use', () => {
  const text = (groups: string): string => `databaseName: g
dataSources:
  a: { url: "mysql://h/a", username: u, password: p }
  b: { url: "mysql://h/b", username: u, password: p }
rules:
- !READWRITE_SPLITTING
  dataSourceGroups:
${groups}
`;
  const errors = (groups: string, more = ''): string[] =>
    summary(loadRulesText(text(groups) + more).problems.filter((each) => each.severity === 'error'));
  assert.deepEqual(errors('    g: { readDataSourceNames: [b] }'), ['8:5 error SM_NO_PRIMARY']);
  assert.deepEqual(errors('    g: { writeDataSourceName: a, readDataSourceNames: [c] }'), [
    '8:56 error SM_UNKNOWN_SOURCE',
  ]);
  assert.deepEqual(errors('    g: { writeDataSourceName: a, readDataSourceNames: [a] }'), [
    '8:56 error SM_GROUPED_SOURCE',
  ]);
  assert.deepEqual(
    errors('    g: { writeDataSourceName: a }\n    h: { writeDataSourceName: b, readDataSourceNames: [a] }'),
    ['9:5 error SM_GROUPED_SOURCE'],
  );
  assert.deepEqual(errors('    b: { writeDataSourceName: a }'), ['8:5 error SM_DUPLICATE_NAME']);
  assert.deepEqual(errors('    g: { writeDataSourceName: a, loadBalancerName: x }'), [
    '8:52 error SM_UNKNOWN_BALANCER',
  ]);
  assert.deepEqual(errors('    g: { writeDataSourceName: a }', '- !SINGLE { tables: ["a.*"] }'), [
    '9:22 error SM_GROUPED_SOURCE',
  ]);
});

test('anchors, aliases and merge keys are read', () => {
  const { value, problems } = loadRulesText(`databaseName: m
dataSources:
  a: &base { url: "mysql://h/a", username: u, password: "007", maxPoolSize: 9 }
  b: { <<: *base, url: "mysql://h/b", password: 007 }
`);
  assert.deepEqual(problems, []);
  assert.equal(value!.dataSources.get('b')!.pool.sizeMax, 9);
  assert.equal(value!.dataSources.get('b')!.database, 'b');
  assert.equal(value!.dataSources.get('b')!.password, '007');
});
