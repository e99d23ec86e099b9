/**
 * `npm test`: runs every test of the tree (lint and type check are tests too) and ends with the runner's own summary.
 *
 *   npm test -- [FILES OR GLOBS...]      default: all of test/
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname } from 'node:path';

const root = dirname(import.meta.dirname);
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));

const child = spawn(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-concurrency=2',
    '--test-timeout=780000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    ...flags,
    ...(wanted.length > 0 ? wanted : ['test/**/*.test.ts']),
  ],
  { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
);

/** The summary lines, kept because the runner prints the failed tests after them. */
const summary: string[] = [];
let pending = '';
let lastLine = '';
child.stdout.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  pending += chunk.toString('utf8');
  const lines = pending.split('\n');
  pending = lines.pop() ?? '';
  for (const line of lines) {
    if (/^\W*(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+\W*$/.test(line)) summary.push(line);
    if (line.trim() !== '') lastLine = line;
  }
});
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('close', (code, signal) => {
  const last = summary.slice(-8);
  if (last.length > 0 && last.at(-1) !== lastLine) process.stdout.write(`\n${last.join('\n')}\n`);
  process.exitCode = signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1);
});
