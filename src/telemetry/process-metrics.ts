/** Fills the metrics of the process itself: event loop, memory, CPU, descriptors. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MeshMetrics } from './mesh-metrics.ts';

/** Starts to watch the event loop. The answer ends it. */
export function watchProcess(metrics: MeshMetrics, version: string): () => void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  metrics.eventLoopDelay.readFrom(() => {
    const seconds = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0);
    const samples = [
      { labels: { quantile: '0.5' }, value: seconds(delay.percentile(50)) },
      { labels: { quantile: '0.99' }, value: seconds(delay.percentile(99)) },
      { labels: { quantile: '1' }, value: seconds(delay.max) },
    ];
    delay.reset();
    return samples;
  });
  metrics.memory.readFrom(() => {
    const { rss, heapUsed, external } = process.memoryUsage();
    return [
      { labels: { area: 'resident' }, value: rss },
      { labels: { area: 'heap' }, value: heapUsed },
      { labels: { area: 'external' }, value: external },
    ];
  });
  metrics.cpu.readFrom(() => {
    const { user, system } = process.cpuUsage();
    return [
      { labels: { mode: 'user' }, value: user / 1e6 },
      { labels: { mode: 'system' }, value: system / 1e6 },
    ];
  });
  metrics.openDescriptors.readFrom(() => {
    try {
      return [{ labels: {}, value: readdirSync('/proc/self/fd').length }];
    } catch {
      return [];
    }
  });
  const startedAt = Date.now() / 1000 - process.uptime();
  metrics.started.readFrom(() => [{ labels: {}, value: startedAt }]);
  metrics.build.readFrom(() => [{ labels: { version, node: process.version }, value: 1 }]);
  return () => delay.disable();
}
