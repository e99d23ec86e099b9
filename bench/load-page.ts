/** The page that `npm run load` writes. */
import { cpus, loadavg } from 'node:os';
import type { LoadOptions } from './load-options.ts';

export interface LoadFigures {
  /** Resident memory of a fresh sidecar that has answered some statements. */
  readonly fresh: number;
  readonly slow: readonly SlowFigures[];
  readonly idle: { readonly connections: number; readonly bytesEach: number };
  readonly connects: {
    readonly perSecond: number;
    readonly wanted: number;
    readonly milliseconds: readonly number[];
    readonly failures: readonly string[];
    /** CPU of the sidecar for one, microseconds. */
    readonly cpu: number;
  };
  /** What one connection more than `limits.connections` is told. */
  readonly beyondLimit: string;
  /** Resident memory after everything, when all clients are gone. */
  readonly after: number;
}

export interface SlowFigures {
  readonly what: string;
  readonly seconds: number;
  readonly bytesRead: number;
  /** Most resident memory while it was read, of the process and above what it was before. */
  readonly peak: number;
  readonly growth: number;
  /** Milliseconds of another client's point selects, before and meanwhile. */
  readonly alone: readonly number[];
  readonly meanwhile: readonly number[];
}

const MIB = 1024 * 1024;

export function loadPage(options: LoadOptions, figures: LoadFigures): string {
  const { fresh, slow, idle, connects, beyondLimit, after } = figures;
  const rows: [string, string][] = [
    ['memory of a fresh sidecar that has answered some statements', mib(fresh)],
    ...slow.flatMap((one): [string, string][] => [
      [
        `${options.slowBytes / 1e6} MB read at ${options.bytesPerSecond / 1e6} MB/s, ${one.what}: read in ${Math.round(one.seconds)} s`,
        `${(one.bytesRead / 1e6).toFixed(1)} MB`,
      ],
      ['- most resident memory meanwhile, growth', `${mib(one.peak)}, ${mib(one.growth)}`],
      [
        "- another client's point select before, p50 / p99",
        `${ms(quantile(one.alone, 0.5))} / ${ms(quantile(one.alone, 0.99))}`,
      ],
      [
        "- another client's point select meanwhile, p50 / p99",
        `${ms(quantile(one.meanwhile, 0.5))} / ${ms(quantile(one.meanwhile, 0.99))}`,
      ],
    ]),
    [`each of ${idle.connections} idle connections`, `${(idle.bytesEach / 1024).toFixed(1)} KiB`],
    [
      `connects per second, each with login and a SELECT (${connects.wanted} wanted)`,
      `${Math.round(connects.perSecond)}, ${connects.failures.length} failed`,
    ],
    [
      '- time of one, p50 / p99',
      `${ms(quantile(connects.milliseconds, 0.5))} / ${ms(quantile(connects.milliseconds, 0.99))}`,
    ],
    ['- CPU of the sidecar for one', `${Math.round(connects.cpu)} us`],
    ['one connection more than `limits.connections`', beyondLimit],
    ['memory when all clients are gone', mib(after)],
  ];
  return `# Load

Written by \`npm run load\`: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, load average ${loadavg()[0]?.toFixed(0)} at
the end. Clients, sidecar (all its processes) and servers share these processors; times belong to this machine on this day.

| what | figure |
| --- | --- |
${rows.map(([what, figure]) => `| ${what} | ${figure} |`).join('\n')}
`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
