/** Shows metrics in Prometheus' text form. prom-client reads our arrays on a scrape and at no other time. */
import * as prometheus from 'prom-client';
import type { Metric } from './metric.ts';

/** What one worker sends to its supervisor, which adds the workers up. Plain JSON. */
export type MetricValues = Omit<prometheus.MetricObjectWithValues<prometheus.MetricValue<string>>, 'collect'>[];

/** The content type of `text()`. */
export const exposition = prometheus.Registry.PROMETHEUS_CONTENT_TYPE;

export class MetricRegistry {
  readonly #registry = new prometheus.Registry();
  readonly #metrics: Metric[] = [];

  /** Throws if the name is taken. */
  register(metric: Metric): void {
    this.#registry.registerMetric(new Bridge(metric));
    this.#metrics.push(metric);
  }

  get metrics(): readonly Metric[] {
    return this.#metrics;
  }

  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  async values(): Promise<MetricValues> {
    const metrics = (await this.#registry.getMetricsAsJSON()) as prometheus.MetricObjectWithValues<
      prometheus.MetricValue<string>
    >[];
    return metrics.map(({ name, help, type, values, aggregator }) => ({ name, help, type, values, aggregator }));
  }
}

/** A prom-client metric whose values are read from ours. */
class Bridge extends prometheus.Gauge<string> {
  readonly #metric: Metric;

  constructor(metric: Metric) {
    super({ name: metric.name, help: metric.help, labelNames: [...metric.labelNames], registers: [] });
    this.#metric = metric;
  }

  override async get(): Promise<prometheus.MetricObjectWithValues<prometheus.MetricValue<string>>> {
    const { name, help, kind, combine } = this.#metric;
    const values = this.#metric.samples().map(({ labels, value, suffix }) => ({
      labels: { ...labels },
      value,
      ...(suffix === undefined ? {} : { metricName: `${name}${suffix}` }),
    }));
    return {
      name,
      help,
      type: kind as unknown as prometheus.MetricType,
      values,
      aggregator: combine,
      collect: () => {},
    };
  }
}
