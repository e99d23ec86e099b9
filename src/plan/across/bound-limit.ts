/** OFFSET and LIMIT of a scattered SELECT: values at bind time, and the limit that each shard gets instead. */
import { MeshError } from '../../base/index.ts';
import type { Expression, Limit, Literal } from '../../sql/index.ts';
import type { BindInput } from '../types.ts';
import type { AcrossBuilder } from './types.ts';

const ROWS_MAX = 18_446_744_073_709_551_615n;

export interface BoundLimit {
  readonly offset: bigint;
  readonly limit: bigint | undefined;
  /** offset + limit as text: what a shard may stop at. */
  readonly shard: Uint8Array;
}

/** Reads the values. Throws the refusal of a value that is no row count. */
export function bindLimit(limit: Limit | undefined, builder: AcrossBuilder, input: BindInput): BoundLimit {
  const count = rowCount(limit?.count, builder, input);
  const offset = rowCount(limit?.offset, builder, input) ?? 0n;
  const sum = count === undefined ? ROWS_MAX : offset + count;
  return { offset, limit: count, shard: Buffer.from(String(sum > ROWS_MAX ? ROWS_MAX : sum)) };
}

function rowCount(expression: Expression | undefined, builder: AcrossBuilder, input: BindInput): bigint | undefined {
  if (expression === undefined) return undefined;
  const value = builder.limitValue(expression as Literal, input);
  if (value === undefined)
    throw new MeshError('SM_UNSUPPORTED', { what: 'this LIMIT', reason: 'its value is not a row count' });
  return value;
}
