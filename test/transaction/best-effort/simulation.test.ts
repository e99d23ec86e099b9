/** Best-effort delivery in a seeded simulation: exactly once whatever fails, and the simulation itself proved able to see it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Omission, simulate } from './model.ts';

/** `SHARDMESH_SEED=n` begins there, `SHARDMESH_SEEDS=n` takes so many. */
const first = Number(process.env['SHARDMESH_SEED'] ?? 1);
const seeds = Number(process.env['SHARDMESH_SEEDS'] ?? 4000);

test(`every transaction is delivered exactly once or not at all, with ${seeds} seeds from ${first}`, () => {
  const outcomes = new Map<string, number>();
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { problems, outcome } = simulate(seed);
    assert.deepEqual(problems, [], `SHARDMESH_SEED=${seed} (${outcome})`);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  // The faults are such that every end is met.
  if (seeds >= 4000) {
    for (const outcome of ['committed', 'rolled back', 'unknown', 'cut off'])
      assert.ok((outcomes.get(outcome) ?? 0) > 10, `${outcome}: ${JSON.stringify([...outcomes])}`);
  }
});

const omissions: readonly Omission[] = ['inbox', 'bar', 'settled rows', 'confirm', 'sweep asks home'];
for (const omission of omissions) {
  test(`without the rule "${omission}" the simulation reports a violation`, () => {
    let found = 0;
    for (let seed = 1; seed <= 20_000 && found === 0; seed += 1) found += simulate(seed, omission).problems.length;
    assert.ok(found > 0);
  });
}
