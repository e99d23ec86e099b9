/** A share of `npm run chaos:snapshots`: sums that race with commits, and the same with plain snapshots, which must be torn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSums } from './snapshots.ts';

const SUMS = Number(process.env['SNAPSHOT_SUMS'] ?? 400);

test('no sum over all shards shows half of a transaction', async (t) => {
  const { sums, torn, refused, transfers, errors } = await readSums(SUMS);
  t.diagnostic(`${sums} sums, ${torn} torn, ${refused} refused, ${transfers} transfers meanwhile`);
  for (const [error, times] of errors) t.diagnostic(`${times} x ${error}`);
  assert.equal(torn, 0);
  assert.ok(refused <= SUMS / 100, `${refused} of ${SUMS} were refused`);
  assert.ok(transfers > SUMS / 10, 'hardly anything was written meanwhile');
});

test('control: plain snapshots do', async (t) => {
  const { sums, torn } = await readSums(Math.min(SUMS, 1000), 'snapshot');
  t.diagnostic(`${torn} of ${sums} sums are torn`);
  assert.ok(torn > 0);
});
