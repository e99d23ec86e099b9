/** The command line: what it prints, and with which exit code it ends. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { loadAdminToken, type OperatorHandles, openAdminServer } from '../../src/admin/index.ts';
import { MeshError } from '../../src/base/index.ts';
import type { Parts } from '../../src/cli/program.ts';
import { runCommand } from '../../src/cli/program.ts';
import type { RunningMesh, StartOptions } from '../../src/cli/serve.ts';
import { writeRunning } from '../../src/cli/state-directory.ts';
import type { HttpListener } from '../../src/http/index.ts';
import { StartRefused } from '../../src/supervisor/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'shardmesh-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const notHere: Parts = {
  startMesh: () => Promise.reject(new Error('not in this test')),
  runDemo: () => Promise.reject(new Error('not in this test')),
};
const run = async (args: readonly string[], env: Record<string, string> = {}, parts: Parts = notHere) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand(
    args,
    { env, color: false, out: (line) => out.push(line), err: (line) => err.push(line) },
    parts,
  );
  return { code, out: out.join('\n'), err: err.join('\n') };
};

const shop = (extra = ''): string => `databaseName: shop
dataSources:
  ds_0: { url: mysql://127.0.0.1:1/shop_0, username: mesh, password: "\${MESH_PASSWORD:-mesh}" }
  ds_1: { url: mysql://127.0.0.1:1/shop_1, username: mesh, password: mesh }
rules:
- !SHARDING
  tables:
    orders:
      actualDataNodes: ds_\${0..1}.orders
      databaseStrategy: { standard: { shardingColumn: user_id, shardingAlgorithmName: by_user } }
${extra}  shardingAlgorithms:
    by_user: { type: INLINE, props: { algorithm-expression: "ds_\${user_id % 2}" } }
`;

describe('usage', () => {
  it('help and version end with 0 and show examples', async () => {
    for (const command of ['serve', 'check', 'explain', 'status', 'drain', 'reload']) {
      const { code, out } = await run([command, '--help']);
      assert.equal(code, 0, command);
      assert.match(out, /Examples:\n {2}\$ shardmesh /, command);
    }
    assert.match((await run(['--help'])).out, /Exit codes: 0 ok/);
    assert.match((await run(['--version'])).out, /^\d+\.\d+\.\d+/);
  });

  it('wrong usage ends with 2 and names what is wrong', async () => {
    const tries: readonly [readonly string[], RegExp][] = [
      [[], /Usage: shardmesh/],
      [['sevre'], /unknown command 'sevre'\n?.*serve/s],
      [['serve'], /-c, --config/],
      [['serve', '-c', 'x', '--lisen', 'y'], /--lisen.*--listen/s],
      [['serve', '-c', 'x', '--workers', 'many'], /--workers.*whole number/s],
      [['serve', '-c', 'x', '--log-level', 'loud'], /--log-level.*trace, debug/s],
      [['check'], /file/],
      [['drain', '--max-drain', 'soon'], /--max-drain.*seconds/s],
      [['explain', '-c', 'x', '--schema', 'y', '--connect', 'SELECT 1'], /--schema.*--connect|--connect.*--schema/s],
    ];
    for (const [args, message] of tries) {
      const { code, err } = await run(args);
      assert.equal(code, 2, args.join(' '));
      assert.match(err, message);
    }
  });

  it('demo gets its own arguments', async () => {
    let given: readonly string[] = [];
    const { code } = await run(
      ['demo', '--no-wait', '--port', '3311'],
      {},
      {
        ...notHere,
        runDemo: async () => async (args) => {
          given = args;
          return 3;
        },
      },
    );
    assert.equal(code, 3);
    assert.deepEqual(given, ['--no-wait', '--port', '3311']);
  });
});

describe('check', () => {
  it('says that good files are good', async () => {
    const rules = file('shop.yaml', shop());
    const mesh = file(
      'shardmesh.yaml',
      'listen: 127.0.0.1:0\nusers: [{ user: app, password: app-secret-1, databases: [shop] }]\ndatabases: [shop.yaml]\n',
    );
    const { code, out } = await run(['check', mesh, rules]);
    assert.equal(code, 0, out);
    assert.match(out, /2 files checked: 0 errors/);
  });

  it('prints file:line:col code message, and JSON for machines', async () => {
    const bad = file('bad.yaml', shop('      tableStrateg: { none: }\n'));
    const { code, out } = await run(['check', bad]);
    assert.equal(code, 1);
    assert.match(out, new RegExp(`^${bad}:11:7 SM_UNKNOWN_KEY .*tableStrateg`, 'm'));
    const json = await run(['check', bad, '--json']);
    assert.equal(json.code, 1);
    const parsed = JSON.parse(json.out) as { ok: boolean; problems: { line: number; code: string }[] };
    assert.equal(parsed.ok, false);
    assert.ok(parsed.problems.some((problem) => problem.code === 'SM_UNKNOWN_KEY' && problem.line === 11));
  });

  it('names files that cannot be read', async () => {
    const { code, out } = await run(['check', join(folder, 'nowhere.yaml')]);
    assert.equal(code, 1);
    assert.match(out, /nowhere\.yaml:1:1 SM_FILE_UNREADABLE cannot be read: there is no such file/);
  });

  it('--connect tells servers that do not answer, without secrets', async () => {
    const { code, out } = await run(['check', file('shop.yaml', shop()), '--connect'], {
      MESH_PASSWORD: 'very-secret-word',
    });
    assert.equal(code, 1);
    assert.match(out, /shop\.yaml:3:3 SM_LIVE_SERVER source 'ds_0' \(127\.0\.0\.1:1\) does not answer: .*ECONNREFUSED/);
    assert.ok(!out.includes('very-secret-word'));
  });
});

describe('serve', () => {
  const mesh = (code: number, over: Partial<RunningMesh> = {}): RunningMesh => ({
    listen: ['127.0.0.1:3307'],
    http: '127.0.0.1:16090',
    admin: '127.0.0.1:16091',
    pid: process.pid,
    stopped: Promise.resolve(code),
    drain: async () => {},
    kill: async () => {},
    ...over,
  });
  const serve = (args: readonly string[], start: (options: StartOptions) => Promise<RunningMesh>) =>
    run(['serve', '-c', join(folder, 'shardmesh.yaml'), ...args], {}, { ...notHere, startMesh: async () => start });

  it('gives flags as overrides, writes the ready file, and ends with the mesh', async () => {
    let options: StartOptions | undefined;
    const ready = join(folder, 'run', 'ready.json');
    const { code } = await serve(
      ['--listen', '127.0.0.1:0', '--log-level', 'warn', '--workers', '2', '--ready-file', ready],
      async (given) => {
        options = given;
        return mesh(0);
      },
    );
    assert.equal(code, 0);
    assert.deepEqual(options?.overrides, { listen: '127.0.0.1:0', logLevel: 'warn', workers: '2' });
    assert.equal(options?.stateDirectory, join(folder, '.shardmesh'));
    const running = { listen: ['127.0.0.1:3307'], http: '127.0.0.1:16090', admin: '127.0.0.1:16091', pid: process.pid };
    assert.deepEqual(JSON.parse(readFileSync(ready, 'utf8')), running);
    assert.deepEqual(JSON.parse(readFileSync(join(folder, '.shardmesh', 'sidecar.json'), 'utf8')), running);
  });

  it('SIGTERM drains, a second one does not wait', async () => {
    const ended = Promise.withResolvers<number>();
    const calls: string[] = [];
    const serving = serve([], async () => {
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), 10);
      return mesh(0, {
        stopped: ended.promise,
        drain: async (reason) => {
          calls.push(`drain ${reason}`);
          process.kill(process.pid, 'SIGTERM');
        },
        kill: async (reason) => {
          calls.push(`kill ${reason}`);
          ended.resolve(0);
        },
      });
    });
    assert.equal((await serving).code, 0);
    assert.deepEqual(calls, ['drain SIGTERM', 'kill SIGTERM']);
    assert.equal(process.listenerCount('SIGTERM'), 0);
  });

  it('says why it cannot start', async () => {
    const refused = await serve([], () =>
      Promise.reject(
        new StartRefused('x', [
          {
            file: 'a.yaml',
            line: 2,
            column: 3,
            code: 'SM_UNKNOWN_KEY',
            severity: 'error',
            message: 'm',
            suggestion: 's',
          },
        ]),
      ),
    );
    assert.deepEqual([refused.code, refused.err], [1, 'a.yaml:2:3 SM_UNKNOWN_KEY m\n    s']);
    const flag = await serve([], () =>
      Promise.reject(
        new StartRefused('x', [
          { file: '--http', line: 1, column: 1, code: 'SM_WRONG_VALUE', severity: 'error', message: 'm' },
        ]),
      ),
    );
    assert.equal(flag.err, '--http SM_WRONG_VALUE m');
    const inUse = await serve([], () =>
      Promise.reject(
        Object.assign(new Error('listen'), { code: 'EADDRINUSE', syscall: 'listen', address: '127.0.0.1', port: 3307 }),
      ),
    );
    assert.equal(inUse.code, 1);
    assert.match(inUse.err, /127\.0\.0\.1:3307 is in use by another process; choose another with --listen/);
    const unsafe = await serve([], () => Promise.reject(new MeshError('SM_CONFIG', { message: 'lacks TLS' })));
    assert.deepEqual([unsafe.code, unsafe.err], [1, 'shardmesh: lacks TLS']);
    const bug = await serve([], () => Promise.reject(new TypeError('oops')));
    assert.equal(bug.code, 70);
  });
});

describe('status, drain and reload', () => {
  const state = join(folder, 'state');
  let listener: HttpListener | undefined;
  afterEach(async () => {
    await listener?.close();
    listener = undefined;
  });
  const orders: string[] = [];
  const start = async (over: Partial<OperatorHandles> = {}): Promise<void> => {
    const operator: OperatorHandles = {
      status: () => ({
        version: '0.1.0',
        pid: 999_999_999,
        phase: 'ready',
        uptimeSeconds: 5,
        listen: ['127.0.0.1:3307'],
        workers: 1,
        processes: [],
        sessions: 2,
        reasons: [],
        configuration: {
          version: 3,
          hash: 'abcd',
          loadedAt: '2026-01-01T00:00:00Z',
          databases: ['shop'],
          last: 'applied',
          problems: [],
        },
      }),
      sources: () => [
        {
          database: 'shop',
          source: 'ds_0',
          group: 'ds_0',
          role: 'primary',
          address: '127.0.0.1:3310/shop_0',
          up: false,
          reason: 'ECONNREFUSED',
          idle: 1,
          leased: 2,
          waiting: 0,
        },
      ],
      reload: async () => ({ result: 'applied', version: 4, hash: 'efgh', problems: [], restart: ['listen'] }),
      drain: (limits) => void orders.push(JSON.stringify(limits)),
      quit: () => {},
      ...over,
    };
    const { token } = loadAdminToken(state);
    listener = await openAdminServer({ address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, token, operator });
    writeRunning(state, { listen: [], admin: listener.address, pid: 999_999_999 });
  };

  it('talk to the sidecar of the state directory', async () => {
    await start();
    const status = await run(['status', '--state-dir', state]);
    assert.equal(status.code, 0, status.err);
    assert.match(status.out, /^ready {2}shardmesh 0\.1\.0/);
    assert.match(status.out, /shop +ds_0 +primary +127\.0\.0\.1:3310\/shop_0 +down: ECONNREFUSED +2 +1 +0/);
    assert.equal(
      (JSON.parse((await run(['status', '--json'], { SHARDMESH_STATE_DIR: state })).out) as { sources: unknown[] })
        .sources.length,
      1,
    );
    const reload = await run(['reload', '--state-dir', state]);
    assert.equal(reload.code, 0);
    assert.match(reload.out, /applied.*efgh.*\na restart is needed for: listen/s);
    const drain = await run(['drain', '--state-dir', state, '--max-drain', '1.5']);
    assert.deepEqual([drain.code, drain.out, orders.at(-1)], [0, 'drained and stopped', '{"maxDrainMs":1500}']);
  });

  it('a refused reload ends with 1 and shows the problems', async () => {
    await start({
      reload: async () => ({
        result: 'refused',
        version: 3,
        hash: 'abcd',
        problems: ['shop.yaml:3:5 SM_UNKNOWN_KEY x'],
        restart: [],
      }),
    });
    const { code, out } = await run(['reload', '--state-dir', state]);
    assert.equal(code, 1);
    assert.match(out, /refused; the old configuration stays in force.*\nshop\.yaml:3:5 SM_UNKNOWN_KEY x/s);
  });

  it('a sidecar that is away is 69, a wrong token 77', async () => {
    const away = await run(['status', '--state-dir', join(folder, 'none')]);
    assert.equal(away.code, 69);
    assert.match(away.err, /--state-dir.*--admin HOST:PORT/);
    await start();
    assert.equal((await run(['status', '--state-dir', state, '--admin', '127.0.0.1:1'])).code, 69);
    const denied = await run(['status', '--state-dir', state], { SHARDMESH_ADMIN_TOKEN: 'this-is-another-token' });
    assert.equal(denied.code, 77);
    assert.ok(!denied.err.includes('this-is-another-token'));
  });
});
