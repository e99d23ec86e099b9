/** How much load `npm run load` makes, in a full and a tiny form. */
import { parseArgs } from 'node:util';

export interface LoadOptions {
  /** Bytes of the result that is read slowly; the tiny form stops reading long before its end. */
  readonly slowBytes: number;
  /** Of the slow reader. */
  readonly bytesPerSecond: number;
  readonly slowSeconds: number;
  readonly idleConnections: number;
  readonly connectsPerSecond: number;
  readonly connectSeconds: number;
  /** Markdown to write; undefined: standard output only. */
  readonly out: string | undefined;
}

const full = {
  slowBytes: 500e6,
  bytesPerSecond: 1e6,
  slowSeconds: 60,
  idleConnections: 5000,
  connectsPerSecond: 1000,
  connectSeconds: 10,
};

export const tinyLoad: LoadOptions = {
  slowBytes: 100e6,
  bytesPerSecond: 1e6,
  slowSeconds: 3,
  idleConnections: 100,
  connectsPerSecond: 40,
  connectSeconds: 1,
  out: undefined,
};

export const loadUsage = `npm run load -- [--tiny] [--out FILE]

  --tiny       some seconds: does it still run?
  --out FILE   default bench/LOAD.md; '-' writes none`;

/** Undefined: help was asked for. */
export function loadOptions(args: readonly string[]): LoadOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: { tiny: { type: 'boolean' }, out: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) return undefined;
  const out = values.out === '-' ? undefined : (values.out ?? (values.tiny === true ? undefined : 'bench/LOAD.md'));
  return values.tiny === true ? { ...tinyLoad, out } : { ...full, out };
}
