/** Lint, format and types of the whole tree, as tests, so that one command and one summary cover everything. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { it } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

const check = (program: string, args: readonly string[]): void => {
  const result = spawnSync(join(root, 'node_modules/.bin', program), args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` },
  });
  assert.equal(result.status, 0, `${program} ${args.join(' ')}\n${result.stdout}${result.stderr}`);
};

it('biome finds nothing to say', () => check('biome', ['check', '--colors=off', '--error-on-warnings']));
it('tsc finds no type error', () => check('tsc', ['-p', '.', '--pretty', 'false']));
