/** Reading of an algorithm's properties: every problem is collected, with the property it belongs to. */
import { nearestName } from '../nearest-name.ts';

export interface PropertyProblem {
  /** The property; undefined: the algorithm as a whole. */
  readonly property: string | undefined;
  readonly message: string;
  readonly suggestion?: string;
  /** Offset in the property's text, for expressions. */
  readonly at?: number;
}

/** Hands out properties by type; what was never asked for is unknown. `problems` grows as it reads. */
export class PropertyReader {
  readonly props: Readonly<Record<string, string>>;
  readonly problems: PropertyProblem[] = [];
  readonly #known: readonly string[];

  constructor(props: Readonly<Record<string, string>>, known: readonly string[]) {
    this.props = props;
    this.#known = known;
    for (const name of Object.keys(props)) {
      if (known.includes(name)) continue;
      const near = nearestName(name, known);
      this.report(
        name,
        `property '${name}' is not known`,
        near === undefined ? `known: ${known.join(', ')}` : `did you mean '${near}'?`,
      );
    }
  }

  report(property: string | undefined, message: string, suggestion?: string, at?: number): void {
    this.problems.push({
      property,
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
      ...(at === undefined ? {} : { at }),
    });
  }

  /** A required text; '' after a problem. */
  text(name: string, fallback?: string): string {
    const value = this.props[name] ?? fallback;
    if (value === undefined || value.trim() === '') {
      if (this.#known.includes(name))
        this.report(
          this.props[name] === undefined ? undefined : name,
          `property '${name}' is missing`,
          `add ${name} to props`,
        );
      return '';
    }
    return value.trim();
  }

  /** A whole number of 64 bits in [min, max]; `min` after a problem. */
  long(name: string, min: bigint, max: bigint, fallback?: bigint): bigint {
    const text = this.text(name, fallback?.toString());
    if (text === '') return min;
    if (!/^-?\d{1,19}$/.test(text) || BigInt(text) < min || BigInt(text) > max) {
      this.report(name, `property '${name}' is a whole number from ${min} to ${max}, not '${text}'`);
      return min;
    }
    return BigInt(text);
  }

  integer(name: string, min: number, max: number, fallback?: number): number {
    return Number(this.long(name, BigInt(min), BigInt(max), fallback === undefined ? undefined : BigInt(fallback)));
  }

  boolean(name: string, fallback: boolean): boolean {
    const text = this.text(name, String(fallback)).toLowerCase();
    if (text !== 'true' && text !== 'false') this.report(name, `property '${name}' is true or false, not '${text}'`);
    return text === 'true';
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback?: T): T {
    const text = this.text(name, fallback);
    const found = values.find((value) => value.toUpperCase() === text.toUpperCase());
    if (found !== undefined) return found;
    const near = nearestName(text, values);
    if (text !== '')
      this.report(
        name,
        `property '${name}' is one of ${values.join(', ')}, not '${text}'`,
        near === undefined ? undefined : `did you mean ${near}?`,
      );
    return values[0]!;
  }
}

export const LONG_MIN = -(2n ** 63n);
export const LONG_MAX = 2n ** 63n - 1n;
export const COUNT_MAX = 65_536;
