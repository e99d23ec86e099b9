/**
 * Golden plan cases: `sql, params -> route + reason, queries, merge | error`. UPDATE_GOLDEN=1 rewrites the expectations and
 * leaves a diff to review.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { describeAction } from './describe-action.ts';
import { actionOf, environment, parameter } from './shop-layout.ts';

interface Case {
  readonly sql: string;
  readonly comment?: string;
  readonly params?: readonly (string | number | null)[];
  expect?: Record<string, unknown>;
}

const folder = new URL('./cases/', import.meta.url);
const update = process.env['UPDATE_GOLDEN'] === '1';
const env = environment();

for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const cases = parse(text) as Case[];
  describe(`golden: ${file}`, () => {
    for (const item of cases) {
      test(item.sql, async () => {
        const actual = describeAction(await actionOf(item.sql, env, (item.params ?? []).map(parameter)));
        if (update) item.expect = actual;
        else assert.deepEqual(actual, item.expect);
      });
    }
    if (update) test('written', () => writeFileSync(new URL(file, folder), stringify(cases, { lineWidth: 0 })));
  });
}
