/** One run of sysbench, and what it says. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Protocol } from './options.ts';

const execute = promisify(execFile);

export interface SysbenchRun {
  /** A workload of sysbench's own, or the path of a Lua script. */
  readonly script: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly threads: number;
  readonly seconds: number;
  readonly protocol: Protocol;
  readonly rows: number;
  /** Ends after so many transactions, or `seconds`, whatever comes first. */
  readonly events?: number;
  readonly more?: readonly string[];
}

/** Latencies in milliseconds, of whole transactions; point selects and inserts are transactions of one query. */
export interface SysbenchResult {
  readonly queries: number;
  readonly queriesPerSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Deadlocks and duplicate keys, which sysbench tries again. */
  readonly retried: number;
}

function commandLine(run: SysbenchRun): string[] {
  return [
    run.script,
    '--db-driver=mysql',
    '--mysql-host=127.0.0.1',
    `--mysql-port=${run.port}`,
    `--mysql-user=${run.user}`,
    `--mysql-password=${run.password}`,
    `--mysql-db=${run.database}`,
    `--db-ps-mode=${run.protocol === 'text' ? 'disable' : 'auto'}`,
    `--threads=${run.threads}`,
    ...(run.more ?? ['--tables=1', `--table-size=${run.rows}`]),
  ];
}

/** Makes and fills the table. */
export async function prepareTable(run: SysbenchRun): Promise<void> {
  await sysbench([...commandLine(run), 'prepare']);
}

export async function runSysbench(run: SysbenchRun): Promise<SysbenchResult> {
  // sysbench takes whole seconds: shorter runs end by their number of events.
  const limit =
    run.seconds >= 1
      ? [`--time=${Math.round(run.seconds)}`, `--events=${run.events ?? 0}`]
      : ['--time=10', `--events=${Math.round(400 * run.seconds)}`];
  const output = await sysbench([...commandLine(run), ...limit, '--histogram=on', 'run']);
  return parseReport(output);
}

async function sysbench(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute('sysbench', [...args], { maxBuffer: 1 << 24 });
    if (/FATAL/.test(stdout)) throw new Error(stdout);
    return stdout;
  } catch (error) {
    const said = `${(error as { stdout?: string }).stdout ?? ''}${(error as { stderr?: string }).stderr ?? ''}`;
    const lines = said.split('\n').filter((line) => /FATAL|error/i.test(line));
    throw new Error(`sysbench ${args.join(' ')}: ${lines.slice(0, 3).join('; ') || (error as Error).message}`);
  }
}

/** Reads the report of a run with --histogram=on. */
export function parseReport(output: string): SysbenchResult {
  const figure = (pattern: RegExp): number => {
    const found = pattern.exec(output)?.[1];
    if (found === undefined) throw new Error(`sysbench said nothing about ${pattern}:\n${output}`);
    return Number(found);
  };
  const buckets: [number, number][] = [];
  for (const [, value, count] of output.matchAll(/^\s*([\d.]+)\s*\|[^|\n]*?\s(\d+)\s*$/gm)) {
    buckets.push([Number(value), Number(count)]);
  }
  return {
    queries: figure(/^\s+total:\s+(\d+)/m),
    queriesPerSecond: figure(/queries:\s+\d+\s+\(([\d.]+) per sec/),
    p50: percentile(buckets, 0.5),
    p95: percentile(buckets, 0.95),
    p99: percentile(buckets, 0.99),
    retried: figure(/ignored errors:\s+(\d+)/),
  };
}

function percentile(buckets: readonly (readonly [number, number])[], share: number): number {
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [value, count] of buckets) {
    seen += count;
    if (seen >= total * share) return value;
  }
  return 0;
}
