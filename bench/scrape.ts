/**
 * `npm run bench:scrape [workers]`: what a scrape of /metrics costs. CPU time of one on an idle sidecar, and statements and CPU time
 * per statement under load, in turns with and without a scrape each second.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startShardedPair } from '../test/e2e/sharded-pair.ts';
import { cpuMicros, processTree, residentBytes } from './process-cost.ts';

const CLIENTS = 16;
const TURNS = 8;
const TURN_MS = 3000;
const IDLE_SCRAPES = 200;
const workers = Number(process.argv[2] ?? 1);

const pair = await startShardedPair({
  rules: '- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }\n',
  environment: { SHARDMESH_WORKERS: String(workers) },
});
try {
  const scrape = async (): Promise<number> =>
    (await (await fetch(`http://${pair.sidecar.http}/metrics`)).text()).length;
  const sessions = await Promise.all(Array.from({ length: CLIENTS }, () => pair.connect()));
  await sessions[0]?.query('CREATE TABLE points (id INT PRIMARY KEY, n INT)');
  await sessions[0]?.query('INSERT INTO points VALUES (7, 7)');
  let count = 0;
  let running = true;
  const loops = sessions.map(async (session) => {
    while (running) {
      await session.query('SELECT n FROM points WHERE id = 7');
      count += 1;
    }
  });
  const cpu = (): number => cpuMicros(processTree(pair.sidecar.pid));
  await sleep(TURN_MS);
  const turn = async (scrapes: boolean): Promise<{ statements: number; cpuEach: number }> => {
    const [countBefore, cpuBefore] = [count, cpu()];
    for (let passed = 0; passed < TURN_MS; passed += 1000) {
      if (scrapes) await scrape();
      await sleep(1000);
    }
    return { statements: count - countBefore, cpuEach: (cpu() - cpuBefore) / (count - countBefore) };
  };
  const sums = { without: { statements: 0, cpuEach: 0 }, with: { statements: 0, cpuEach: 0 } };
  for (let round = 0; round < TURNS; round += 1)
    for (const which of ['without', 'with'] as const) {
      const { statements, cpuEach } = await turn(which === 'with');
      sums[which].statements += statements;
      sums[which].cpuEach += cpuEach / TURNS;
    }
  running = false;
  await Promise.all(loops);
  for (const [which, { statements, cpuEach }] of Object.entries(sums))
    console.log(
      `${which} scrapes: ${Math.round(statements / ((TURNS * TURN_MS) / 1000))} statements/s, ${cpuEach.toFixed(2)} us CPU each`,
    );
  const before = cpu();
  const started = performance.now();
  let bytes = 0;
  for (let scrapes = 0; scrapes < IDLE_SCRAPES; scrapes += 1) bytes = await scrape();
  const idleMs = performance.now() - started;
  console.log(
    `one scrape: ${((cpu() - before) / IDLE_SCRAPES / 1000).toFixed(2)} ms CPU, ${(idleMs / IDLE_SCRAPES).toFixed(1)} ms, ${bytes} bytes; every 15 s that is ${(((cpu() - before) / IDLE_SCRAPES / 15e6) * 100).toFixed(4)} % of a core`,
  );
  console.log(
    `resident: ${processTree(pair.sidecar.pid)
      .map((pid) => Math.round(residentBytes([pid]) / 1e6))
      .join(' + ')} MB`,
  );
  for (const session of sessions) await session.end();
} finally {
  await pair.stop();
}
process.exit();
