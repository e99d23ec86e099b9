/**
 * When a value compared with (or stored into) a sharding column says exactly which stored values are meant (sql.md section 0,
 * point 1). Whatever is not provably exact answers `all` for comparisons and a refusal for INSERT.
 */
import { Buffer } from 'node:buffer';
import type { Collation, Column } from '../catalog/index.ts';
import type { KeyValue } from '../rules/index.ts';
import { type DecimalParts, decimalParts, type Scalar } from './scalar.ts';

/** How a column's values reach its algorithms. */
export interface KeyColumn {
  readonly column: Column;
  readonly collation: Collation | undefined;
  /** `collation`: the algorithm hashes weight strings. */
  readonly keyForm: 'value' | 'collation';
}

/** `col = value`: exactly the rows with this key; no row at all; or any row (`all`). */
export type Compared =
  | { readonly kind: 'value'; readonly value: KeyValue }
  | { readonly kind: 'none' }
  | { readonly kind: 'all' };
/** `col < value` and the like, as a bound on keys. */
export type Bounded =
  | { readonly kind: 'bound'; readonly value: KeyValue; readonly inclusive: boolean }
  | { readonly kind: 'none' }
  | { readonly kind: 'all' };
/** What INSERT stores. */
export type Stored =
  | { readonly kind: 'value'; readonly value: KeyValue }
  | { readonly kind: 'null' }
  | { readonly kind: 'uncertain'; readonly reason: string };

const none = { kind: 'none' } as const;
const all = { kind: 'all' } as const;
const integerBits: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
  integer: 32n,
  bigint: 64n,
};
const textTypes = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext']);
const binaryTypes = new Set(['varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob']);

/** Smallest and largest value of an integer column; undefined for other types. */
export function integerRange(column: Column): { readonly low: bigint; readonly high: bigint } | undefined {
  const bits = integerBits[column.dataType];
  if (bits === undefined) return undefined;
  return column.unsigned
    ? { low: 0n, high: (1n << bits) - 1n }
    : { low: -(1n << (bits - 1n)), high: (1n << (bits - 1n)) - 1n };
}

/** Doubles up to here stand for one integer each. */
const EXACT_MAX = 9007199254740991;

/** An integer value, whichever type it came in; `fraction` for numbers between two integers; undefined: not certain. */
function asInteger(scalar: Scalar): { readonly whole: bigint; readonly fraction: boolean } | undefined {
  switch (scalar.kind) {
    case 'integer':
      return { whole: scalar.value, fraction: false };
    case 'decimal': {
      const parts = decimalParts(scalar.text);
      return parts === undefined ? undefined : floorOf(parts);
    }
    case 'double':
      if (!Number.isFinite(scalar.value) || Math.abs(scalar.value) > EXACT_MAX) return undefined;
      return { whole: BigInt(Math.floor(scalar.value)), fraction: !Number.isInteger(scalar.value) };
    case 'string': {
      // Canonical digits that a double holds exactly: the same number however the server compares.
      if (scalar.text === undefined || !/^(0|-?[1-9]\d{0,14})$/.test(scalar.text)) return undefined;
      return { whole: BigInt(scalar.text), fraction: false };
    }
    case 'binary': {
      if (scalar.literal || scalar.bytes.length > 15) return undefined;
      return asInteger({ kind: 'string', text: Buffer.from(scalar.bytes).toString('latin1') });
    }
    default:
      return undefined;
  }
}

function floorOf(parts: DecimalParts): { readonly whole: bigint; readonly fraction: boolean } {
  const fraction = parts.fraction !== '';
  if (!parts.negative) return { whole: parts.whole, fraction };
  return { whole: fraction ? -parts.whole - 1n : -parts.whole, fraction };
}

/** What `column = scalar` demands. */
export function comparedKey(key: KeyColumn, scalar: Scalar): Compared {
  if (scalar.kind === 'null') return none;
  const { column } = key;
  const range = integerRange(column);
  if (range !== undefined) {
    const number = asInteger(scalar);
    if (number === undefined) return all;
    if (number.fraction || number.whole < range.low || number.whole > range.high) return none;
    return { kind: 'value', value: { kind: 'integer', value: number.whole } };
  }
  if (column.dataType === 'year') {
    if (scalar.kind !== 'integer' || scalar.value < 1901n || scalar.value > 2155n) return all;
    return { kind: 'value', value: scalar };
  }
  if (column.dataType === 'decimal' || column.dataType === 'numeric') {
    const parts =
      scalar.kind === 'integer'
        ? decimalParts(scalar.value.toString())
        : scalar.kind === 'decimal'
          ? decimalParts(scalar.text)
          : undefined;
    if (parts === undefined) return all;
    const scale = column.scale ?? 0;
    if (parts.fraction.length > scale) return none;
    return { kind: 'value', value: { kind: 'decimal', text: decimalText(parts, scale) } };
  }
  if (textTypes.has(column.dataType)) return comparedText(key, scalar);
  if (column.dataType === 'varbinary' || column.dataType === 'binary') {
    // Bytes compare as bytes; the client's text is sent in the connection's charset and compared unconverted.
    const bytes =
      scalar.kind === 'binary' && !scalar.literal
        ? scalar.bytes
        : scalar.kind === 'string' && scalar.text !== undefined && isAscii(scalar.text)
          ? Buffer.from(scalar.text, 'latin1')
          : undefined;
    if (bytes === undefined || (column.dataType === 'binary' && bytes.length !== column.lengthMax)) return all;
    return { kind: 'value', value: { kind: 'bytes', bytes } };
  }
  if (column.dataType === 'date' || column.dataType === 'datetime') return comparedTime(column, scalar);
  return all;
}

function comparedText(key: KeyColumn, scalar: Scalar): Compared {
  if (scalar.kind !== 'string' || scalar.text === undefined) return all;
  const { column, collation } = key;
  if (collation === undefined) return all;
  if (!isAscii(scalar.text) && !collation.charset.startsWith('utf8')) return all;
  if (key.keyForm === 'collation') {
    const weight = asciiWeight(scalar.text, collation);
    return weight === undefined ? all : { kind: 'value', value: { kind: 'bytes', bytes: weight } };
  }
  if (!collation.binary) return all;
  if (!collation.padSpace) return { kind: 'value', value: { kind: 'string', text: scalar.text } };
  // CHAR never hands out trailing spaces, so that padding can only be on the literal's side.
  if (column.dataType === 'char')
    return { kind: 'value', value: { kind: 'string', text: scalar.text.replace(/ +$/, '') } };
  return all;
}

/**
 * A stand-in for the weight string of plain letters, digits and common marks: equal for texts that the collation finds equal.
 * Only for collations known to map these characters one to one (apart from case) and ASCII to itself; undefined otherwise.
 */
function asciiWeight(text: string, collation: Collation): Uint8Array | undefined {
  if (!/^[A-Za-z0-9 _.@:/+-]*$/.test(text)) return undefined;
  const padded = collation.padSpace ? text.replace(/ +$/, '') : text;
  if (collation.binary) return Buffer.from(padded, 'latin1');
  if (
    !/_(general_ci|unicode_ci|unicode_520_ci|0900_ai_ci|swedish_ci|general_nopad_ci|uca1400_ai_ci)$/.test(
      collation.name,
    )
  )
    return undefined;
  // The Unicode algorithms ignore some marks; letters and digits never.
  if (!/_general_/.test(collation.name) && !/swedish/.test(collation.name) && !/^[A-Za-z0-9]*$/.test(padded))
    return undefined;
  return Buffer.from(padded.toUpperCase(), 'latin1');
}

function comparedTime(column: Column, scalar: Scalar): Compared {
  const text =
    scalar.kind === 'string'
      ? scalar.text
      : scalar.kind === 'temporal' && scalar.type !== 'TIME'
        ? scalar.text
        : undefined;
  const time = text === undefined ? undefined : canonicalTime(text);
  if (time === undefined) return all;
  if (column.dataType === 'date') {
    if (!/^00:00:00(\.0*)?$/.test(time.time)) return all;
    return { kind: 'value', value: { kind: 'temporal', type: 'DATE', text: time.date } };
  }
  const digits = column.fractionDigits ?? 0;
  const [clock, fraction = ''] = time.time.split('.') as [string, string?];
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > digits) return all;
  return {
    kind: 'value',
    value: {
      kind: 'temporal',
      type: 'DATETIME',
      text: `${time.date} ${clock}${digits > 0 ? `.${kept.padEnd(digits, '0')}` : ''}`,
    },
  };
}

/** `YYYY-MM-DD` or `YYYY-MM-DD hh:mm:ss[.ffffff]` that is a real date; other spellings: undefined. */
function canonicalTime(text: string): { readonly date: string; readonly time: string } | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?: (\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?))?$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (year < 1000 || month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate())
    return undefined;
  const time = match[4] ?? '00:00:00';
  if (!/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d/.test(time)) return undefined;
  return { date: text.slice(0, 10), time };
}

/** What `column < scalar` (`below`) or `column > scalar` demands, `inclusive` for <= and >=. */
export function boundedKey(key: KeyColumn, scalar: Scalar, below: boolean, inclusive: boolean): Bounded {
  if (scalar.kind === 'null') return none;
  const { column } = key;
  const range = integerRange(column);
  if (range !== undefined) {
    const number = asInteger(scalar);
    if (number === undefined) return all;
    let { whole } = number;
    if (number.fraction) {
      // 5.5: below it means <= 5, above it means >= 6.
      if (!below) whole += 1n;
      inclusive = true;
    }
    if (below && (whole < range.low || (whole === range.low && !inclusive))) return none;
    if (!below && (whole > range.high || (whole === range.high && !inclusive))) return none;
    if (whole < range.low || whole > range.high) return all;
    return { kind: 'bound', value: { kind: 'integer', value: whole }, inclusive };
  }
  if (column.dataType === 'decimal' || column.dataType === 'date' || column.dataType === 'datetime') {
    const compared = comparedKey(key, scalar);
    return compared.kind === 'value' ? { kind: 'bound', value: compared.value, inclusive } : all;
  }
  return all;
}

/** What INSERT stores into the column, if that is certain under any sql_mode (a value that strict mode rejects is rejected by the server itself). */
export function storedKey(key: KeyColumn, scalar: Scalar): Stored {
  if (scalar.kind === 'null') return { kind: 'null' };
  const { column } = key;
  const range = integerRange(column);
  if (range !== undefined) {
    const number = roundedInteger(scalar);
    if (number === undefined) return uncertain(column);
    // Out of range is an error in strict mode, and the nearest bound otherwise.
    let stored = number;
    if (stored < range.low) stored = range.low;
    if (stored > range.high) stored = range.high;
    return { kind: 'value', value: { kind: 'integer', value: stored } };
  }
  if (column.dataType === 'decimal' || column.dataType === 'numeric') {
    const parts =
      scalar.kind === 'integer'
        ? decimalParts(scalar.value.toString())
        : scalar.kind === 'decimal'
          ? decimalParts(scalar.text)
          : undefined;
    const scale = column.scale ?? 0;
    if (
      parts === undefined ||
      parts.fraction.length > scale ||
      parts.whole >= 10n ** BigInt((column.precision ?? 10) - scale)
    )
      return uncertain(column);
    return { kind: 'value', value: { kind: 'decimal', text: decimalText(parts, scale) } };
  }
  if (textTypes.has(column.dataType)) return storedText(key, scalar);
  if (binaryTypes.has(column.dataType)) {
    const bytes =
      scalar.kind === 'binary'
        ? scalar.bytes
        : scalar.kind === 'string' && scalar.text !== undefined && isAscii(scalar.text)
          ? Buffer.from(scalar.text, 'latin1')
          : undefined;
    if (bytes === undefined || (column.lengthMax !== undefined && bytes.length > column.lengthMax))
      return uncertain(column);
    return { kind: 'value', value: { kind: 'bytes', bytes } };
  }
  if (column.dataType === 'binary') {
    const compared = comparedKey(key, scalar);
    return compared.kind === 'value' ? compared : uncertain(column);
  }
  if (column.dataType === 'date' || column.dataType === 'datetime') {
    const compared = comparedTime(column, scalar);
    return compared.kind === 'value' ? compared : uncertain(column);
  }
  if (column.dataType === 'timestamp') {
    // Reads never route by a TIMESTAMP (its text depends on time_zone), so any placement is right.
    const compared = comparedTime({ ...column, dataType: 'datetime' }, scalar);
    return compared.kind === 'value' ? compared : uncertain(column);
  }
  if (column.dataType === 'year' && scalar.kind === 'integer' && scalar.value >= 1901n && scalar.value <= 2155n)
    return { kind: 'value', value: scalar };
  return uncertain(column);
}

function uncertain(column: Column): Stored {
  return {
    kind: 'uncertain',
    reason: `what ${column.columnType} stores for this value is not certain; write it in the column's own type`,
  };
}

function roundedInteger(scalar: Scalar): bigint | undefined {
  if (scalar.kind === 'decimal') {
    const parts = decimalParts(scalar.text);
    if (parts === undefined) return undefined;
    const up = parts.fraction !== '' && parts.fraction[0]! >= '5';
    const whole = parts.whole + (up ? 1n : 0n);
    return parts.negative ? -whole : whole;
  }
  const number = asInteger(scalar);
  return number === undefined || number.fraction ? undefined : number.whole;
}

function storedText(key: KeyColumn, scalar: Scalar): Stored {
  const { column, collation } = key;
  let text: string | undefined;
  if (scalar.kind === 'string') text = scalar.text;
  else if (scalar.kind === 'integer') text = scalar.value.toString();
  else if (scalar.kind === 'binary' && scalar.bytes.every((byte) => byte < 0x80))
    text = Buffer.from(scalar.bytes).toString('latin1');
  if (text === undefined || collation === undefined) return uncertain(column);
  const most = collation.charset === 'utf8mb4' ? 0x10ffff : collation.charset.startsWith('utf8') ? 0xffff : 0x7f;
  const characters = [...text];
  if (characters.some((character) => character.codePointAt(0)! > most)) return uncertain(column);
  if (column.lengthMax !== undefined && column.dataType.endsWith('char') && characters.length > column.lengthMax) {
    text = characters.slice(0, column.lengthMax).join('');
  }
  if (column.dataType === 'char') text = text.replace(/ +$/, '');
  if (key.keyForm === 'collation') {
    const weight = asciiWeight(text, collation);
    if (weight === undefined)
      return {
        kind: 'uncertain',
        reason: `the weight string of this value under ${collation.name} is not known here; use letters and digits in the key`,
      };
    return { kind: 'value', value: { kind: 'bytes', bytes: weight } };
  }
  return { kind: 'value', value: { kind: 'string', text } };
}

function decimalText(parts: DecimalParts, scale: number): string {
  return `${parts.negative ? '-' : ''}${parts.whole}${scale > 0 ? `.${parts.fraction.padEnd(scale, '0')}` : ''}`;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) >= 0x80) return false;
  return true;
}

/** Whether equality of two columns (`a.k = b.k`) means equal keys: same type, and for strings the same exact collation. */
export function equalColumns(a: KeyColumn, b: KeyColumn): boolean {
  const [x, y] = [a.column, b.column];
  if (integerRange(x) !== undefined && integerRange(y) !== undefined) return true;
  if (x.dataType !== y.dataType) return false;
  if (textTypes.has(x.dataType)) {
    if (a.collation === undefined || a.collation.name !== b.collation?.name) return false;
    return a.keyForm === 'collation' || (a.collation.binary && (!a.collation.padSpace || x.dataType === 'char'));
  }
  if (x.dataType === 'decimal') return x.scale === y.scale;
  if (x.dataType === 'datetime') return (x.fractionDigits ?? 0) === (y.fractionDigits ?? 0);
  return (
    x.dataType === 'date' ||
    x.dataType === 'varbinary' ||
    x.dataType === 'year' ||
    (x.dataType === 'binary' && x.lengthMax === y.lengthMax)
  );
}
