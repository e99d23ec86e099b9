/** A share of the chaos of transactions across services (SHARDMESH_CHAOS=long runs thousands), and proof that the harness sees a lost barrier. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServicesChaos } from './services.ts';

const long = process.env['SHARDMESH_CHAOS'] === 'long';
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test(`every transaction ends done, undone or suspended, and nothing takes effect twice (SEED=${seed})`, async () => {
  const chaos = new ServicesChaos({ seed, transactions: long ? 5000 : 100 });
  await chaos.start();
  try {
    assert.deepEqual(await chaos.run(), []);
  } finally {
    await chaos.stop();
  }
});

test(`control: without the barrier something takes effect twice, and the harness says so (SEED=${seed})`, async () => {
  const chaos = new ServicesChaos({ seed, transactions: 40, withoutBarrier: true });
  await chaos.start();
  try {
    assert.match((await chaos.run()).join('\n'), /twice/);
  } finally {
    await chaos.stop();
  }
});
