/** shardmesh.yaml: the sample, units, precedence, secrets, and every kind of mistake. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { isRulesFile, loadMeshConfig, parseAuthenticationString } from '../../src/rules/index.ts';
import { loadMeshText, summary } from './load-text.ts';

const shop = `databaseName: shop
dataSources:
  ds_0: { url: "mysql://127.0.0.1/shop", username: mesh, password: backendpw }
rules: []
`;
const files = {
  '/etc/shop.yaml': shop,
  '/etc/pw': 'from file\n',
  '/etc/b.yaml': shop.replace('databaseName: shop', 'databaseName: b'),
};
const base = `listen: 127.0.0.1:3307
users:
- { user: app@%, password: "\${APP_PASSWORD:-app}", databases: [shop] }
databases: [shop.yaml]
`;

test('the sample configuration', () => {
  const file = new URL('../../rules/shardmesh.yaml', import.meta.url).pathname;
  const read = (path: string): string => readFileSync(path, 'utf8');
  const { value, problems } = loadMeshConfig({ file, text: read(file), env: {}, readFile: read, glob: () => [] });
  assert.deepEqual(
    problems.map((each) => `${each.severity} ${each.code}`),
    [],
  );
  assert.deepEqual(value?.listen, [{ kind: 'tcp', host: '127.0.0.1', port: 3307 }]);
  assert.deepEqual([...value!.databases.keys()], ['shop']);
  assert.equal(value?.limits.maxAllowedPacket, 67_108_864);
  assert.deepEqual(value?.files, [file, file.replace('shardmesh.yaml', 'shop.yaml')]);
  assert.equal(isRulesFile(read(file)), false);
  assert.equal(isRulesFile(shop), true);
});

test('flag > environment > file > default', () => {
  const load = (env: Record<string, string>, flags = {}) => loadMeshText(base, { files, env }, flags).value!;
  assert.deepEqual(load({}).listen, [{ kind: 'tcp', host: '127.0.0.1', port: 3307 }]);
  assert.deepEqual(
    load({ SHARDMESH_LISTEN: '0.0.0.0:4000, unix:/run/mesh.sock', SHARDMESH_LOG_LEVEL: 'debug' }).listen,
    [
      { kind: 'tcp', host: '0.0.0.0', port: 4000 },
      { kind: 'unix', path: '/run/mesh.sock' },
    ],
  );
  assert.equal(load({ SHARDMESH_LOG_LEVEL: 'debug' }).log.level, 'debug');
  assert.deepEqual(load({ SHARDMESH_LISTEN: '0.0.0.0:4000' }, { listen: '127.0.0.1:5000' }).listen, [
    { kind: 'tcp', host: '127.0.0.1', port: 5000 },
  ]);
  assert.equal(load({ SHARDMESH_WORKERS: '1' }).workers, 1);
  assert.equal(load({}).workers, 1);
  assert.equal(load({ SHARDMESH_WORKERS: '3' }).workers, 3);
  assert.deepEqual(load({}).http, { kind: 'tcp', host: '127.0.0.1', port: 16090 });
  assert.equal(load({ SHARDMESH_HTTP: 'off' }).http, undefined);
  const wrong = loadMeshText(base, { files, env: { SHARDMESH_WORKERS: 'many' } }, { listen: 'nowhere' });
  assert.deepEqual(wrong.problems.map((each) => `${each.file} ${each.code}`).sort(), [
    '--listen SM_WRONG_VALUE',
    'SHARDMESH_WORKERS SM_WRONG_TYPE',
  ]);
});

test('units', () => {
  const limits = (text: string) => loadMeshText(`${base}limits: { ${text} }\n`, { files });
  assert.equal(limits('statementTimeout: 1.5s').value?.limits.statementTimeoutMs, 1500);
  assert.equal(limits('statementTimeout: 2m, resultMemory: 1GB').value?.limits.resultMemory, 1_000_000_000);
  assert.match(limits('statementTimeout: 30').problems[0]!.message, /a duration with its unit/);
  assert.match(limits('resultMemory: 100').problems[0]!.message, /a size with its unit/);
});

test('secrets never show', () => {
  const { value } = loadMeshText(base.replace('${APP_PASSWORD:-app}', 'hunter2'), { files });
  assert.deepEqual(value!.users[0]!.secret.kind === 'plain' && value!.users[0]!.secret.password, 'hunter2');
  const shown =
    JSON.stringify(value) +
    JSON.stringify([...value!.databases.get('shop')!.dataSources.values()]) +
    inspect(value, { depth: 12 });
  assert.doesNotMatch(shown, /hunter2|backendpw/);
});

test('passwords from files, hashes', () => {
  const user = (text: string) => loadMeshText(base.replace('password: "${APP_PASSWORD:-app}"', text), { files });
  assert.deepEqual({ ...user('passwordFile: pw').value!.users[0]!.secret }, { kind: 'plain', password: 'from file' });
  const native = `*${'ab'.repeat(20)}`;
  assert.deepEqual(
    { ...user(`authenticationString: "${native}"`).value!.users[0]!.secret },
    { kind: 'native', hash: 'AB'.repeat(20) },
  );
  const sha2 = parseAuthenticationString(`$A$005$${'s'.repeat(20)}${'x'.repeat(43)}`);
  assert.deepEqual(
    { ...sha2 },
    { kind: 'sha2', rounds: 5000, salt: new Uint8Array(20).fill(115), digest: 'x'.repeat(43) },
  );
  for (const bad of ['*12', '$A$005$short', 'plain']) assert.equal(parseAuthenticationString(bad), undefined);
  assert.deepEqual(summary(user('authenticationString: nonsense').problems), ['3:40 error SM_WRONG_VALUE']);
  assert.deepEqual(summary(user('passwordFile: none').problems), ['3:32 error SM_FILE_UNREADABLE']);
  assert.deepEqual(summary(user('password: a, passwordFile: pw').problems), ['3:3 error SM_WRONG_VALUE']);
});

const cases: readonly (readonly [string, string, readonly string[], RegExp?])[] = [
  ['unknown transaction type', 'transaction: { defaultType: LOCALL }', ['5:29 error SM_WRONG_VALUE'], /LOCAL/],
  ['coordinator: address', 'transaction: { coordinator: { listen: "x" } }', ['5:39 error SM_WRONG_VALUE']],
  [
    'coordinator: open to others',
    'transaction: { coordinator: { listen: "0.0.0.0:36789" } }',
    ['5:39 error SM_WRONG_VALUE'],
    /needs tls/,
  ],
  ['coordinator: store', 'transaction: { coordinator: { store: "postgres://h/x" } }', ['5:38 error SM_WRONG_VALUE']],
  ['coordinator', 'transaction: { coordinator: { store: "mysql://u:p@h:1/x", branchHosts: ["*.svc"] } }', []],
  ['unknown key', 'lissten: 1', ['5:1 error SM_UNKNOWN_KEY'], /did you mean 'listen'/],
  ['bad address', 'http: 127.0.0.1', ['5:7 error SM_WRONG_VALUE']],
  ['admin beyond loopback', 'admin: 0.0.0.0:16091', ['5:8 error SM_WRONG_VALUE']],
  ['one address twice', 'http: 127.0.0.1:3307', ['5:7 error SM_WRONG_VALUE']],
  ['a network with a host in it', 'proxyProtocol: [10.0.0.0/8, 10.0.0.1/8]', ['5:29 error SM_WRONG_VALUE'], /begins/],
  ['no network', 'proxyProtocol: 10.%', ['5:16 error SM_WRONG_VALUE'], /10\.0\.0\.0\/8/],
  ['workers', 'workers: 2000', ['5:10 error SM_WRONG_VALUE']],
  ['redis', 'control: { redis: localhost }', ['5:19 error SM_WRONG_VALUE']],
  ['redis for leases only', 'control: { redis: "redis://h:6379/0" }', ['5:19 warning SM_FEATURE_NOT_BUILT']],
  [
    'certificate files',
    'tls: { cert: a.crt, key: a.key }',
    ['5:14 error SM_FILE_UNREADABLE', '5:26 error SM_FILE_UNREADABLE'],
  ],
];
for (const [name, line, expected, says] of cases) {
  test(`shardmesh.yaml: ${name}`, () => {
    const { problems } = loadMeshText(`${base}${line}\n`, { files });
    assert.deepEqual(summary(problems), expected, JSON.stringify(problems));
    if (says !== undefined) assert.match(problems.map((each) => `${each.message} ${each.suggestion}`).join(), says);
  });
}

test('users: hosts, and what their connections need', () => {
  const user = (name: string, more = '', keys = '') =>
    loadMeshText(`${base.replace('app@%', name).replace('[shop] }', `[shop]${more} }`)}${keys}\n`, { files });
  for (const host of ['10.%', '10.0.0.0/8', '10.0.0.0/255.0.0.0', 'fd00::/8', '::1', 'localhost', '192.168.1._'])
    assert.deepEqual(user(`app@${host}`).problems, [], host);
  for (const host of ['10.0.0.0/33', '10.0.0.0/255.0.255.0', '10.1.0.0/8', '10/8', 'a/8'])
    assert.deepEqual(summary(user(`app@${host}`).problems), ['3:11 error SM_WRONG_VALUE'], host);
  assert.deepEqual(summary(user('app@db.example.com').problems), ['3:11 warning SM_WRONG_VALUE']);
  const tls = 'tls: { cert: pw, key: pw }';
  assert.match(String(user('app@%', ', require: tls').problems[0]?.message), /needs TLS/);
  assert.deepEqual(user('app@%', ', require: tls', tls).problems, []);
  assert.match(String(user('app@%', ', require: certificate', tls).problems[0]?.message), /authority/);
  assert.deepEqual(user('app@%', ', require: certificate', 'tls: { cert: pw, key: pw, ca: pw }').problems, []);
  assert.equal(user('app@%', ', connections: 5').value?.users[0]?.connections, 5);
});

test('databases: missing files, globs, the same name twice, problems of their own', () => {
  const load = (databases: string, more: Record<string, string> = {}) =>
    loadMeshText(base.replace('[shop.yaml]', databases), { files: { ...files, ...more } });
  assert.deepEqual(summary(load('[nowhere.yaml]').problems), ['4:13 error SM_FILE_UNREADABLE']);
  assert.deepEqual([...load('["*.yaml"]').value!.databases.keys()], ['b', 'shop']);
  assert.deepEqual(summary(load('[shop.yaml, c.yaml]', { '/etc/c.yaml': shop }).problems), [
    '4:24 error SM_DUPLICATE_NAME',
  ]);
  const bad = load('[shop.yaml, d.yaml]', { '/etc/d.yaml': 'databaseName: d\n' });
  assert.deepEqual(
    bad.problems.map((each) => `${each.file} ${each.code}`),
    ['/etc/d.yaml SM_MISSING_KEY'],
  );
  assert.deepEqual(
    summary(loadMeshText(base.replace('databases: [shop] }', 'databases: [shpo] }'), { files }).problems),
    ['3:64 error SM_WRONG_VALUE'],
  );
});

test('worker ids: a generator’s first id and the workers must fit 1024', () => {
  const rules = `${shop.replace('rules: []', '')}rules:
- !SHARDING
  tables: { t: { actualDataNodes: ds_0.t, keyGenerateStrategy: { column: id, keyGeneratorName: k } } }
  keyGenerators: { k: { type: SNOWFLAKE, props: { worker-id: 1020 } } }
`;
  const { problems } = loadMeshText(`${base}workers: 8\n`, { files: { ...files, '/etc/shop.yaml': rules } });
  assert.deepEqual(summary(problems), ['5:10 error SM_WORKER_IDS']);
});
