/** A share of the chaos of best-effort transactions (`npm run chaos:best-effort` runs all of it), and proof that the harness sees a lost rule. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BestEffortChaos, type ChaosCase, commitSteps, events, relaySteps } from './best-effort.ts';

const all: ChaosCase[] = [...commitSteps, ...relaySteps].flatMap((step) => events.map((event) => ({ step, event })));
/** Spread over steps and events. */
const share = all.filter((_, at) => at % 11 === 0);
const cases = process.env['SHARDMESH_CHAOS'] === 'long' ? all : share;

for (const oneServer of [false, true]) {
  test(`after faults every transaction is everywhere once or nowhere, ${oneServer ? 'one server' : 'two servers'}`, async (t) => {
    const chaos = new BestEffortChaos({ oneServer });
    await chaos.start();
    try {
      const here = oneServer && cases === share ? share.slice(3, 4) : cases;
      for (const each of here) {
        await t.test(`${each.step}, ${each.event}`, async () => {
          assert.deepEqual(await chaos.run(each), []);
        });
      }
      await t.test('nothing is left when its time is over', async () => {
        assert.deepEqual(await chaos.sweep(), []);
      });
    } finally {
      await chaos.stop();
    }
  });
}

test('control: without the inbox a transaction arrives twice, and the harness says so', async () => {
  const chaos = new BestEffortChaos({ without: 'inbox' });
  await chaos.start();
  try {
    const problems = await chaos.run({ step: 'best effort 4: delivered', event: 'sidecar killed' });
    assert.match(problems.join('\n'), /1 and 2 times|2 and 1 times/);
  } finally {
    await chaos.stop();
  }
});
