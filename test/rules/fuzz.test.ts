// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions look like this
/** Loaders answer problems for any text: they never throw, and every position lies in the file. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadMeshText, loadRulesText } from './load-text.ts';

const shop = readFileSync(new URL('../../rules/shop.yaml', import.meta.url), 'utf8');
const mesh = readFileSync(new URL('../../rules/shardmesh.yaml', import.meta.url), 'utf8');

function holds(text: string): void {
  for (const load of [loadRulesText, loadMeshText]) {
    const lines = text.split(/\r?\n|\r/);
    for (const problem of load(text).problems) {
      assert.ok(
        problem.line >= 1 && problem.line <= lines.length + 1,
        `line ${problem.line} of ${lines.length}: ${problem.message}`,
      );
      assert.ok(problem.column >= 1);
      assert.ok(problem.message.length > 0);
    }
  }
}

test('property: changed files', () => {
  const piece = fc.constantFrom(
    '',
    ' ',
    '\n',
    ':',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '&a ',
    '*a',
    '!SHARDING ',
    '!X ',
    '<<: ',
    '${',
    '}',
    '|',
    '#',
    '\t',
    'null',
    '-1',
    '~',
    '%',
    '__proto__: {}\n',
    '\u0000',
    '😀',
  );
  const change = fc.record({
    base: fc.constantFrom(shop, mesh),
    at: fc.nat(),
    cut: fc.integer({ min: 0, max: 40 }),
    put: fc.array(piece, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(change, ({ base, at, cut, put }) => {
      const start = at % base.length;
      holds(base.slice(0, start) + put.join('') + base.slice(start + cut));
    }),
    { numRuns: 150 },
  );
});

test('files that would exhaust a naive reader', () => {
  holds('a: &x [*x]\n');
  holds(`a: ${'['.repeat(20_000)}`);
  holds(`${'- '.repeat(2000)}x`);
  holds(
    `a: &a [1,1,1,1,1,1,1,1,1]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`).join('\n')}\n`,
  );
  holds('');
  holds('---\n---\n');
  holds('dataSources: 5\nrules: 7\n');
  holds(
    'databaseName: x\ndataSources: { d: { url: 5 } }\nrules: [!SHARDING 5, !SHARDING [], !BROADCAST x, !SINGLE, 4]\n',
  );
});
