/** A bench run as Markdown: medians, ratios, spread, and what they say. */
import { cpus, release } from 'node:os';
import { mebibytes, median, percent, short, spread } from './figures.ts';
import type { LargeSample } from './large-result.ts';
import type { LifeFigures } from './life.ts';
import type { Cell, Sample } from './measure.ts';
import type { BenchOptions, Target } from './options.ts';

export interface BenchResults {
  readonly options: BenchOptions;
  readonly commit: string;
  /** Load average of the machine before the run: above 0.5 others were at work, and the figures are worth less. */
  readonly load: number;
  readonly server: string;
  readonly missing: readonly string[];
  readonly cells: readonly Cell[];
  readonly large: ReadonlyMap<Target, readonly LargeSample[]> | undefined;
  readonly life: LifeFigures | undefined;
}

type Figure = (sample: Sample) => number;

const titles: Record<Target, string> = {
  direct: 'direct',
  haproxy: 'HAProxy TCP',
  'node-tcp': 'Node TCP',
  mysqlrouter: 'MySQL Router',
  proxysql: 'ProxySQL',
  mesh: 'Shardmesh',
  'mesh-2x2': 'Shardmesh 2 x 2',
};

export function resultsPage(results: BenchResults): string {
  const { options } = results;
  return `${[
    '# Results',
    `Written by \`npm run bench${options.form === 'full' ? '' : ` -- --${options.form}`}\`: one run of all targets in turn, ${options.rounds} x ${options.seconds} s for each cell, medians; ± is the spread (largest minus smallest run, of the median). Absolute numbers belong to this machine on this day; ratios are what counts.`,
    `Machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.version}, ${results.server}, commit ${results.commit}, load before the run ${short(results.load)}${results.load > 0.5 ? ' (other work was going on: trust ratios of CPU, not throughput)' : ''}. sysbench, the proxies and the servers share these processors, so QPS of all targets falls with the CPU that a proxy takes. HAProxy has one thread, Shardmesh one worker. "Shardmesh" passes one unsharded source through; "2 x 2" is two sources with two tables each.`,
    ...results.missing.map((line) => `${line}.`),
    ...(results.cells.length > 0 ? [summary(results), limits(results)] : []),
    ...cellSections(results),
    ...(results.large === undefined ? [] : [largeSection(results.large, options)]),
    ...(results.life === undefined ? [] : [lifeSection(results.life)]),
  ].join('\n\n')}\n`;
}

function of(cell: Cell, target: Target, figure: Figure): number {
  return median((cell.samples.get(target) ?? []).map(figure));
}

/** The aims beside what was measured. */
function summary(results: BenchResults): string {
  const points = results.cells.filter((cell) => cell.workload === 'oltp_point_select');
  const rows: string[][] = [];
  for (const cell of points) {
    const haproxy = of(cell, 'haproxy', (sample) => sample.proxyCpu);
    const ratio = (target: Target): string => short(of(cell, target, (sample) => sample.proxyCpu) / haproxy);
    rows.push([
      `${cell.protocol}, ${cell.threads}`,
      ratio('node-tcp'),
      ratio('mesh'),
      ratio('mesh-2x2'),
      short(of(cell, 'mesh', (sample) => sample.p50) - of(cell, 'direct', (sample) => sample.p50)),
      percent(of(cell, 'mesh', (s) => s.queriesPerSecond) / of(cell, 'haproxy', (s) => s.queriesPerSecond)),
    ]);
  }
  const lines = [
    '## In short',
    'Point selects: CPU of the proxy per query relative to HAProxy (aim: at most 1.5), added latency (aim: under 0.1 ms at one client), throughput relative to HAProxy.',
    table(['protocol, threads', 'Node TCP', 'Shardmesh', '2 x 2', 'added p50 ms', 'QPS of HAProxy'], rows),
  ];
  const large = results.large;
  if (large !== undefined) {
    const speed = (target: Target): number =>
      median((large.get(target) ?? []).map((sample) => sample.megabytesPerSecond));
    lines.push(
      `Large result: ${percent(speed('mesh') / speed('haproxy'))} of HAProxy's throughput passed through (aim: 90 %), ${percent(speed('mesh-2x2') / speed('haproxy'))} merged from four tables.`,
    );
  }
  return lines.join('\n\n');
}

/** Where the time goes, from the figures themselves. */
function limits(results: BenchResults): string {
  const points = results.cells.filter((cell) => cell.workload === 'oltp_point_select' && cell.threads > 1);
  const mean = (target: Target, figure: Figure): number => median(points.map((cell) => of(cell, target, figure)));
  const pipe = mean('node-tcp', (sample) => sample.proxyCpu);
  const mesh = mean('mesh', (sample) => sample.proxyCpu);
  const server = mean('direct', (sample) => sample.serverCpu);
  return [
    '## What limits it now',
    `A routed point select costs ${short(mesh)} us of CPU here. ${short(pipe)} us (${percent(pipe / mesh)}) of it is what a bare TCP pipe on the same runtime costs: one read and one write per direction, in the kernel and in libuv. The other ${short(mesh - pipe)} us are Shardmesh's own: packets, lexer, plan look-up, routing, lease, metrics, promises. The server itself takes ${short(server)} us for the query. docs/performance.md tells which system calls and which JavaScript.`,
  ].join('\n\n');
}

function cellSections(results: BenchResults): string[] {
  const workloads = [...new Set(results.cells.map((cell) => cell.workload))];
  const scatters = workloads.filter((name) => name.startsWith('scatter'));
  const sections = workloads
    .filter((name) => !name.startsWith('scatter'))
    .map(
      (name) =>
        `## ${name}\n\n${cellTable(
          results.cells.filter((cell) => cell.workload === name),
          false,
        )}`,
    );
  if (scatters.length > 0) {
    const cells = results.cells.filter((cell) => scatters.includes(cell.workload));
    sections.push(`## Statements over all shards\n\n${cellTable(cells, true)}`);
  }
  return sections;
}

function cellTable(cells: readonly Cell[], named: boolean): string {
  const rows: string[][] = [];
  for (const cell of cells) {
    const direct = of(cell, 'direct', (sample) => sample.queriesPerSecond);
    const haproxy = of(cell, 'haproxy', (sample) => sample.proxyCpu);
    for (const [target, samples] of cell.samples) {
      const figure = (pick: Figure): number => median(samples.map(pick));
      const speeds = samples.map((sample) => sample.queriesPerSecond);
      const cpu = figure((sample) => sample.proxyCpu);
      rows.push([
        named ? cell.workload.slice('scatter: '.length) : `${cell.protocol}, ${cell.threads}`,
        titles[target],
        short(median(speeds)),
        `± ${percent(spread(speeds))}`,
        percent(median(speeds) / direct),
        [figure((s) => s.p50), figure((s) => s.p95), figure((s) => s.p99)].map(short).join(' / '),
        target === 'direct' ? '-' : short(cpu),
        target === 'direct' ? '-' : short(cpu / haproxy),
        short(figure((sample) => sample.serverCpu)),
        target === 'direct' ? '-' : mebibytes(figure((sample) => sample.memory)),
      ]);
    }
  }
  return table(
    [
      named ? 'statement' : 'protocol, threads',
      'target',
      'QPS',
      '',
      'of direct',
      'p50 / p95 / p99 ms',
      'proxy CPU us',
      'of HAProxy',
      'server CPU us',
      'memory',
    ],
    rows,
  );
}

function largeSection(large: ReadonlyMap<Target, readonly LargeSample[]>, options: BenchOptions): string {
  const base = median((large.get('haproxy') ?? []).map((sample) => sample.megabytesPerSecond));
  const rows = [...large].map(([target, samples]) => {
    const speeds = samples.map((sample) => sample.megabytesPerSecond);
    return [
      titles[target],
      short(median(speeds)),
      `± ${percent(spread(speeds))}`,
      percent(median(speeds) / base),
      target === 'direct' ? '-' : short(median(samples.map((sample) => sample.proxyCpu))),
      target === 'direct' ? '-' : mebibytes(Math.max(...samples.map((sample) => sample.memoryGrowth))),
    ];
  });
  return `## A result of ${short(options.largeBytes / 1e6)} MB\n\nRows of 1,000 bytes, one client that only counts bytes.\n\n${table(['target', 'MB/s', '', 'of HAProxy', 'proxy CPU ms per MB', 'memory growth, most'], rows)}`;
}

function lifeSection(life: LifeFigures): string {
  const times = (values: readonly number[]): string => `${short(median(values))} ms (± ${percent(spread(values))})`;
  return `## Life\n\n${table(
    ['what', 'figure'],
    [
      ['start, to the open listener', times(life.starts)],
      ['reload, from the change of the file to the new configuration in force', times(life.reloads)],
      ['memory of a fresh sidecar', mebibytes(life.memory)],
      [`each of ${life.connections} idle connections`, `${short(life.bytesPerConnection / 1024)} KiB`],
    ],
  )}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
