/** The steps of the Dockerfile, replayed in a folder: what it copies is enough to install, start as a health check sees it, and end. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname, '../..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8');
const image = mkdtempSync(join(tmpdir(), 'shardmesh-image-'));
const work = join(image, 'opt/shardmesh');

/** Compiled code, which the image's user cannot write. */
const compiled = join(work, 'node_modules/.cache');
const filesOfWork = (): number =>
  [...readdirSync(work, { recursive: true, encoding: 'utf8' })].filter((path) => !join(work, path).startsWith(compiled))
    .length;

after(() => rmSync(image, { recursive: true, force: true }));

/** COPY instructions that take from the sources, as [from, to]. */
const copies = [...dockerfile.matchAll(/^COPY (?!--from)(.+) (\S+)$/gm)].flatMap(([, from = '', to = '']) =>
  from.split(' ').map((source) => [source, to.endsWith('/') ? join(to, source) : to] as const),
);

before(() => {
  mkdirSync(work, { recursive: true });
  for (const [from, to] of copies) cpSync(join(root, from), join(work, to), { recursive: true });
  const [install, ...others] = [...dockerfile.matchAll(/^RUN (.*)$/gm)].map((match) => match[1] ?? '');
  const [ci = ''] = (install ?? '').split('||');
  assert.match(ci, /^npm ci --omit=dev --ignore-scripts/);
  // Where the registry or the lock file lacks packages of other platforms: the same packages from the checkout, without the network.
  if (!shell(`${ci} --prefer-offline --loglevel=error`)) copyProductionPackages();
  const prune = others.find((step) => step.startsWith('find node_modules')) ?? '';
  assert.ok(shell(prune), prune);
  const compile = (others.find((step) => step.startsWith('NODE_COMPILE_CACHE=')) ?? '')
    .replaceAll('/opt/shardmesh', work)
    .replace(' node ', ` ${process.execPath} `);
  assert.ok(shell(compile), compile);
  assert.ok(readdirSync(compiled, { recursive: true }).length > 100, 'nothing was compiled');
});

function shell(command: string): boolean {
  return spawnSync('/bin/sh', ['-c', command], { cwd: work, encoding: 'utf8' }).status === 0;
}

/** What `npm ci --omit=dev` would install, from the packages of the checkout. */
function copyProductionPackages(): void {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || entry.dev || entry.devOptional || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(work, path)), { recursive: true });
    cpSync(join(root, path), join(work, path), { recursive: true });
  }
}

test('everything that is copied passes .dockerignore', () => {
  for (const [from] of copies) assert.ok(ignored.split('\n').includes(`!${from}`), from);
  assert.ok(ignored.split('\n').includes('*'));
});

test('no development package is inside', () => {
  for (const name of ['node', 'typescript', '@biomejs/biome', 'c8', 'fast-check'])
    assert.ok(!existsSync(join(work, 'node_modules', name)), name);
});

test('the parser that is asked for a second opinion is still there', () => {
  const script = "new (require('node-sql-parser/build/mysql').Parser)().astify('SELECT 1')";
  const result = spawnSync(process.execPath, ['-e', script], { cwd: work, encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
});

test('it does not run as root, and its health is asked', () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  assert.match(last, /^FROM node:24-slim$/m);
  assert.match(last, /^USER node$/m);
  assert.match(last, /^HEALTHCHECK /m);
});

test('it starts with a read-only source tree, is healthy, and drains on its signal', async () => {
  const etc = join(image, 'etc');
  const state = join(image, 'state');
  mkdirSync(etc);
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(
    join(etc, 'shardmesh.yaml'),
    'listen: 127.0.0.1:0\nhttp: 127.0.0.1:0\nadmin: 127.0.0.1:0\nusers: [{ user: "app@%", password: app, databases: [shop] }]\ndatabases: [shop.yaml]\n',
  );
  // Its server is down: a sidecar starts nevertheless.
  writeFileSync(
    join(etc, 'shop.yaml'),
    'databaseName: shop\ndataSources:\n  ds_0: { url: "mysql://127.0.0.1:1/shop", username: mesh, password: mesh }\nrules:\n- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }\n',
  );
  const ready = join(state, 'ready.json');
  const before = filesOfWork();
  const child = spawn(
    join(work, 'bin/shardmesh'),
    ['serve', '-c', join(etc, 'shardmesh.yaml'), '--ready-file', ready],
    {
      cwd: work,
      env: {
        PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
        SHARDMESH_STATE_DIR: state,
        NODE_ENV: 'production',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    while (!existsSync(ready)) {
      assert.equal(child.exitCode, null, said);
      await sleep(25);
    }
    const { http } = JSON.parse(readFileSync(ready, 'utf8')) as { http: string };
    const health = /CMD (\[.*readiness.*\])/.exec(dockerfile)?.[1] ?? '';
    const [program = '', ...args] = JSON.parse(health) as string[];
    assert.equal(program, 'node');
    const script = args.map((argument) => argument.replace('127.0.0.1:16090', http));
    assert.equal(spawnSync(process.execPath, script, { encoding: 'utf8' }).status, 0);
    child.kill((/^STOPSIGNAL (\w+)$/m.exec(dockerfile)?.[1] ?? '') as NodeJS.Signals);
    assert.equal(await ended, 0, said);
    // After its end the health check says no.
    assert.equal(spawnSync(process.execPath, script, { encoding: 'utf8' }).status, 1);
    assert.equal(filesOfWork(), before, 'it wrote beside its sources');
  } finally {
    child.kill('SIGKILL');
  }
});
