/** Every kind of bad rules file: the code, the line and column, and the suggestion of each problem. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadRulesText, summary } from './load-text.ts';

const good = `databaseName: shop
dataSources:
  ds_0: { url: "mysql://127.0.0.1:3310/shop_0", username: mesh, password: secret }
  ds_1: { url: "mysql://127.0.0.1:3311/shop_1", username: mesh, password: secret }
rules:
- !SHARDING
  tables:
    orders:
      actualDataNodes: ds_\${0..1}.orders_\${0..1}
      databaseStrategy: { standard: { shardingColumn: user_id, shardingAlgorithmName: by_user } }
      tableStrategy: { standard: { shardingColumn: order_id, shardingAlgorithmName: by_order } }
      keyGenerateStrategy: { column: order_id, keyGeneratorName: snowflake }
  shardingAlgorithms:
    by_user: { type: INLINE, props: { algorithm-expression: "ds_\${user_id % 2}" } }
    by_order: { type: INLINE, props: { algorithm-expression: "orders_\${order_id % 2}" } }
  keyGenerators: { snowflake: { type: SNOWFLAKE, props: { worker-id: 1 } } }
- !BROADCAST { tables: [countries] }
`;

interface Case {
  readonly name: string;
  /** Replaced in the good file. */
  readonly from: string;
  readonly to: string;
  /** Errors only, `line:column CODE`. */
  readonly problems: readonly string[];
  readonly says?: RegExp;
}

const cases: readonly Case[] = [
  { name: 'syntax error', from: 'databaseName: shop', to: 'databaseName: [shop', problems: ['2:1 SM_YAML_SYNTAX'] },
  {
    name: 'tab as indentation',
    from: '  ds_0:',
    to: '\tds_0:',
    problems: ['3:1 SM_YAML_SYNTAX', '4:1 SM_YAML_SYNTAX'],
  },
  {
    name: 'duplicated key',
    from: 'rules:',
    to: 'databaseName: other\nrules:',
    problems: ['5:1 SM_YAML_DUPLICATE_KEY'],
    says: /first in line 1/,
  },
  {
    name: 'unknown key',
    from: 'databaseName',
    to: 'databaseNmae',
    problems: ['1:1 SM_UNKNOWN_KEY'],
    says: /did you mean 'databaseName'/,
  },
  {
    name: 'unknown key deep inside',
    from: 'shardingColumn: user_id',
    to: 'shardingColum: user_id',
    problems: ['10:27 SM_MISSING_KEY', '10:39 SM_UNKNOWN_KEY'],
    says: /did you mean 'shardingColumn'/,
  },
  {
    name: 'unknown tag',
    from: '!BROADCAST',
    to: '!BROADCASTS',
    problems: ['17:3 SM_YAML_UNKNOWN_TAG'],
    says: /did you mean '!BROADCAST'/,
  },
  { name: 'missing tag', from: '- !BROADCAST {', to: '- {', problems: ['17:3 SM_YAML_UNKNOWN_TAG'] },
  {
    name: 'feature not built',
    from: '!BROADCAST { tables: [countries] }',
    to: '!ENCRYPT { tables: {} }',
    problems: ['17:3 SM_FEATURE_NOT_BUILT'],
    says: /!ENCRYPT is not built/,
  },
  {
    name: 'wrong type: map for text',
    from: 'databaseName: shop',
    to: 'databaseName: { a: b }',
    problems: ['1:15 SM_WRONG_TYPE'],
  },
  {
    name: 'wrong type: text for a list',
    from: '[countries]',
    to: 'countries',
    problems: ['17:24 SM_WRONG_TYPE'],
    says: /a list is expected, not text/,
  },
  {
    name: 'wrong type: list for a map',
    from: 'keyGenerators: { snowflake: { type: SNOWFLAKE, props: { worker-id: 1 } } }',
    to: 'keyGenerators: [snowflake]',
    problems: ['16:18 SM_WRONG_TYPE'],
  },
  {
    name: 'bad expression',
    from: 'user_id % 2}',
    to: 'user_id / 2}',
    problems: ['14:75 SM_EXPRESSION'],
    says: /intdiv/,
  },
  {
    name: 'bad expression in nodes',
    from: 'ds_${0..1}.orders',
    to: 'ds_${0..}.orders',
    problems: ['9:32 SM_EXPRESSION'],
  },
  {
    name: 'expression on another column',
    from: 'user_id % 2}',
    to: 'userid % 2}',
    problems: ['10:55 SM_EXPRESSION'],
    says: /uses 'userid'/,
  },
  {
    name: 'unknown algorithm',
    from: 'shardingAlgorithmName: by_user',
    to: 'shardingAlgorithmName: by_usr',
    problems: ['10:87 SM_UNKNOWN_ALGORITHM'],
    says: /did you mean 'by_user'/,
  },
  {
    name: 'unknown algorithm type',
    from: 'by_user: { type: INLINE',
    to: 'by_user: { type: INLIN',
    problems: ['14:22 SM_UNKNOWN_ALGORITHM_TYPE'],
    says: /did you mean 'INLINE'/,
  },
  {
    name: 'class-based algorithm',
    from: 'by_user: { type: INLINE, props: { algorithm-expression: "ds_${user_id % 2}" } }',
    to: 'by_user: { type: CLASS_BASED, props: { strategy: STANDARD, algorithmClassName: com.example.ByUser } }',
    problems: ['14:22 SM_CLASS_BASED'],
    says: /com\.example\.ByUser/,
  },
  {
    name: 'missing property',
    from: 'by_user: { type: INLINE, props: { algorithm-expression: "ds_${user_id % 2}" } }',
    to: 'by_user: { type: MOD }',
    problems: ['14:5 SM_ALGORITHM_PROPERTY'],
    says: /'sharding-count' is missing/,
  },
  {
    name: 'unknown property',
    from: 'props: { worker-id: 1 }',
    to: 'props: { workerid: 1 }',
    problems: ['16:69 SM_ALGORITHM_PROPERTY'],
    says: /did you mean 'worker-id'/,
  },
  {
    name: 'unknown generator',
    from: 'keyGeneratorName: snowflake',
    to: 'keyGeneratorName: snowflak',
    problems: ['12:66 SM_UNKNOWN_GENERATOR'],
  },
  {
    name: 'unknown source',
    from: 'ds_${0..1}.orders',
    to: 'dx_${0..1}.orders',
    problems: ['9:24 SM_UNKNOWN_SOURCE', '9:24 SM_UNKNOWN_SOURCE'],
    says: /did you mean 'ds_0'/,
  },
  {
    name: 'node without table',
    from: 'ds_${0..1}.orders_${0..1}',
    to: 'ds_${0..1}',
    problems: ['9:24 SM_WRONG_VALUE'],
  },
  {
    name: 'node twice',
    from: 'orders_${0..1}\n',
    to: 'orders_${[0,1,1]}\n',
    problems: ['9:24 SM_DUPLICATE_NODE', '9:24 SM_DUPLICATE_NODE'],
  },
  {
    name: 'two kinds in one strategy',
    from: 'databaseStrategy: { standard',
    to: 'databaseStrategy: { none: , standard',
    problems: ['10:25 SM_WRONG_STRATEGY'],
  },
  {
    name: 'no strategy chooses',
    from: '      databaseStrategy: { standard: { shardingColumn: user_id, shardingAlgorithmName: by_user } }\n',
    to: '',
    problems: ['8:5 SM_WRONG_STRATEGY'],
    says: /2 sources to choose from/,
  },
  {
    name: 'wrong kind of algorithm',
    from: 'databaseStrategy: { standard: { shardingColumn: user_id,',
    to: 'databaseStrategy: { hint: {',
    problems: ['10:58 SM_WRONG_STRATEGY'],
    says: /INLINE is no algorithm for a hint/,
  },
  {
    name: 'result outside the nodes',
    from: 'user_id % 2}',
    to: 'user_id % 3}',
    problems: ['10:7 SM_OUTSIDE_NODES'],
    says: /user_id = 2/,
  },
  {
    name: 'unreachable shard',
    from: 'order_id % 2}',
    to: 'order_id % 1}',
    problems: ['11:7 SM_UNREACHABLE_SHARD'],
    says: /orders_1/,
  },
  {
    name: 'count differs from the nodes',
    from: 'by_order: { type: INLINE, props: { algorithm-expression: "orders_${order_id % 2}" } }',
    to: 'by_order: { type: MOD, props: { sharding-count: 4 } }',
    problems: ['11:7 SM_OUTSIDE_NODES'],
    says: /has 4 shards/,
  },
  { name: 'overlapping tables', from: '[countries]', to: '[orders_0]', problems: ['9:24 SM_OVERLAPPING_TABLES'] },
  { name: 'table of two kinds', from: '[countries]', to: '[orders]', problems: ['17:25 SM_DUPLICATE_NAME'] },
  {
    name: 'two sources on one schema',
    from: '3311/shop_1',
    to: '3310/shop_0',
    problems: ['4:3 SM_OVERLAPPING_TABLES'],
  },
  { name: 'URL without schema', from: '3311/shop_1', to: '3311', problems: ['4:16 SM_WRONG_VALUE'] },
  {
    name: 'URL of another server',
    from: '"mysql://127.0.0.1:3311/shop_1"',
    to: 'jdbc:postgresql://h/db',
    problems: ['4:16 SM_WRONG_VALUE'],
    says: /postgresql/,
  },
  {
    name: 'no user name',
    from: 'username: mesh, password: secret }\n  ds_1',
    to: 'password: secret }\n  ds_1',
    problems: ['3:3 SM_MISSING_KEY'],
  },
  {
    name: 'pool size',
    from: 'password: secret }\n  ds_1',
    to: 'password: secret, maxPoolSize: -1 }\n  ds_1',
    problems: ['3:96 SM_WRONG_VALUE'],
  },
  {
    name: 'environment variable missing',
    from: 'password: secret }\n  ds_1',
    to: 'password: "${NO_SUCH}" }\n  ds_1',
    problems: ['3:75 SM_ENVIRONMENT_MISSING'],
    says: /NO_SUCH/,
  },
  {
    name: 'password file missing',
    from: 'password: secret }\n  ds_1',
    to: 'passwordFile: /nowhere }\n  ds_1',
    problems: ['3:79 SM_FILE_UNREADABLE'],
  },
  {
    name: 'alias without anchor',
    from: '[countries]',
    to: '*nothing',
    problems: ['17:16 SM_MISSING_KEY', '17:24 SM_YAML_SYNTAX'],
  },
  { name: 'not a map', from: good, to: '- a\n- b\n', problems: ['1:1 SM_WRONG_TYPE'] },
  { name: 'empty', from: good, to: '# nothing\n', problems: ['1:1 SM_MISSING_KEY'] },
];

test('the file that the cases change is good', () => {
  const { value, problems } = loadRulesText(good);
  assert.deepEqual(problems, []);
  assert.equal(value?.databaseName, 'shop');
});

for (const each of cases) {
  test(`bad rules: ${each.name}`, () => {
    assert.ok(good.includes(each.from), 'the case changes the file');
    const { value, problems } = loadRulesText(good.replace(each.from, () => each.to));
    assert.equal(value, undefined);
    const errors = problems.filter((problem) => problem.severity === 'error');
    assert.deepEqual(
      summary(errors),
      each.problems.map((problem) => problem.replace(' ', ' error ')),
      JSON.stringify(problems, null, 1),
    );
    if (each.says !== undefined)
      assert.ok(
        problems.some((problem) => each.says!.test(`${problem.message} ${problem.suggestion ?? ''}`)),
        JSON.stringify(problems),
      );
  });
}

test('all problems of a file at once, in order', () => {
  const { problems } = loadRulesText(
    good
      .replace('shop_1', 'shop_0/x')
      .replace('by_user }', 'by_usr }')
      .replace('SNOWFLAKE', 'SNOWFLAK')
      .replace('[countries]', '[countries], tabels: 1'),
  );
  assert.deepEqual(summary(problems), [
    '4:16 error SM_WRONG_VALUE',
    '10:87 error SM_UNKNOWN_ALGORITHM',
    '16:39 error SM_UNKNOWN_ALGORITHM_TYPE',
    '17:37 error SM_UNKNOWN_KEY',
  ]);
});

test('no problem repeats a secret', () => {
  for (const text of ['mysql://root:hunter2@h:x/db', 'mysql://root:hunter2@h', 'pg://root:hunter2@h/db']) {
    const { problems } = loadRulesText(good.replace('mysql://127.0.0.1:3310/shop_0', text));
    assert.ok(problems.length > 0);
    assert.doesNotMatch(JSON.stringify(problems), /hunter2/);
  }
});

test('a file without a name gets one, as ShardingSphere-JDBC files have none', () => {
  const { value, problems } = loadRulesText(good.replace(/^databaseName:.*\n/m, ''));
  assert.equal(value?.databaseName, 'logic_db');
  assert.deepEqual(
    problems.filter((problem) => problem.code === 'SM_MISSING_KEY').map((problem) => problem.severity),
    ['warning'],
  );
});
