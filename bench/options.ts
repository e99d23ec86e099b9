/** What a bench run measures: options of the command line, with a full, a quick and a tiny form. */
import { parseArgs } from 'node:util';

export const workloads = ['oltp_point_select', 'oltp_read_only', 'oltp_read_write', 'oltp_insert'] as const;
export type Workload = (typeof workloads)[number];

/** sysbench's two ways to send statements. */
export const protocols = ['text', 'prepared'] as const;
export type Protocol = (typeof protocols)[number];

/** What stands between sysbench and the server; `direct` is nothing. */
export const targets = ['direct', 'haproxy', 'node-tcp', 'mysqlrouter', 'proxysql', 'mesh', 'mesh-2x2'] as const;
export type Target = (typeof targets)[number];

/** Measurements besides sysbench. */
export const extras = ['scatter', 'large', 'life'] as const;
export type Extra = (typeof extras)[number];

export interface BenchOptions {
  readonly form: 'full' | 'quick' | 'tiny';
  readonly workloads: readonly Workload[];
  readonly protocols: readonly Protocol[];
  readonly threads: readonly number[];
  readonly targets: readonly Target[];
  readonly extras: readonly Extra[];
  /** Of one sysbench run. */
  readonly seconds: number;
  /** Each cell is measured this often, in turn with the other targets; the median counts. */
  readonly rounds: number;
  readonly rows: number;
  /** Size of the large result. */
  readonly largeBytes: number;
  readonly idleConnections: number;
  readonly reloads: number;
  /** Markdown to write; undefined: standard output only. */
  readonly out: string | undefined;
  /** Folder for CPU profiles of the sidecars. */
  readonly profile: string | undefined;
}

export const usage = `npm run bench -- [--quick | --tiny] [OPTIONS]

  --quick                a minute or two: point select and read/write at 8 threads, text and prepared, no scatters
  --tiny                 some seconds: does it still run?
  --workloads LIST       ${workloads.join(',')}
  --protocols LIST       ${protocols.join(',')}
  --threads LIST         1,8,32,128
  --targets LIST         ${targets.join(',')}
  --extras LIST          ${extras.join(',')} or none
  --seconds N            of one sysbench run
  --rounds N             runs per cell, in turn with the other targets
  --out FILE             default bench/RESULTS.md in the full form; '-' writes none
  --profile FOLDER       CPU profiles of the sidecars

MYSQLROUTER=/path/to/mysqlrouter and PROXYSQL=/path/to/proxysql add these proxies.`;

const defaults = {
  full: { seconds: 3, rounds: 3, rows: 10_000, largeBytes: 100e6, idleConnections: 1000, reloads: 10 },
  quick: { seconds: 1, rounds: 2, rows: 10_000, largeBytes: 100e6, idleConnections: 1000, reloads: 5 },
  tiny: { seconds: 0.5, rounds: 1, rows: 200, largeBytes: 2e6, idleConnections: 20, reloads: 1 },
} as const;

const lists = {
  full: { workloads: [...workloads], protocols: [...protocols], threads: [1, 8, 32, 128] },
  quick: { workloads: ['oltp_point_select', 'oltp_read_write'], protocols: [...protocols], threads: [8] },
  tiny: { workloads: ['oltp_point_select', 'oltp_insert'], protocols: [...protocols], threads: [2] },
} as const satisfies Record<
  string,
  { workloads: readonly Workload[]; protocols: readonly Protocol[]; threads: readonly number[] }
>;

export class UsageError extends Error {}

/** Throws UsageError for an option or value that it does not know. */
export function benchOptions(args: readonly string[]): BenchOptions | 'help' {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { values } = parsed;
  if (values.help) return 'help';
  const form = values.tiny ? 'tiny' : values.quick ? 'quick' : 'full';
  const base = defaults[form];
  const seconds = number(values.seconds, base.seconds, 'seconds');
  return {
    form,
    workloads: chosen(values.workloads, workloads, lists[form].workloads, 'workload'),
    protocols: chosen(values.protocols, protocols, lists[form].protocols, 'protocol'),
    threads:
      values.threads === undefined
        ? lists[form].threads
        : values.threads.split(',').map((text) => number(text, 1, 'threads')),
    targets: chosen(values.targets, targets, targets, 'target'),
    extras:
      values.extras === 'none'
        ? []
        : chosen(values.extras, extras, form === 'quick' ? ['large', 'life'] : extras, 'extra'),
    seconds,
    rounds: number(values.rounds, base.rounds, 'rounds'),
    rows: base.rows,
    largeBytes: base.largeBytes,
    idleConnections: base.idleConnections,
    reloads: base.reloads,
    out: values.out === '-' ? undefined : (values.out ?? (form === 'full' ? 'bench/RESULTS.md' : undefined)),
    profile: values.profile,
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      tiny: { type: 'boolean' },
      workloads: { type: 'string' },
      protocols: { type: 'string' },
      threads: { type: 'string' },
      targets: { type: 'string' },
      extras: { type: 'string' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      out: { type: 'string' },
      profile: { type: 'string' },
    },
  });
}

function number(text: string | undefined, fallback: number, what: string): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new UsageError(`--${what}: ${text} is not a positive number`);
  return value;
}

function chosen<T extends string>(
  text: string | undefined,
  known: readonly T[],
  fallback: readonly T[],
  what: string,
): readonly T[] {
  if (text === undefined) return fallback;
  return text.split(',').map((name) => {
    const found = known.find((candidate) => candidate === name);
    if (found === undefined) throw new UsageError(`--${what}s: '${name}' is not one of ${known.join(', ')}`);
    return found;
  });
}
