/** Sums whole and decimal numbers exactly: small digits in doubles, the rest in BigInt. */

const SAFE = 2 ** 52;

/** A running exact sum of decimal spellings. Its value is `total() / 10 ** scale`. */
export class ExactSum {
  /** Digits after the point of `total()`; grows when a value has more. */
  scale: number;
  #small = 0;
  #big = 0n;
  readonly #scaleFirst: number;

  constructor(scale: number) {
    this.scale = scale;
    this.#scaleFirst = scale;
  }

  reset(): void {
    this.#small = 0;
    this.#big = 0n;
    this.scale = this.#scaleFirst;
  }

  /** Adds `[start, end)`: `-12.50`, digits of any length. */
  add(buffer: Buffer, start: number, end: number): void {
    let at = start;
    const negative = buffer[at] === 45;
    if (negative) at += 1;
    let point = -1;
    for (let i = at; i < end; i += 1) {
      if (buffer[i] === 46) {
        point = i;
        break;
      }
    }
    const fraction = point < 0 ? 0 : end - point - 1;
    if (fraction > this.scale) this.#rescale(fraction);
    if (end - at + this.scale - fraction > 15) {
      this.#addLong(buffer.toString('latin1', start, end), fraction);
      return;
    }
    let digits = 0;
    for (; at < end; at += 1) if (at !== point) digits = digits * 10 + (buffer[at]! - 48);
    for (let i = fraction; i < this.scale; i += 1) digits *= 10;
    this.#small += negative ? -digits : digits;
    if (this.#small > SAFE || this.#small < -SAFE) this.#flush();
  }

  addInteger(value: number | bigint): void {
    this.#big += BigInt(value) * 10n ** BigInt(this.scale);
  }

  total(): bigint {
    this.#flush();
    return this.#big;
  }

  #addLong(text: string, fraction: number): void {
    this.#big += BigInt(text.replace('.', '')) * 10n ** BigInt(this.scale - fraction);
  }

  #rescale(scale: number): void {
    this.#flush();
    this.#big *= 10n ** BigInt(scale - this.scale);
    this.scale = scale;
  }

  #flush(): void {
    if (this.#small === 0) return;
    this.#big += BigInt(this.#small);
    this.#small = 0;
  }
}

/** `total / 10 ** scale` with `digits` digits after the point, rounded half away from zero. */
export function decimalText(total: bigint, scale: number, digits: number): string {
  const value =
    scale > digits ? roundHalfAway(total, 10n ** BigInt(scale - digits)) : total * 10n ** BigInt(digits - scale);
  const negative = value < 0n;
  const text = (negative ? -value : value).toString().padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  return `${negative ? '-' : ''}${whole}${digits > 0 ? `.${text.slice(text.length - digits)}` : ''}`;
}

/**
 * AVG as the servers compute it: the quotient is cut (not rounded) at whole groups of nine digits, then rounded to `digits`.
 * `scale` belongs to the sum; `digits` is the result's scale, so that the increment is their difference.
 */
export function quotientText(sum: bigint, scale: number, count: bigint, digits: number): string {
  const scaleWords = Math.ceil(scale / 9) * 9;
  const increment = Math.max(0, digits - scale - (scaleWords - scale));
  const cut = Math.ceil((scaleWords + increment) / 9) * 9;
  return decimalText((sum * 10n ** BigInt(cut - scale)) / count, cut, digits);
}

function roundHalfAway(value: bigint, divisor: bigint): bigint {
  const half = divisor / 2n;
  return value < 0n ? -((-value + half) / divisor) : (value + half) / divisor;
}
