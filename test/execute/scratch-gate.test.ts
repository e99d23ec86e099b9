/** The gate before scratch executions: how many at once, in which order, and what it says when it takes too long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '../../src/execute/scratch-gate.ts';

test('as many as allowed go in at once, the next when one leaves, in order', async () => {
  const gate = new Gate('ds_0', 2, 5000);
  const first = await gate.enter();
  await gate.enter();
  const order: string[] = [];
  const third = gate.enter().then((leave) => {
    order.push('third');
    return leave;
  });
  const fourth = gate.enter().then((leave) => {
    order.push('fourth');
    return leave;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(order, []);
  first();
  first();
  (await third)();
  await fourth;
  assert.deepEqual(order, ['third', 'fourth']);
});

test('whoever waits too long is told, and does not take the place later', async () => {
  const gate = new Gate('ds_0', 1, 10);
  const leave = await gate.enter();
  await assert.rejects(gate.enter(), { code: 'SM_POOL_TIMEOUT' });
  leave();
  (await gate.enter())();
});

test('a pool of one connection cannot do it', async () => {
  await assert.rejects(new Gate('ds_0', 0, 10).enter(), { code: 'SM_UNSUPPORTED' });
});
