/** Counters, gauges and histograms as plain typed arrays: recording is one array access, nothing is allocated. */
import { LabelSet, type Labels, type LabelValues } from './label-set.ts';

/** One line of the exposition. `suffix`: `_bucket`, `_sum`, `_count` of a histogram. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

/** What the exposition reads on a scrape. */
export interface Metric {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** How the values of several workers become one. */
  readonly combine: 'sum' | 'min' | 'max' | 'first';
  samples(): readonly Sample[];
}

/** Goes up only. */
export class Counter<L extends LabelValues> implements Metric {
  readonly kind = 'counter';
  readonly combine = 'sum';
  readonly name: string;
  readonly help: string;
  readonly #set: LabelSet<L>;
  readonly #values: Float64Array;
  readonly #asked: Uint8Array;

  constructor(name: string, help: string, labels: L) {
    this.name = name;
    this.help = help;
    this.#set = new LabelSet(labels);
    this.#values = new Float64Array(this.#set.size);
    this.#asked = new Uint8Array(this.#set.size);
  }

  get labelNames(): readonly string[] {
    return this.#set.names;
  }

  /** The index to give to `add`; a cold call. A series that nobody has asked for is not shown: a zero would claim that it is counted. */
  series(labels: Labels<L>): number {
    const series = this.#set.series(labels);
    this.#asked[series] = 1;
    return series;
  }

  add(series: number, amount = 1): void {
    this.#values[series]! += amount;
  }

  value(series: number): number {
    return this.#values[series] ?? 0;
  }

  samples(): readonly Sample[] {
    return shown(this.#asked).map((series) => ({ labels: this.#set.labels(series), value: this.#values[series] ?? 0 }));
  }
}

/** A value that is set, or goes up and down. */
export class Gauge<L extends LabelValues> implements Metric {
  readonly kind = 'gauge';
  readonly combine: 'sum' | 'min' | 'max' | 'first';
  readonly name: string;
  readonly help: string;
  readonly #set: LabelSet<L>;
  readonly #values: Float64Array;
  readonly #asked: Uint8Array;

  constructor(name: string, help: string, labels: L, combine: 'sum' | 'min' | 'max' | 'first' = 'sum') {
    this.name = name;
    this.help = help;
    this.combine = combine;
    this.#set = new LabelSet(labels);
    this.#values = new Float64Array(this.#set.size);
    this.#asked = new Uint8Array(this.#set.size);
  }

  get labelNames(): readonly string[] {
    return this.#set.names;
  }

  series(labels: Labels<L>): number {
    const series = this.#set.series(labels);
    this.#asked[series] = 1;
    return series;
  }

  set(series: number, value: number): void {
    this.#values[series] = value;
  }

  add(series: number, amount: number): void {
    this.#values[series]! += amount;
  }

  value(series: number): number {
    return this.#values[series] ?? 0;
  }

  samples(): readonly Sample[] {
    return shown(this.#asked).map((series) => ({ labels: this.#set.labels(series), value: this.#values[series] ?? 0 }));
  }
}

function shown(asked: Uint8Array): number[] {
  return Array.from(asked.keys()).filter((series) => asked[series] === 1);
}

/** Upper bounds in seconds: 100 us to 10 s. */
export const latencyBuckets: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Counts of values by size. Each observation adds one to one cell; cumulative counts are made on the scrape. */
export class Histogram<L extends LabelValues> implements Metric {
  readonly kind = 'histogram';
  readonly combine = 'sum';
  readonly name: string;
  readonly help: string;
  readonly #set: LabelSet<L>;
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  readonly #sums: Float64Array;
  readonly #asked: Uint8Array;

  /** `bounds` ascending, in the unit that `observe` is given. */
  constructor(name: string, help: string, labels: L, bounds: readonly number[] = latencyBuckets) {
    this.name = name;
    this.help = help;
    this.#set = new LabelSet(labels);
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(this.#set.size * (bounds.length + 1));
    this.#sums = new Float64Array(this.#set.size);
    this.#asked = new Uint8Array(this.#set.size);
  }

  get labelNames(): readonly string[] {
    return this.#set.names;
  }

  series(labels: Labels<L>): number {
    const series = this.#set.series(labels);
    this.#asked[series] = 1;
    return series;
  }

  /** A value in the bounds' unit (seconds for latencies). */
  observe(series: number, value: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.#counts[series * (bounds.length + 1) + bucket]! += 1;
    this.#sums[series]! += value;
  }

  /** A duration in milliseconds, as performance.now() differences are. */
  observeMs(series: number, durationMs: number): void {
    this.observe(series, durationMs / 1000);
  }

  samples(): readonly Sample[] {
    const samples: Sample[] = [];
    const width = this.#bounds.length + 1;
    for (const series of shown(this.#asked)) {
      const labels = this.#set.labels(series);
      let total = 0;
      for (let bucket = 0; bucket < width; bucket++) {
        total += this.#counts[series * width + bucket] ?? 0;
        const le = bucket < this.#bounds.length ? String(this.#bounds[bucket]) : '+Inf';
        samples.push({ labels: { ...labels, le }, value: total, suffix: '_bucket' });
      }
      samples.push({ labels, value: this.#sums[series] ?? 0, suffix: '_sum' });
      samples.push({ labels, value: total, suffix: '_count' });
    }
    return samples;
  }
}

/** Values that live elsewhere (pools, sources, versions) and are asked for on the scrape only. Without a reader it has no samples. */
export class Observed implements Metric {
  readonly kind: 'counter' | 'gauge';
  readonly combine: 'sum' | 'min' | 'max' | 'first';
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  #read: () => Iterable<Sample> = () => [];

  constructor(
    kind: 'counter' | 'gauge',
    name: string,
    help: string,
    labelNames: readonly string[],
    combine: 'sum' | 'min' | 'max' | 'first' = 'sum',
  ) {
    this.kind = kind;
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.combine = combine;
  }

  /** Label sets must be bounded: source and pool names, never texts of clients. */
  readFrom(read: () => Iterable<Sample>): void {
    this.#read = read;
  }

  samples(): readonly Sample[] {
    return [...this.#read()];
  }
}
