/** The generated schemas and the reference are up to date, and describe every key. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generatedFiles } from '../../scripts/make-schema.ts';
import { type JsonSchema, meshJsonSchema, rulesJsonSchema } from '../../src/rules/index.ts';

test('generated files are up to date (node scripts/make-schema.ts writes them)', () => {
  for (const [path, text] of generatedFiles()) {
    assert.equal(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'), text, path);
  }
});

test('every key is described', () => {
  const missing: string[] = [];
  const visit = (schema: JsonSchema, path: string): void => {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      if (property.description === undefined) missing.push(`${path}.${key}`);
      visit(property, `${path}.${key}`);
    }
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${path}.*`);
    if (schema.items !== undefined) visit(schema.items, `${path}[]`);
    for (const option of schema.anyOf ?? []) visit(option, path);
  };
  visit(meshJsonSchema(), 'shardmesh.yaml');
  visit(rulesJsonSchema(), 'rules');
  assert.deepEqual(missing, []);
});
