/** Cells of the table: one workload, protocol and number of threads on every target, in turn, several times. */
import { join } from 'node:path';
import type { Endpoint, Ground } from './ground.ts';
import type { BenchOptions, Protocol, Target } from './options.ts';
import { cpuMicros, residentBytes } from './process-cost.ts';
import { runSysbench, type SysbenchResult } from './sysbench.ts';

/** One run on one target. */
export interface Sample extends SysbenchResult {
  /** Microseconds of CPU per query. */
  readonly proxyCpu: number;
  readonly serverCpu: number;
  /** Of the proxy, in bytes, after the run. */
  readonly memory: number;
}

export interface Cell {
  readonly workload: string;
  readonly protocol: Protocol;
  readonly threads: number;
  readonly samples: ReadonlyMap<Target, readonly Sample[]>;
}

interface CellSpec {
  readonly workload: string;
  readonly script: string;
  readonly protocol: Protocol;
  readonly threads: number;
  readonly more?: readonly string[];
}

/** Statements over all shards, measured like a workload; `direct` answers them from one table. */
export const scatterStatements: readonly (readonly [string, string])[] = [
  ['count', 'SELECT COUNT(*), SUM(k) FROM sbtest1'],
  ['top 10', 'SELECT id, k FROM sbtest1 ORDER BY k, id LIMIT 10'],
  ['group by', 'SELECT k % 10 AS g, COUNT(*), AVG(k) FROM sbtest1 GROUP BY k % 10 ORDER BY g'],
  ['8 ids', 'SELECT id, c FROM sbtest1 WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8)'],
];

/** A runtime that compiles while it runs costs more until it has seen this many statements, however long that takes. */
const WARM_QUERIES = 15_000;
const WARM_SECONDS_MAX = 20;

export async function measureCells(
  ground: Ground,
  options: BenchOptions,
  say: (line: string) => void,
): Promise<Cell[]> {
  const specs: CellSpec[] = [];
  // Scatters first: inserts make the table grow.
  if (options.extras.includes('scatter')) {
    for (const [name, statement] of scatterStatements) {
      specs.push({
        workload: `scatter: ${name}`,
        script: join(import.meta.dirname, 'statement.lua'),
        protocol: 'text',
        threads: Math.min(8, options.threads.at(-1) ?? 8),
        more: [`--statement=${statement}`],
      });
    }
  }
  for (const workload of options.workloads)
    for (const protocol of options.protocols)
      for (const threads of options.threads) specs.push({ workload, script: workload, protocol, threads });
  if (options.form !== 'tiny') {
    say('warming up');
    for (const { port, user, password, database } of ground.endpoints)
      for (const protocol of options.protocols)
        await runSysbench({
          ...{ script: 'oltp_point_select', port, user, password, database, protocol, rows: options.rows },
          threads: 8,
          seconds: WARM_SECONDS_MAX,
          events: WARM_QUERIES,
        });
  }
  const cells: Cell[] = [];
  for (const [index, spec] of specs.entries()) {
    say(`${index + 1}/${specs.length} ${spec.workload}, ${spec.protocol}, ${spec.threads} threads`);
    cells.push(await measureCell(ground, options, spec));
  }
  return cells;
}

async function measureCell(ground: Ground, options: BenchOptions, spec: CellSpec): Promise<Cell> {
  const samples = new Map<Target, Sample[]>(ground.endpoints.map((endpoint) => [endpoint.target, []]));
  for (let round = 0; round < options.rounds; round++) {
    // Another one begins each time, so that nobody always has the warm or the tired machine.
    const first = round % ground.endpoints.length;
    for (const endpoint of [...ground.endpoints.slice(first), ...ground.endpoints.slice(0, first)]) {
      samples.get(endpoint.target)?.push(await sample(ground, options, spec, endpoint));
    }
  }
  return { workload: spec.workload, protocol: spec.protocol, threads: spec.threads, samples };
}

async function sample(ground: Ground, options: BenchOptions, spec: CellSpec, endpoint: Endpoint): Promise<Sample> {
  const proxyPids = endpoint.proxyPids();
  const serverPids = ground.serverPids();
  const proxyBefore = cpuMicros(proxyPids);
  const serverBefore = cpuMicros(serverPids);
  const result = await runSysbench({
    script: spec.script,
    port: endpoint.port,
    user: endpoint.user,
    password: endpoint.password,
    database: endpoint.database,
    threads: spec.threads,
    seconds: options.seconds,
    protocol: spec.protocol,
    rows: options.rows,
    ...(spec.more === undefined ? {} : { more: spec.more }),
  });
  const queries = Math.max(1, result.queries);
  return {
    ...result,
    proxyCpu: (cpuMicros(proxyPids) - proxyBefore) / queries,
    serverCpu: (cpuMicros(serverPids) - serverBefore) / queries,
    memory: residentBytes(endpoint.proxyPids()),
  };
}
