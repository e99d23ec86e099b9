/** Prints doubles as the servers do in the text protocol. */

/** `decimals` of a column whose doubles are printed as short as they can be. */
const DECIMALS_DYNAMIC = 31;

/**
 * `0.1`, `100000`, `1e15`, `1.5e-16`: the shortest digits that read back as the same double; with fixed `decimals`
 * (DOUBLE(10,2)) that many digits, ties to even.
 */
export function doubleText(value: number, decimals: number): string {
  return decimals >= DECIMALS_DYNAMIC ? shortestText(value) : fixedText(value, decimals);
}

function shortestText(value: number): string {
  if (value === 0) return '0';
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  const negative = value < 0;
  const digits = mantissa.replace('-', '').replace('.', '');
  // From 1e15 on only what has digits after the point is written out (1948563218126345.8).
  if (exponent < -15 || (exponent > 14 && digits.length <= exponent + 1)) return `${mantissa}e${exponent}`;
  let text: string;
  if (exponent < 0) text = `0.${'0'.repeat(-exponent - 1)}${digits}`;
  else if (digits.length <= exponent + 1) text = digits.padEnd(exponent + 1, '0');
  else text = `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
  return negative ? `-${text}` : text;
}

const bits = new DataView(new ArrayBuffer(8));

/** Exact: a double is mantissa * 2^exponent, which BigInt holds. */
function fixedText(value: number, decimals: number): string {
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  const negative = high >>> 31 === 1;
  const biased = (high >>> 20) & 0x7ff;
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(bits.getUint32(4));
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n);
  const exponent = (biased === 0 ? 1 : biased) - 1075;
  let scaled = mantissa * 10n ** BigInt(decimals);
  if (exponent >= 0) scaled <<= BigInt(exponent);
  else {
    const shift = BigInt(-exponent);
    const half = 1n << (shift - 1n);
    const rest = scaled & ((1n << shift) - 1n);
    scaled >>= shift;
    if (rest > half || (rest === half && (scaled & 1n) === 1n)) scaled += 1n;
  }
  const text = scaled.toString().padStart(decimals + 1, '0');
  const point = text.length - decimals;
  return `${negative ? '-' : ''}${text.slice(0, point)}${decimals > 0 ? `.${text.slice(point)}` : ''}`;
}
