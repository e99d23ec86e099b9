/** Decodes EXECUTE parameters for planning, without loss. */
import type { ParameterValue } from '../plan/index.ts';
import { decodeBinaryValue, type ExecuteParameter, FieldType } from '../wire/index.ts';

export function parameterValue(parameter: ExecuteParameter, source: Buffer): ParameterValue {
  const { type, unsigned, start, end } = parameter;
  if (parameter.kind !== 'value') return { kind: 'null' };
  switch (type) {
    case FieldType.TINY:
    case FieldType.SHORT:
    case FieldType.YEAR:
    case FieldType.LONG:
    case FieldType.INT24:
    case FieldType.LONGLONG:
      return {
        kind: 'integer',
        value: BigInt(decodeBinaryValue(type, unsigned, source, start, end) as number | bigint),
      };
    case FieldType.FLOAT:
      return { kind: 'float', value: source.readFloatLE(start) };
    case FieldType.DOUBLE:
      return { kind: 'double', value: source.readDoubleLE(start) };
    case FieldType.DECIMAL:
    case FieldType.NEWDECIMAL:
      return { kind: 'decimal', text: source.toString('latin1', start, end) };
    case FieldType.DATE:
      return { kind: 'temporal', type: 'DATE', text: decodeBinaryValue(type, unsigned, source, start, end) as string };
    case FieldType.TIME:
      return { kind: 'temporal', type: 'TIME', text: decodeBinaryValue(type, unsigned, source, start, end) as string };
    case FieldType.DATETIME:
    case FieldType.TIMESTAMP:
      return {
        kind: 'temporal',
        type: 'TIMESTAMP',
        text: decodeBinaryValue(type, unsigned, source, start, end) as string,
      };
    case FieldType.TINY_BLOB:
    case FieldType.MEDIUM_BLOB:
    case FieldType.LONG_BLOB:
    case FieldType.BLOB:
    case FieldType.BIT:
    case FieldType.GEOMETRY:
      return { kind: 'binary', bytes: source.subarray(start, end) };
    default:
      return { kind: 'string', bytes: source.subarray(start, end) };
  }
}
