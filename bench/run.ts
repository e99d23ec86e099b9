/** `npm run bench`: starts its own servers and proxies, measures them in turn, writes bench/RESULTS.md. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { startGround } from './ground.ts';
import { measureLarge } from './large-result.ts';
import { measureLife } from './life.ts';
import { measureCells } from './measure.ts';
import { type BenchOptions, benchOptions, UsageError, usage } from './options.ts';
import { type BenchResults, resultsPage } from './report.ts';

const root = join(import.meta.dirname, '..');

/** Runs everything that the options ask for. Ends what it started, also when it fails. */
export async function runBench(options: BenchOptions, say: (line: string) => void): Promise<BenchResults> {
  const [load = 0] = loadavg();
  const ground = await startGround(options, say);
  try {
    for (const line of ground.missing) say(line);
    const cells = await measureCells(ground, options, say);
    if (options.extras.includes('large')) say(`a result of ${options.largeBytes / 1e6} MB`);
    const large = options.extras.includes('large') ? await measureLarge(ground, options) : undefined;
    if (options.extras.includes('life')) say('start, reload, idle connections');
    const life = options.extras.includes('life') ? await measureLife(ground, options) : undefined;
    const binary = ground.servers[0]?.binary;
    return {
      options,
      commit: commit(),
      load,
      server: `${binary?.kind === 'mysql' ? 'MySQL' : 'MariaDB'} ${binary?.version ?? ''}`,
      missing: ground.missing,
      cells,
      large,
      life,
    };
  } finally {
    await ground.stop();
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

async function main(): Promise<number> {
  let options: BenchOptions | 'help';
  try {
    options = benchOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}\n`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const started = performance.now();
  const page = resultsPage(await runBench(options, (line) => process.stderr.write(`bench: ${line}\n`)));
  process.stdout.write(page);
  if (options.out !== undefined) writeFileSync(resolve(root, options.out), page);
  process.stderr.write(`bench: done in ${Math.round((performance.now() - started) / 1000)} s\n`);
  return 0;
}

if (import.meta.main) process.exitCode = await main();
