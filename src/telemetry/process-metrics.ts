/** Fills the metrics of the process itself: event loop, memory, CPU, descriptors. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MeshMetrics } from './mesh-metrics.ts';
import type { Sample } from './metric.ts';
import { processLimits } from './process-limits.ts';

/** Starts to watch the event loop. The answer ends it. */
export function watchProcess(metrics: MeshMetrics): () => void {
  const limits = processLimits();
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
  metrics.openDescriptors.readFrom(() => asSample(openDescriptors()));
  metrics.descriptorsUsed.readFrom(() => {
    const open = openDescriptors();
    return asSample(open === undefined || limits.descriptors === undefined ? undefined : open / limits.descriptors);
  });
  metrics.memoryUsed.readFrom(() =>
    asSample(limits.memory === undefined ? undefined : process.memoryUsage.rss() / limits.memory),
  );
  return () => delay.disable();
}

/** What is told once for all processes of a sidecar. */
export function watchSidecar(metrics: MeshMetrics, version: string): void {
  const startedAt = Date.now() / 1000 - process.uptime();
  metrics.started.readFrom(() => [{ labels: {}, value: startedAt }]);
  metrics.build.readFrom(() => [{ labels: { version, node: process.version }, value: 1 }]);
}

function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}

function asSample(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}
