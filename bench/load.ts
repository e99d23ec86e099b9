/**
 * `npm run load`: what many and slow clients cost. A slow reader of a long result, idle connections, a storm of connects, the
 * limit on connections, and what of the memory comes back.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ShardedPair, startShardedPair } from '../test/e2e/sharded-pair.ts';
import { connectAtRate, latencies, openClient, openIdle, readSlowly } from './load-clients.ts';
import { type LoadOptions, loadOptions, loadUsage } from './load-options.ts';
import { type LoadFigures, loadPage, type SlowFigures } from './load-page.ts';
import { cpuMicros, processTree, residentBytes } from './process-cost.ts';

const RULES = `- !SHARDING
  tables:
    wide:
      actualDataNodes: ds_\${0..1}.wide
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms:
    by_id: { type: MOD, props: { sharding-count: 2 } }
- !BROADCAST { tables: [numbers] }
- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }
`;
const ROW_BYTES = 1000;
const POINT = 'SELECT n FROM numbers WHERE n = 7';

/** `say` tells how far it is. */
export async function runLoad(options: LoadOptions, say: (line: string) => void): Promise<LoadFigures> {
  const limit = options.idleConnections + 10;
  const pair = await startShardedPair({ rules: RULES, sidecar: `limits: { connections: ${limit} }\n` });
  try {
    await createTables(pair, options);
    const memory = (): number => residentBytes(processTree(pair.sidecar.pid));
    await latencies(pair.port, POINT, counter(200));
    const fresh = memory();
    const slow: SlowFigures[] = [];
    for (const [what, sql] of [
      ['passed through from one source', 'SELECT pad FROM narrow, numbers'],
      ['merged from two sources', 'SELECT pad FROM wide, numbers'],
    ] as const) {
      say(`a slow reader of ${options.slowBytes / 1e6} MB, ${what}`);
      slow.push({ what, ...(await slowReader(pair, sql, options, memory)) });
    }
    say(`${options.idleConnections} idle connections`);
    const before = memory();
    const idle = await openIdle(pair.port, options.idleConnections);
    await sleep(1000);
    const bytesEach = (memory() - before) / options.idleConnections;
    say('one more than the limit');
    const more = await openIdle(pair.port, limit - options.idleConnections);
    const beyondLimit = await openClient(pair.port).then(
      (client) => {
        client.end();
        return 'accepted';
      },
      (error: Error) => error.message,
    );
    for (const client of [...idle, ...more]) client.end();
    await sleep(1000);
    say(`${options.connectsPerSecond} connects per second`);
    const cpu = cpuMicros(processTree(pair.sidecar.pid));
    const storm = await connectAtRate(pair.port, options.connectsPerSecond, options.connectSeconds);
    const spent = cpuMicros(processTree(pair.sidecar.pid)) - cpu;
    // Unused memory is given back with the next collections.
    for (let rest = 0; rest < 10; rest += 1) {
      await latencies(pair.port, POINT, counter(50));
      await sleep(500);
    }
    return {
      fresh,
      slow,
      idle: { connections: options.idleConnections, bytesEach },
      connects: {
        perSecond: (storm.milliseconds.length + storm.failures.length) / storm.seconds,
        wanted: options.connectsPerSecond,
        milliseconds: storm.milliseconds,
        failures: storm.failures,
        cpu: spent / Math.max(1, storm.milliseconds.length + storm.failures.length),
      },
      beyondLimit,
      after: memory(),
    };
  } finally {
    await pair.stop();
  }
}

/** Many rows out of two small tables: `numbers` makes each row of the other come so often. */
async function createTables(pair: ShardedPair, options: LoadOptions): Promise<void> {
  const client = await pair.connect();
  const rows = 200;
  const times = Math.ceil(options.slowBytes / ROW_BYTES / rows);
  await client.query('CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY)');
  for (const table of ['wide', 'narrow']) {
    await client.query(`CREATE TABLE ${table} (id INT NOT NULL PRIMARY KEY, pad VARCHAR(${ROW_BYTES}) NOT NULL)`);
    const values = Array.from({ length: rows }, (_, id) => `(${id}, '${'x'.repeat(ROW_BYTES)}')`);
    await client.query(`INSERT INTO ${table} VALUES ${values.join(', ')}`);
  }
  for (let from = 0; from < times; from += 1000) {
    const count = Math.min(1000, times - from);
    await client.query(
      `INSERT INTO numbers VALUES ${Array.from({ length: count }, (_, index) => `(${from + index})`).join(', ')}`,
    );
  }
  await client.end();
}

async function slowReader(
  pair: ShardedPair,
  sql: string,
  options: LoadOptions,
  memory: () => number,
): Promise<Omit<SlowFigures, 'what'>> {
  const alone = await latencies(pair.port, POINT, forSeconds(options.slowSeconds / 3));
  const before = memory();
  let peak = before;
  const sampling = setInterval(() => {
    peak = Math.max(peak, memory());
  }, 100);
  const began = performance.now();
  const reader = await readSlowly(pair.port, sql, options.bytesPerSecond);
  try {
    const others = latencies(pair.port, POINT, forSeconds(options.slowSeconds));
    const meanwhile = await Promise.race([others, reader.done.then(() => others)]);
    const seconds = (performance.now() - began) / 1000;
    return { seconds, bytesRead: reader.bytes(), peak, growth: peak - before, alone, meanwhile };
  } finally {
    clearInterval(sampling);
    reader.giveUp();
    await reader.done;
  }
}

function forSeconds(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() < end;
}

function counter(times: number): () => boolean {
  let left = times;
  return () => {
    left -= 1;
    return left >= 0;
  };
}

async function main(): Promise<number> {
  const options = loadOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(`${loadUsage}\n`);
    return 0;
  }
  const page = loadPage(options, await runLoad(options, (line) => process.stderr.write(`load: ${line}\n`)));
  process.stdout.write(page);
  if (options.out !== undefined) writeFileSync(resolve(join(import.meta.dirname, '..'), options.out), page);
  return 0;
}

if (import.meta.main) process.exitCode = await main();
