/** The metrics of several processes as one: what counts up never goes back, also when a process ends. */
import { AggregatorRegistry } from 'prom-client';
import type { MetricValues } from './registry.ts';

/** Kinds that Prometheus expects to rise. */
const rising: ReadonlySet<string> = new Set(['counter', 'histogram']);

export class CombinedMetrics<Process> {
  readonly #last = new Map<Process, MetricValues>();
  /** Sums of the processes that have ended, as they were last seen. */
  #former: Promise<MetricValues> = Promise.resolve([]);

  /** What a process has just told. */
  seen(process: Process, values: MetricValues): void {
    this.#last.set(process, values);
  }

  /** It has ended: its counters stay, its gauges go. */
  ended(process: Process): void {
    const last = this.#last.get(process);
    if (last === undefined) return;
    this.#last.delete(process);
    const kept = last.filter(({ type }) => rising.has(String(type)));
    this.#former = this.#former.then(async (former) => await combined([former, kept]));
  }

  /** The exposition: `own` comes first where only one value can be shown. */
  async text(own: MetricValues): Promise<string> {
    const parts = [own, ...this.#last.values(), await this.#former];
    return await AggregatorRegistry.aggregate(parts).metrics();
  }
}

async function combined(parts: MetricValues[]): Promise<MetricValues> {
  return (await AggregatorRegistry.aggregate(parts).getMetricsAsJSON()) as MetricValues;
}
