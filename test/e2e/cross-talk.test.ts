/** No session ever sees another's state, rows, warnings, insert ids or errors; SHARDMESH_CROSS_TALK_SECONDS and SHARDMESH_SEED lengthen and repeat it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCrossTalkTables, crossTalk, crossTalkRules } from './cross-talk.ts';
import { startShardedPair } from './sharded-pair.ts';

const seed = Number(process.env['SHARDMESH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const seconds = Number(process.env['SHARDMESH_CROSS_TALK_SECONDS'] ?? 12);

test(`150 sessions over four connections to each source, under kills (seed ${seed})`, async (t) => {
  const pair = await startShardedPair({
    rules: crossTalkRules,
    poolSize: 4,
    options: ['--innodb-lock-wait-timeout=1'],
  });
  t.after(() => pair.stop());
  await createCrossTalkTables(pair);
  const result = await crossTalk(pair, { sessions: 150, milliseconds: seconds * 1000, seed, chaos: true });
  t.diagnostic(
    `seed ${seed}: ${result.checked} answers held, ${result.interrupted} interrupted, ${result.kills} kills`,
  );
  assert.deepEqual(result.violations, [], `seed ${seed}`);
  assert.ok(result.checked > 0 && result.kills > 0);
});

test('positive control: without the replay of settings the same run finds cross-talk', async (t) => {
  const preload = join(import.meta.dirname, 'without-replay.ts');
  const pair = await startShardedPair({
    rules: crossTalkRules,
    poolSize: 4,
    environment: { NODE_OPTIONS: `--import=${preload}` },
  });
  t.after(() => pair.stop());
  await createCrossTalkTables(pair);
  const result = await crossTalk(pair, { sessions: 20, milliseconds: 3000, seed, chaos: false, goOn: true });
  // Also what breaks by another's state counts as found, but at least one session must have seen another's values.
  assert.ok(
    result.violations.some((violation) => /its own is/.test(violation)),
    result.violations.join('; '),
  );
});
