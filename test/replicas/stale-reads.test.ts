/**
 * No read falls behind a write or an earlier read: a bounded share of `npm run stale-reads`. The positive control drops the wait
 * for positions; the same harness must then report stale reads.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startReplicaGround, withoutWait } from './replica-ground.ts';
import { makeLag, readsByRole, seeded, writeThenRead } from './write-then-read.ts';

const pairs = Number(process.env['STALE_PAIRS'] ?? 1500);
const seed = Number(process.env['STALE_SEED'] ?? Date.now() % 1_000_000);

describe(`write-then-read pairs under random lag (seed ${seed})`, () => {
  for (const [level, reader] of [
    ['session', 'same'],
    ['application', 'other'],
  ] as const) {
    it(`level ${level}: none is stale`, async (context) => {
      const ground = await startReplicaGround();
      try {
        const random = seeded(seed);
        const lag = makeLag((ground.groups[0] ?? []).slice(1), random);
        const figures = await writeThenRead(
          ground,
          { clients: 16, pairs, reader, random, begin: [`SET shardmesh_consistency = '${level}'`] },
          lag.lagging,
        );
        await lag.stop();
        const reads = await readsByRole(ground);
        const share = reads.replica / (reads.replica + reads.primary);
        context.diagnostic(
          `${figures.pairs} pairs, ${figures.underLag} under lag, ${(100 * share).toFixed(1)} % of the reads on replicas`,
        );
        assert.deepEqual(figures.failures, []);
        assert.equal(figures.stale, 0, figures.firstStale);
        assert.ok(figures.underLag > figures.pairs / 4, `${figures.underLag} pairs under lag`);
        assert.ok(share > (pairs >= 20_000 ? 0.6 : 0.4), `${share} of the reads on replicas`);
      } finally {
        await ground.stop();
      }
    });
  }

  it('positive control: without the wait the harness reports stale reads', async (context) => {
    const ground = await startReplicaGround({ environment: withoutWait });
    try {
      const random = seeded(seed);
      const lag = makeLag((ground.groups[0] ?? []).slice(1), random);
      const figures = await writeThenRead(
        ground,
        { clients: 16, pairs: 1000, reader: 'other', random, begin: [] },
        lag.lagging,
      );
      await lag.stop();
      context.diagnostic(`${figures.stale} of ${figures.pairs} pairs stale`);
      assert.ok(figures.stale > 0);
    } finally {
      await ground.stop();
    }
  });
});
