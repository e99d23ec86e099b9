/**
 * `npm run soak`: cross-talk for as long as wanted, with figures. Ends with 1 if any session saw what was another's.
 *
 *   npm run soak -- [--minutes 10] [--sessions 300] [--pool 6] [--kill-every 250] [--seed N]
 */
import { parseArgs } from 'node:util';
import { processTree, residentBytes } from '../../bench/process-cost.ts';
import { createCrossTalkTables, crossTalk, crossTalkRules } from './cross-talk.ts';
import { startShardedPair } from './sharded-pair.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    sessions: { type: 'string', default: '300' },
    pool: { type: 'string', default: '6' },
    'kill-every': { type: 'string', default: '250' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const [minutes, sessions, poolSize, seed] = [values.minutes, values.sessions, values.pool, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
];
/** A part between two measurements. */
const PART_MS = 60_000;
const MIB = 1024 * 1024;

const pair = await startShardedPair({
  rules: crossTalkRules,
  poolSize,
  options: ['--innodb-lock-wait-timeout=1'],
});
let failed = false;
try {
  await createCrossTalkTables(pair);
  process.stdout.write(`${sessions} sessions over ${poolSize} connections to each of two sources, seed ${seed}\n`);
  const total = { checked: 0, interrupted: 0, kills: 0 };
  const began = performance.now();
  for (let part = 0; performance.now() - began < minutes * 60_000 && !failed; part += 1) {
    const left = minutes * 60_000 - (performance.now() - began);
    const result = await crossTalk(pair, {
      sessions,
      milliseconds: Math.min(PART_MS, left),
      seed: seed + part,
      chaos: true,
      killEveryMs: Number(values['kill-every']),
    });
    total.checked += result.checked;
    total.interrupted += result.interrupted;
    total.kills += result.kills;
    const memory = Math.round(residentBytes(processTree(pair.sidecar.pid)) / MIB);
    process.stdout.write(
      `${Math.round((performance.now() - began) / 1000)} s: ${total.checked} answers held, ${total.interrupted} interrupted, ${total.kills} kills, ${memory} MiB resident\n`,
    );
    for (const violation of result.violations) {
      failed = true;
      process.stdout.write(`VIOLATION (seed ${seed + part}): ${violation}\n`);
    }
  }
} finally {
  await pair.stop();
}
process.exitCode = failed ? 1 : 0;
