/** The plan cache: identity by key, environment and pinned values; its doorkeeper and its limit. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compile, type Plan, PlanCache, type PlanEnvironment } from '../../src/plan/index.ts';
import { environment, inputOf } from './shop-layout.ts';

const env = environment();

/** As a session does: look, else compile and put. */
function plan(
  cache: PlanCache,
  sql: string,
  environment_: PlanEnvironment = env,
): { readonly plan: Plan; readonly hit: boolean } {
  const { input, fingerprint, hints } = inputOf(sql);
  const cached = cache.get(fingerprint, input.tokens, environment_);
  if (cached !== undefined) return { plan: cached, hit: true };
  const compiled = compile({ tokens: input.tokens, fingerprint, env: environment_, hints });
  cache.put(fingerprint, environment_, compiled);
  return { plan: compiled, hit: false };
}

describe('plan cache', () => {
  test('a shape is kept from its second sighting on', () => {
    const cache = new PlanCache(1 << 20);
    assert.equal(plan(cache, 'select * from users where user_id = 1').hit, false);
    assert.equal(plan(cache, 'select * from users where user_id = 2').hit, false);
    assert.equal(plan(cache, 'select  *  from users where user_id = 3').hit, true);
    assert.equal(cache.hits, 1);
    assert.equal(cache.misses, 2);
  });

  test('another kind of literal, list or row count is another key or fits the plan', () => {
    const cache = new PlanCache(1 << 20);
    for (let time = 0; time < 3; time++) plan(cache, 'select * from users where user_id in (1, 2)');
    assert.equal(plan(cache, 'select * from users where user_id in (1, 2, 3, 4)').hit, true);
    assert.equal(plan(cache, "select * from users where user_id = '1'").hit, false);
  });

  test('environments do not share plans', () => {
    const cache = new PlanCache(1 << 20);
    for (let time = 0; time < 3; time++) plan(cache, 'select * from users where user_id = 1');
    const others: Partial<PlanEnvironment>[] = [
      { database: undefined },
      { sqlMode: 'ANSI' },
      { collation: 'utf8mb4_bin' },
      { schema: { ...env.schema, version: 2 } },
      { rules: { ...env.rules, version: 'other' } },
    ];
    for (const other of others)
      assert.equal(
        plan(cache, 'select * from users where user_id = 1', { ...env, ...other }).hit,
        false,
        JSON.stringify(Object.keys(other)),
      );
    assert.equal(plan(cache, 'select * from users where user_id = 1', { ...env }).hit, true);
  });

  test('pinned values have plans of their own', () => {
    const cache = new PlanCache(1 << 20);
    const never = 'select * from users where user_id = 7 and 1 = 0';
    const always = 'select * from users where user_id = 7 and 1 = 1';
    for (let time = 0; time < 3; time++) for (const sql of [never, always]) plan(cache, sql);
    const [a, b] = [plan(cache, never), plan(cache, always)];
    assert.equal(a.hit && b.hit, true);
    assert.notEqual(a.plan, b.plan);
  });

  test('the limit in bytes holds', () => {
    const cache = new PlanCache(100_000);
    for (let shape = 0; shape < 100; shape++)
      for (let time = 0; time < 3; time++)
        plan(
          cache,
          `select ${Array.from({ length: shape + 1 }, () => 'name').join(', ')} from users where user_id = 1`,
        );
    assert.ok(cache.weight <= 100_000 + 20_000, String(cache.weight));
    assert.ok(cache.size > 0);
  });
});
