/** Holds docs/operations.md equal to what is built: metrics, log events, exit codes, live checks. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { createMeshMetrics } from '../../src/telemetry/index.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const section = (title: string): string => page.split(/^##+ /m).find((part) => part.startsWith(title)) ?? '';
const firstCells = (text: string): string[] =>
  [...text.matchAll(/^\| `?([^`|]+?)`? \|/gm)]
    .map((match) => match[1]!)
    .filter((cell) => !/^(-+|name|event|code|path|command)$/.test(cell));
const sources = globSync('src/**/*.ts', { cwd: root })
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n');

describe('docs/operations.md', () => {
  it('lists every metric with its kind, labels and help', () => {
    const wanted = createMeshMetrics().registry.metrics.map(
      (metric) =>
        `| \`${metric.name}\` | ${metric.kind} | ${metric.labelNames.map((name) => `\`${name}\``).join(', ')} | ${metric.help} |`,
    );
    assert.deepEqual(
      section('Metrics')
        .split('\n')
        .filter((line) => line.startsWith('| `')),
      wanted,
    );
  });

  it('lists every log event', () => {
    const events = [
      ...sources.matchAll(
        /(?:logger|Logger)(?:\.(?:trace|debug|info|warn|error)|\[[^\]]*\])\(\s*(?:\{[^}]*\}|\w+),\s*'([^']+)',?\s*\)/g,
      ),
      // Told through a port: main logs them.
      ...sources.matchAll(/\breport\('(xa\.\w+)',/g),
    ].map((match) => match[1]!);
    assert.ok(events.length >= 15);
    assert.deepEqual([...new Set(events)].sort(), firstCells(section('Log')).sort());
  });

  it('lists every exit code', () => {
    assert.deepEqual(
      firstCells(section('Exit codes')).map(Number),
      Object.values(ExitCode).sort((a, b) => a - b),
    );
  });

  it('lists every live check', () => {
    const codes = new Set([...sources.matchAll(/'(SM_LIVE_[A-Z_]+)'/g)].map((match) => match[1]!));
    assert.deepEqual(firstCells(section('What `check --connect`')).sort(), [...codes].sort());
  });
});
