/** Repeated wrong passwords become slow, per host, and are forgotten in time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoginDamper } from '../../src/frontend/login-damper.ts';

test('the first failures are free, then each waits longer, up to a limit', () => {
  const damper = new LoginDamper(() => 0);
  const delays = Array.from({ length: 14 }, () => damper.failed('10.0.0.1'));
  assert.deepEqual(delays, [0, 0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
  assert.equal(damper.failed('10.0.0.2'), 0);
});

test('failures are forgotten with time', () => {
  let now = 0;
  const damper = new LoginDamper(() => now);
  for (let index = 0; index < 8; index += 1) damper.failed('a');
  now += 60_000;
  assert.equal(damper.failed('a'), 0);
});

test('hosts are bounded', () => {
  const damper = new LoginDamper(() => 0);
  for (let index = 0; index < 6; index += 1) damper.failed('first');
  for (let index = 0; index < 10_000; index += 1) damper.failed(`host ${index}`);
  assert.equal(damper.failed('first'), 0);
});
