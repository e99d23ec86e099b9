/** A result of 100 MB through every target: megabytes per second, CPU and the memory that it took. */
import type { Ground } from './ground.ts';
import type { BenchOptions, Target } from './options.ts';
import { cpuMicros, residentBytes } from './process-cost.ts';
import { countAnswer } from './raw-query.ts';

export interface LargeSample {
  readonly megabytesPerSecond: number;
  /** CPU of the proxy, milliseconds per megabyte. */
  readonly proxyCpu: number;
  /** Growth of the proxy's resident memory while the result passed, bytes. */
  readonly memoryGrowth: number;
}

export async function measureLarge(
  ground: Ground,
  options: BenchOptions,
): Promise<ReadonlyMap<Target, readonly LargeSample[]>> {
  const samples = new Map<Target, LargeSample[]>(ground.endpoints.map((endpoint) => [endpoint.target, []]));
  // One more round than counts: the first one fills the servers' buffers.
  for (let round = -1; round < options.rounds; round++) {
    for (const endpoint of ground.endpoints) {
      const pids = endpoint.proxyPids();
      const cpu = cpuMicros(pids);
      const memory = residentBytes(pids);
      const { port, user, password, database } = endpoint;
      const answer = await countAnswer({ port, user, password, database }, 'SELECT * FROM wide');
      if (answer.bytes < options.largeBytes * 0.99)
        throw new Error(`${endpoint.target}: the large result has ${answer.bytes} bytes`);
      if (round < 0) continue;
      const megabytes = answer.bytes / 1e6;
      samples.get(endpoint.target)?.push({
        megabytesPerSecond: megabytes / answer.seconds,
        proxyCpu: (cpuMicros(pids) - cpu) / 1000 / megabytes,
        memoryGrowth: residentBytes(pids) - memory,
      });
    }
  }
  return samples;
}
