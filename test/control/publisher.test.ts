/** Reloads are all or nothing, and everybody sees one configuration at a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Configuration,
  ConfigurationRefused,
  type PhysicalSchema,
  Publisher,
  type PublisherOptions,
  type RuleSource,
} from '../../src/control/index.ts';
import type { Loaded, MeshConfig, RuleProblem, RuleSet } from '../../src/rules/index.ts';
import { sampleRules, sampleSource, sampleTable } from './sample-rules.ts';

const configOf = (
  databases: readonly RuleSet[],
  version = databases.map((rules) => rules.version).join(),
): MeshConfig => ({
  file: 'shardmesh.yaml',
  version,
  listen: [{ kind: 'tcp', host: '127.0.0.1', port: 3307 }],
  http: undefined,
  admin: undefined,
  proxyProtocol: [],
  serverVersion: undefined,
  workers: 1,
  watchdogMs: 0,
  tls: undefined,
  users: [],
  databases: new Map(databases.map((rules) => [rules.databaseName, rules])),
  transaction: { defaultType: 'LOCAL', unsafeReplication: 'refuse', keepDecisionsMs: 1000, coordinator: undefined },
  limits: { maxAllowedPacket: 1, resultMemory: 1, statementTimeoutMs: 0, preparedStatements: 1, connections: 1 },
  replicas: {
    consistency: 'application',
    waitLimitMs: 50,
    lagMaxSeconds: 10,
    probeIntervalMs: 500,
    slowStartMs: 0,
    zone: undefined,
    positionKey: undefined,
    writeBufferMs: 0,
    writeBufferMax: 0,
  },
  control: { redis: undefined },
  log: { level: 'info', format: 'json', slow: 1000, audit: 'off' },
  files: [],
});
const problem: RuleProblem = {
  file: 'shop.yaml',
  line: 3,
  column: 5,
  code: 'SM_UNKNOWN_KEY',
  severity: 'error',
  message: "unknown key 'x'",
};
const rulesOf = (version: string, password = 'mesh'): RuleSet => ({
  ...sampleRules(
    [{ ...sampleSource('ds_0', 3306, 's0'), password }],
    [sampleTable('orders', 'sharded', ['ds_0.orders_0'])],
  ),
  version,
});
const physical = (tables: readonly string[]): PhysicalSchema => ({
  version: '10.11.0-MariaDB',
  mariadb: true,
  serverVersion: 101100,
  collationDatabase: 'utf8mb4_general_ci',
  caseSensitive: true,
  tables: new Map(tables.map((name) => [name, { name, view: false, columns: [], primaryKey: [], uniqueKeys: [] }])),
  routines: new Set(),
  collations: new Map(),
});

const setUp = (first: Loaded<MeshConfig>, options: Partial<PublisherOptions> = {}) => {
  const state = { loaded: first, loads: 0, tables: ['orders_0'] };
  const source: RuleSource = {
    name: 'test',
    load: () => {
      state.loads++;
      return state.loaded;
    },
  };
  const publisher = new Publisher({ source, schema: { read: async () => physical(state.tables) }, ...options });
  const seen: [Configuration, Configuration | undefined][] = [];
  publisher.subscribe((next, previous) => seen.push([next, previous]));
  return { publisher, state, seen };
};

describe('publisher', () => {
  it('publishes rules together with their schema', async () => {
    const { publisher, seen } = setUp({ value: configOf([rulesOf('a')]), problems: [] });
    assert.throws(() => publisher.current, /no configuration/);
    const configuration = await publisher.start();
    assert.equal(publisher.current, configuration);
    assert.deepEqual(seen, [[configuration, undefined]]);
    assert.equal(configuration.version, 1);
    assert.ok(configuration.schemas.get('shop')?.tables.has('orders'));
    assert.ok(Object.isFrozen(configuration));
    publisher.stop();
  });

  it('refuses to start with errors, and tells them', async () => {
    const { publisher } = setUp({ problems: [problem] });
    await assert.rejects(publisher.start(), (error: unknown) => {
      assert.ok(error instanceof ConfigurationRefused);
      assert.deepEqual(error.problems, [problem]);
      assert.match(error.message, /shop\.yaml:3:5 SM_UNKNOWN_KEY/);
      return true;
    });
    publisher.stop();
  });

  it('keeps what is in force when a reload has errors, throws, or is refused at the last word', async () => {
    let veto = false;
    const { publisher, state, seen } = setUp(
      { value: configOf([rulesOf('a')]), problems: [] },
      {
        prepare: () => {
          if (veto) throw new Error('port in use');
        },
      },
    );
    const first = await publisher.start();
    state.loaded = { problems: [problem] };
    assert.deepEqual(await publisher.reload('file'), {
      kind: 'refused',
      reason: "shop.yaml:3:5 SM_UNKNOWN_KEY unknown key 'x'",
      problems: [problem],
    });
    assert.deepEqual(publisher.problems, [problem]);
    state.loaded = { value: configOf([rulesOf('b')]), problems: [] };
    veto = true;
    const refused = await publisher.reload('signal');
    assert.equal(refused.kind === 'refused' && refused.reason, 'port in use');
    assert.equal(publisher.current, first);
    assert.equal(seen.length, 1);
    veto = false;
    const applied = await publisher.reload('signal');
    assert.equal(applied.kind, 'applied');
    assert.equal(publisher.current.ruleSets.get('shop')?.version, 'b');
    assert.deepEqual(publisher.problems, []);
    publisher.stop();
  });

  it('keeps unchanged rule sets as the same objects, and sees a changed password', async () => {
    const other = { ...rulesOf('o'), databaseName: 'other' };
    const { publisher, state } = setUp({ value: configOf([rulesOf('a'), other]), problems: [] });
    const first = await publisher.start();
    state.loaded = { value: configOf([rulesOf('a'), { ...other }]), problems: [] };
    assert.equal((await publisher.reload('admin')).kind, 'unchanged');
    assert.equal(publisher.current, first);
    state.loaded = { value: { ...configOf([rulesOf('a', 'changed'), { ...other }]), workers: 2 }, problems: [] };
    const result = await publisher.reload('admin');
    assert.deepEqual(result.kind === 'applied' && result.restart, ['workers']);
    assert.notEqual(publisher.current.ruleSets.get('shop'), first.ruleSets.get('shop'));
    assert.equal(publisher.current.ruleSets.get('other'), first.ruleSets.get('other'));
    assert.ok(publisher.current.schemas.get('shop')!.version >= first.schemas.get('shop')!.version);
    publisher.stop();
  });

  it('swaps the whole configuration when a schema changes', async () => {
    const { publisher, state, seen } = setUp({ value: configOf([rulesOf('a')]), problems: [] });
    const first = await publisher.start();
    state.tables = ['orders_0', 'notes'];
    const schema = await publisher.refreshSchema('shop', 'ddl');
    assert.equal(publisher.current.schemas.get('shop'), schema);
    assert.equal(schema?.singleTables.get('notes'), 'ds_0');
    assert.equal(first.schemas.get('shop')?.tables.has('notes'), false);
    assert.equal(publisher.current.version, first.version + 1);
    assert.equal(publisher.current.ruleSets.get('shop'), first.ruleSets.get('shop'));
    assert.equal(seen.length, 2);
    publisher.stop();
  });

  it('reloads asked for at once are read after they were asked for, once', async () => {
    const { publisher, state } = setUp({ value: configOf([rulesOf('a')]), problems: [] });
    await publisher.start();
    state.loads = 0;
    const first = publisher.reload('file');
    state.loaded = { value: configOf([rulesOf('b')]), problems: [] };
    const all = await Promise.all([
      first,
      publisher.reload('signal'),
      publisher.reload('admin'),
      publisher.reload('file'),
    ]);
    assert.equal(state.loads, 2);
    assert.equal(publisher.current.ruleSets.get('shop')?.version, 'b');
    assert.equal(all[1], all[3]);
    publisher.stop();
  });
});
