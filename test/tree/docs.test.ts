/** Holds the generated pages equal to what they are made from. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { errorsPage } from '../../scripts/make-errors-doc.ts';
import { sqlSupportPage } from '../../scripts/make-sql-support-doc.ts';

const docs = join(import.meta.dirname, '../../docs');

it('docs/errors.md equals the error table (npm run docs)', () => {
  assert.equal(readFileSync(join(docs, 'errors.md'), 'utf8'), errorsPage());
});

it('docs/sql-support.md equals the declared cases (npm run docs)', () => {
  assert.equal(readFileSync(join(docs, 'sql-support.md'), 'utf8'), sqlSupportPage());
});
