/** The deployment files: their YAML and the configuration inside of them load, and they say what a safe deployment needs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'shardmesh-deploy-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

type Tree = { readonly [key: string]: Tree } & { readonly length?: number };

/** Documents of a YAML file, with merge keys; any problem of the syntax fails. */
function documents(file: string): Tree[] {
  return parseAllDocuments(readFileSync(join(root, file), 'utf8'), { merge: true }).map((document) => {
    assert.deepEqual(document.errors.concat(document.warnings as []), [], file);
    return document.toJS() as Tree;
  });
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''));

/** What `shardmesh check` says. */
function checkConfiguration(file: string, environment: Readonly<Record<string, string>>): void {
  const result = spawnSync(join(root, 'bin/shardmesh'), ['check', file], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...environment },
  });
  assert.equal(result.status, 0, `${file}: ${result.stdout}${result.stderr}`);
}

test('the configuration of docker-compose.yml is accepted', () => {
  checkConfiguration(join(root, 'deploy/compose/shardmesh.yaml'), { APP_PASSWORD: 'a', MESH_PASSWORD: 'm' });
});

const manifests = documents('deploy/kubernetes.yaml');
const manifest = (kind: string): Tree => manifests.find((document) => text(document['kind']) === kind) as Tree;

test('the configuration in the ConfigMap is accepted, with what the Secret gives', () => {
  const files = manifest('ConfigMap')['data'] as unknown as Record<string, string>;
  for (const [name, content] of Object.entries(files)) writeFileSync(join(scratch, name), content);
  const secrets = manifest('Secret')['stringData'] as unknown as Record<string, string>;
  checkConfiguration(join(scratch, 'shardmesh.yaml'), secrets);
  for (const content of Object.values(files))
    for (const secret of Object.values(secrets)) assert.ok(!content.includes(secret), 'a secret in the ConfigMap');
});

test('Kubernetes: a native sidecar with probes and without rights', () => {
  const pod = manifest('Deployment')['spec']?.['template']?.['spec'] as Tree;
  const [mesh] = pod['initContainers'] as unknown as Tree[];
  assert.ok(mesh);
  assert.equal(text(mesh['restartPolicy']), 'Always');
  assert.equal(text(mesh['startupProbe']?.['httpGet']?.['path']), '/startup');
  assert.equal(text(mesh['readinessProbe']?.['httpGet']?.['path']), '/readiness');
  assert.equal(text(mesh['livenessProbe']?.['httpGet']?.['path']), '/liveness');
  const rights = mesh['securityContext'] as unknown as Record<string, unknown>;
  assert.deepEqual(rights, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  assert.equal(pod['securityContext']?.['runAsNonRoot'], true as unknown as Tree);
  // Every volume, Secret and ConfigMap that is mounted or read is there.
  const volumes = (pod['volumes'] as unknown as { name: string }[]).map((volume) => volume.name);
  for (const mount of mesh['volumeMounts'] as unknown as { name: string }[]) assert.ok(volumes.includes(mount.name));
  const names = manifests.map((document) => `${text(document['kind'])}/${text(document['metadata']?.['name'])}`);
  for (const [, kind, name] of JSON.stringify(pod).matchAll(/"(secretRef|secretKeyRef|configMap)":\{"name":"([^"]+)"/g))
    assert.ok(names.includes(`${kind === 'configMap' ? 'ConfigMap' : 'Secret'}/${name}`), `${kind} ${name}`);
});

test('docker-compose.yml: servers, sidecar and Prometheus with health checks, nothing that is not there', () => {
  const [compose] = documents('docker-compose.yml');
  const services = compose?.['services'] as unknown as Record<string, Record<string, unknown>>;
  const names = Object.keys(services);
  for (const name of ['primary-0', 'primary-1', 'replica-0', 'replica-1', 'redis', 'shardmesh', 'prometheus'])
    assert.ok(names.includes(name), name);
  for (const [name, service] of Object.entries(services)) {
    // The sidecar's is in its image.
    assert.ok(name === 'shardmesh' || service['healthcheck'] !== undefined, `${name} has no health check`);
    for (const needed of Object.keys((service['depends_on'] ?? {}) as object))
      assert.ok(names.includes(needed), needed);
    for (const volume of (service['volumes'] ?? []) as string[]) {
      const source = volume.split(':')[0] ?? '';
      if (source.startsWith('.')) assert.ok(existsSync(join(root, source)), source);
      else assert.ok(Object.hasOwn(compose?.['volumes'] ?? {}, source), source);
    }
    for (const port of (service['ports'] ?? []) as string[]) assert.match(port, /^127\.0\.0\.1:/);
  }
  const { shardmesh } = services;
  assert.equal(shardmesh?.['read_only'], true);
  assert.deepEqual(shardmesh?.['cap_drop'], ['ALL']);
  assert.ok(shardmesh !== undefined && !Object.hasOwn(shardmesh, 'user') && !Object.hasOwn(shardmesh, 'privileged'));
});

test('docker compose reads it', () => {
  const plugin = spawnSync('docker', ['compose', 'version']).status === 0;
  const [program, args] = plugin ? ['docker', ['compose']] : ['docker-compose', [] as string[]];
  const result = spawnSync(program, [...args, 'config', '--quiet'], { cwd: root, encoding: 'utf8' });
  assert.equal(result.error, undefined, 'neither `docker compose` nor docker-compose is installed');
  assert.equal(result.status, 0, result.stderr);
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
test('systemd reads the unit', { skip: hasSystemd ? false : 'no systemd here' }, () => {
  const result = spawnSync('systemd-analyze', ['verify', join(root, 'deploy/shardmesh.service')], { encoding: 'utf8' });
  // The program is not installed on this machine; anything else that it says is about the unit.
  const said = result.stderr
    .split('\n')
    .filter((line) => line.includes('shardmesh.service') && !line.includes('is not executable'));
  assert.deepEqual(said, []);
});

test('the unit drains, reloads, and may do nothing else', () => {
  const unit = readFileSync(join(root, 'deploy/shardmesh.service'), 'utf8');
  for (const line of [
    'ExecReload=/bin/kill -HUP $MAINPID',
    'KillSignal=SIGTERM',
    'DynamicUser=yes',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'CapabilityBoundingSet=',
  ])
    assert.ok(unit.split('\n').includes(line), line);
  assert.doesNotMatch(unit, /^MemoryDenyWriteExecute/m);
});
