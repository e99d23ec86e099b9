/** The label values of one metric, numbered, so that recording needs an index only. */

/** Label name -> its possible values. */
export type LabelValues = Readonly<Record<string, readonly string[]>>;

/** One value for each label. */
export type Labels<L extends LabelValues> = { readonly [K in keyof L]: L[K][number] };

/** The product of all label values; series i is a mixed-radix number of their positions. */
export class LabelSet<L extends LabelValues> {
  readonly names: readonly (keyof L & string)[];
  readonly size: number;
  readonly #values: readonly (readonly string[])[];
  readonly #positions: readonly ReadonlyMap<string, number>[];

  constructor(values: L) {
    this.names = Object.keys(values);
    this.#values = this.names.map((name) => values[name] ?? []);
    this.#positions = this.#values.map((list) => new Map(list.map((value, index) => [value, index])));
    this.size = this.#values.reduce((product, list) => product * list.length, 1);
  }

  /** The number to record under; ask once and keep it. Throws for a value that was not declared. */
  series(labels: Labels<L>): number {
    let series = 0;
    for (const [place, name] of this.names.entries()) {
      const position = this.#positions[place]?.get(labels[name] as string);
      if (position === undefined) throw new Error(`label ${name} has no value '${String(labels[name])}'`);
      series = series * (this.#values[place]?.length ?? 0) + position;
    }
    return series;
  }

  /** The label values of one series. */
  labels(series: number): Record<string, string> {
    const labels: Record<string, string> = {};
    for (let place = this.names.length - 1; place >= 0; place--) {
      const values = this.#values[place] ?? [];
      const name = this.names[place] ?? '';
      labels[name] = values[series % values.length] ?? '';
      series = Math.floor(series / values.length);
    }
    return labels;
  }
}
