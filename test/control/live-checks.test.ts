/** What `check --connect` finds on real servers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { checkLive } from '../../src/control/index.ts';
import type { LogicalTable, RuleSet, StandardAlgorithm } from '../../src/rules/index.ts';
import { startReplica, startServer, type TestServer, waitForReplica } from '../servers/index.ts';
import { sampleRules, sampleSource, sampleTable } from './sample-rules.ts';

const algorithm: StandardAlgorithm = {
  kind: 'standard',
  name: 'by_key',
  type: 'HASH_MOD',
  props: {},
  keyForm: 'value',
  variables: ['id'],
  targetCount: 2,
  bind: () => ({ placeValue: () => 0, placeRange: () => 'all' }),
};
const sharded = (name: string, column: string): LogicalTable => ({
  ...sampleTable(name, 'sharded', [`ds_0.${name}_0`, `ds_1.${name}_1`]),
  databaseStrategy: { kind: 'standard', column, algorithm },
  shardingColumns: [column.toLowerCase()],
});

describe('live checks', () => {
  let server: TestServer;
  let replica: TestServer;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shardmesh-live-'));
    server = await startServer({ schemas: ['s0', 's1'], binaryLog: true });
    await server.execute(
      'CREATE TABLE s0.good_0 (id BIGINT PRIMARY KEY)',
      'CREATE TABLE s1.good_1 (id BIGINT PRIMARY KEY)',
      'CREATE TABLE s0.half_0 (id BIGINT PRIMARY KEY)',
      'CREATE TABLE s0.odd_0 (id BIGINT PRIMARY KEY)',
      'CREATE TABLE s1.odd_1 (id INT PRIMARY KEY)',
      'CREATE TABLE s0.named_0 (name VARCHAR(20) PRIMARY KEY)',
      'CREATE TABLE s1.named_1 (name VARCHAR(20) PRIMARY KEY)',
      'CREATE TABLE s0.exact_0 (name VARCHAR(20) COLLATE utf8mb4_nopad_bin PRIMARY KEY)',
      'CREATE TABLE s1.exact_1 (name VARCHAR(20) COLLATE utf8mb4_nopad_bin PRIMARY KEY)',
      'CREATE TABLE s0.counted_0 (id INT AUTO_INCREMENT PRIMARY KEY, user_id INT)',
      'CREATE TABLE s1.counted_1 (id INT AUTO_INCREMENT PRIMARY KEY, user_id INT)',
      'CREATE TABLE s0.keyless_0 (id INT)',
      'CREATE TABLE s1.keyless_1 (id INT)',
      "CREATE USER weak IDENTIFIED BY 'weak'",
      'GRANT SELECT ON s0.* TO weak',
    );
    replica = await startReplica(server);
  });
  after(async () => {
    await replica?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const found = async (rules: RuleSet) =>
    (await checkLive(rules)).map(({ code, severity, line, column }) => `${line}:${column} ${severity} ${code}`);

  it('says nothing of servers and tables that are right', async () => {
    const rules = sampleRules(
      [sampleSource('ds_0', server.port, 's0'), sampleSource('ds_1', server.port, 's1')],
      [sharded('good', 'id'), sharded('exact', 'name')],
    );
    assert.deepEqual(await checkLive(rules), []);
  });

  it('tells what is wrong at the place where the rules name it', async () => {
    const file = join(folder, 'shop.yaml');
    writeFileSync(
      file,
      [
        'dataSources:',
        '  ds_0: {}',
        '  ds_1: {}',
        'rules:',
        '- !SHARDING',
        '  tables:',
        ...['half', 'odd', 'named', 'counted', 'keyless', 'none'].map((name) => `    ${name}: {}`),
      ].join('\n'),
    );
    const rules = sampleRules(
      [sampleSource('ds_0', server.port, 's0'), sampleSource('ds_1', server.port, 's1')],
      [
        sharded('half', 'id'),
        sharded('odd', 'id'),
        sharded('named', 'name'),
        sharded('counted', 'user_id'),
        sharded('keyless', 'user_id'),
        sharded('none', 'id'),
      ],
    );
    assert.deepEqual(await found({ ...rules, file }), [
      '7:5 error SM_LIVE_TABLE',
      '8:5 error SM_LIVE_COLUMNS',
      '9:5 warning SM_LIVE_STRING_KEY',
      '10:5 warning SM_LIVE_UNIQUE_KEY',
      '10:5 warning SM_LIVE_AUTO_INCREMENT',
      '11:5 error SM_LIVE_COLUMNS',
      '12:5 warning SM_LIVE_TABLE',
    ]);
  });

  it('tells servers that do not answer, and accounts that may too little', async () => {
    const rules = sampleRules(
      [
        { ...sampleSource('ds_0', server.port, 's0'), username: 'weak', password: 'weak' },
        sampleSource('ds_1', 1, 's1'),
        { ...sampleSource('ds_2', server.port, 's0'), password: 'wrong-secret' },
      ],
      [],
    );
    const problems = await checkLive(rules);
    assert.deepEqual(problems.map((problem) => problem.code).sort(), [
      'SM_LIVE_PRIVILEGES',
      'SM_LIVE_SERVER',
      'SM_LIVE_SERVER',
    ]);
    assert.match(
      problems.find((problem) => problem.code === 'SM_LIVE_PRIVILEGES')!.message,
      /no INSERT, UPDATE, DELETE on schema 's0'/,
    );
    assert.ok(!JSON.stringify(problems).includes('wrong-secret'));
  });

  it('tells replicas that do not replicate', async () => {
    await waitForReplica(replica, server);
    const sources = [
      sampleSource('ds_0', server.port, 's0'),
      sampleSource('ds_1', replica.port, 's0'),
      sampleSource('ds_2', server.port, 's1'),
    ];
    const group = (replicas: readonly string[]) =>
      ({
        name: 'rw',
        primary: 'ds_0',
        replicas,
        transactionalReads: 'PRIMARY',
        balancer: { name: 'b', type: 'RANDOM', props: {} },
      }) as const;
    const rules = { ...sampleRules(sources, []), shardSources: ['rw'], defaultSource: 'rw' };
    assert.deepEqual(await found({ ...rules, groups: new Map([['rw', group(['ds_1'])]]) }), []);
    const problems = await checkLive({ ...rules, groups: new Map([['rw', group(['ds_2'])]]) });
    assert.match(
      problems.map((problem) => problem.message).join('\n'),
      /'ds_2' is listed as a replica and replicates from nowhere/,
    );
    await replica.execute('STOP SLAVE');
    assert.deepEqual(await found({ ...rules, groups: new Map([['rw', group(['ds_1'])]]) }), [
      '1:1 error SM_LIVE_REPLICA',
    ]);
  });
});
