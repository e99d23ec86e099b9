/** The example of transactions across services, as a user starts it. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { promisify } from 'node:util';

const program = join(import.meta.dirname, '../../bin/shardmesh');
const folder = mkdtempSync(join(tmpdir(), 'shardmesh-demo-services-'));
after(() => rmSync(folder, { recursive: true, force: true }));

it('demo --services: one saga done, one undone, one TCC, nothing twice, nothing left running', async () => {
  const { stdout } = await promisify(execFile)(program, ['demo', '--services', '--no-wait', '--folder', folder], {
    cwd: tmpdir(),
    env: { ...process.env, NO_COLOR: '1' },
    timeout: 240_000,
  });
  assert.doesNotMatch(stdout, /FAILED/);
  assert.match(
    stdout,
    /ok {5}order-1 placed, order-2 cancelled, order-3 placed; stock 7 free 0 held; account 2500 free 0 held/,
  );
  assert.match(stdout, /account 1 has not 6000 cents/);
  assert.match(stdout, /500 .*repeated/);
  const left = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8', maxBuffer: 1 << 24 })
    .split('\n')
    .filter((line) => line.includes(folder));
  assert.deepEqual(left, []);
});
