/** A plan compiled for one text does not answer another text of its shape whose pinned literals differ. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bind, compile } from '../../src/plan/index.ts';
import { environment, inputOf } from './shop-layout.ts';

const textOf = (left: number, right: number, users: string): string =>
  `SELECT LEFT(status, ${left}), COUNT(DISTINCT amount) FROM orders WHERE user_id IN (${users}) AND order_id IN (${users}) GROUP BY LEFT(status, ${right})`;

test('literals of group keys are compared again when the plan across shards was made late', async () => {
  const env = environment();
  const first = inputOf(textOf(1, 1, '2'));
  const plan = compile({ tokens: first.input.tokens, fingerprint: first.fingerprint, env, hints: first.hints });
  assert.equal((await bind(plan, first.input)).kind, 'forward');
  const other = await bind(plan, inputOf(textOf(2, 1, '1, 2')).input);
  assert.equal(other.kind === 'refuse' ? other.error.code : other.kind, 'SM_STALE_PLAN');
  assert.ok(plan.pinned.length > 0, 'the cache tells the two texts apart from now on');
  assert.equal((await bind(plan, inputOf(textOf(1, 1, '1, 2')).input)).kind, 'scratch');
});
