/** The demo as a user runs it: loads, checks itself, starts again with its data, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pickPort } from '../../src/demo/index.ts';

const program = join(import.meta.dirname, '../../bin/shardmesh');

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

const start = (args: readonly string[]): { child: ChildProcess; ended: Promise<Ended>; output(): string } => {
  const child = spawn(program, ['demo', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
    // A folder that is not the checkout: the command must not depend on it.
    cwd: tmpdir(),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, output }));
  });
  return { child, ended, output: () => output };
};

/** Processes whose command line names the folder. */
const processesOf = (folder: string): string[] =>
  execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8', maxBuffer: 1 << 24 })
    .split('\n')
    .filter((line) => line.includes(folder));

const waitFor = async (what: string, holds: () => boolean): Promise<void> => {
  const end = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await sleep(50);
  }
};

describe('shardmesh demo', () => {
  let folder: string;
  let port: number;
  let args: string[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shardmesh-demo-'));
    port = await pickPort();
    args = ['--folder', folder, '--port', String(port), '--orders', '500'];
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('loads the shop, passes its self-check and ends', async () => {
    const { code, output } = await start([...args, '--no-wait']).ended;
    assert.equal(code, 0, output);
    assert.match(output, /loading 100 %/);
    assert.match(output, new RegExp(`mysql -h 127.0.0.1 -P ${port} -u app -papp shop`));
    assert.match(output, /ok {5}sum of all orders/);
    assert.doesNotMatch(output, /FAILED/);
    assert.deepEqual(processesOf(folder), []);
  });

  it('uses its data again, stays in the foreground, and Ctrl-C stops everything', async () => {
    const demo = start(args);
    await waitFor('the demo to run', () => demo.output().includes('Running.') || demo.child.exitCode !== null);
    assert.match(demo.output(), /data of the last start/);
    assert.doesNotMatch(demo.output(), /loading/);
    assert.ok(processesOf(folder).length >= 5);
    demo.child.kill('SIGINT');
    const { code, output } = await demo.ended;
    assert.equal(code, 0, output);
    assert.deepEqual(processesOf(folder), []);
  });

  it('leaves nothing behind when it is killed', async () => {
    const demo = start(args);
    await waitFor('the demo to run', () => demo.output().includes('Running.') || demo.child.exitCode !== null);
    demo.child.kill('SIGKILL');
    await demo.ended;
    await waitFor('all processes to end', () => processesOf(folder).length === 0);
  });

  it('loads anew with --reset', async () => {
    const { code, output } = await start([...args, '--no-wait', '--reset']).ended;
    assert.equal(code, 0, output);
    assert.match(output, /loading 100 %/);
  });

  it('says which port is in use', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(port, '127.0.0.1', resolve));
    try {
      const { code, output } = await start([...args, '--no-wait']).ended;
      assert.equal(code, 1);
      assert.match(output, new RegExp(`port ${port} is in use: choose another with --port`));
      assert.deepEqual(processesOf(folder), []);
    } finally {
      blocker.close();
    }
  });

  it('answers wrong flags with 2 and --help with 0', async () => {
    assert.equal((await start(['--colour']).ended).code, 2);
    assert.equal((await start(['--port', 'abc']).ended).code, 2);
    const help = await start(['--help']).ended;
    assert.equal(help.code, 0);
    assert.match(help.output, /--no-wait/);
  });
});
