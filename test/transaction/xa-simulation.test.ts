/** The machines of XA under thousands of seeded histories of faults; and controls in which a rule of the protocol is left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DroppedRule, simulate } from './xa-simulation.ts';

const HISTORIES = Number(process.env['SHARDMESH_XA_SEEDS'] ?? 6000);
const first = Number(process.env['SHARDMESH_XA_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test(`${HISTORIES} histories from seed ${first}: all or nothing, told truly, nothing left prepared`, () => {
  let faults = 0;
  const told = new Map<string, number>();
  for (let seed = first; seed < first + HISTORIES; seed += 1) {
    const verdict = simulate(seed);
    faults += verdict.faults;
    told.set(verdict.told, (told.get(verdict.told) ?? 0) + 1);
    assert.deepEqual(
      verdict.problems,
      [],
      `SHARDMESH_XA_SEED=${seed} SHARDMESH_XA_SEEDS=1\n${verdict.story.join('\n')}`,
    );
    const strange = verdict.story.find((line) => line.startsWith('hazard') || line.startsWith('repeated'));
    assert.equal(strange, undefined, `SHARDMESH_XA_SEED=${seed} SHARDMESH_XA_SEEDS=1\n${verdict.story.join('\n')}`);
  }
  // The histories are worth something: every outcome occurs, and most have faults.
  if (HISTORIES < 1000) return;
  for (const outcome of ['committed', 'rolled back', 'in doubt', 'nothing'])
    assert.ok((told.get(outcome) ?? 0) > 0, `no history ended as ${outcome}`);
  assert.ok(faults > HISTORIES);
});

for (const rule of ['decision', 'claim', 'ask', 'prepare first', 'await'] as const satisfies readonly DroppedRule[]) {
  test(`control: without the rule "${rule}" the same check finds a violation`, () => {
    for (let seed = 1; seed < 5000; seed += 1) if (simulate(seed, rule).problems.length > 0) return;
    assert.fail('nothing was noticed');
  });
}
