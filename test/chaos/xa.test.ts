/** A bounded share of `npm run chaos`: the bank under faults, and the same without a rule of the protocol, which must be noticed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos } from './run-chaos.ts';

test('the bank survives faults of sidecars, servers and network', async (t) => {
  const seed = Date.now() % 1_000_000_007;
  t.diagnostic(`seed ${seed}`);
  const layout = seed % 2 === 0 ? 'shared' : 'four servers';
  const report = await runChaos({ seed, faults: 5, layout, clients: 16 });
  t.diagnostic(`${report.committed} committed, ${report.unknown} unknown, ${[...report.faults].join(' ')}`);
  assert.deepEqual(report.problems, [], `npm run chaos -- --faults 5 --seed ${seed} --layout '${layout}'`);
  assert.ok(report.committed > 10, 'hardly anything was done');
});

test('control: without the decision row, money is lost and the audit says so', async () => {
  const report = await runChaos({
    seed: 1,
    faults: 2,
    layout: 'four servers',
    clients: 16,
    dropRule: 'decision',
    points: ['xa 2: decided'],
    disturb: false,
  });
  assert.ok(report.problems.length > 0, `${[...report.faults].join(' ')}`);
});
