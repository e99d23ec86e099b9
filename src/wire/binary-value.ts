/** Single values of the binary protocol: numbers, dates and times, strings. */
import { FieldType } from './field-type.ts';
import { MalformedPacket } from './packet-reader.ts';

/**
 * The value in `[start, end)` (without length prefix): integers as number, 64-bit ones as bigint, floats as number, dates and
 * times as text, everything else as a view of its bytes (character set and decimals as text).
 */
export function decodeBinaryValue(
  type: number,
  unsigned: boolean,
  buffer: Buffer,
  start: number,
  end: number,
): number | bigint | string | Buffer {
  switch (type) {
    case FieldType.TINY:
      return unsigned ? buffer.readUInt8(start) : buffer.readInt8(start);
    case FieldType.SHORT:
    case FieldType.YEAR:
      return unsigned || type === FieldType.YEAR ? buffer.readUInt16LE(start) : buffer.readInt16LE(start);
    case FieldType.LONG:
    case FieldType.INT24:
      return unsigned ? buffer.readUInt32LE(start) : buffer.readInt32LE(start);
    case FieldType.LONGLONG:
      return unsigned ? buffer.readBigUInt64LE(start) : buffer.readBigInt64LE(start);
    case FieldType.FLOAT:
      return buffer.readFloatLE(start);
    case FieldType.DOUBLE:
      return buffer.readDoubleLE(start);
    case FieldType.DATE:
    case FieldType.DATETIME:
    case FieldType.TIMESTAMP:
    case FieldType.TIME:
      return temporalToText(type, buffer, start, end);
    default:
      return buffer.subarray(start, end);
  }
}

const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`);

/**
 * The text of a binary date or time. `decimals` digits of fraction (0-6); without it six if there is a fraction, else none.
 */
export function temporalToText(type: number, buffer: Buffer, start: number, end: number, decimals?: number): string {
  const length = end - start;
  const isTime = type === FieldType.TIME;
  const fractionAt = start + (isTime ? 8 : 7);
  const micros = end >= fractionAt + 4 ? buffer.readUInt32LE(fractionAt) : 0;
  const fraction = fractionText(micros, decimals);
  if (isTime) {
    if (length !== 0 && length !== 8 && length !== 12) throw new MalformedPacket('binary TIME');
    if (length === 0) return `00:00:00${fraction}`;
    const hours = buffer.readUInt32LE(start + 1) * 24 + (buffer[start + 5] as number);
    const sign = buffer[start] === 1 ? '-' : '';
    return `${sign}${two(hours)}:${two(buffer[start + 6] as number)}:${two(buffer[start + 7] as number)}${fraction}`;
  }
  if (length !== 0 && length !== 4 && length !== 7 && length !== 11) throw new MalformedPacket('binary date');
  const date =
    length === 0
      ? '0000-00-00'
      : `${String(buffer.readUInt16LE(start)).padStart(4, '0')}-${two(buffer[start + 2] as number)}-${two(buffer[start + 3] as number)}`;
  if (type === FieldType.DATE) return date;
  if (length < 7) return `${date} 00:00:00${fraction}`;
  const [hour, minute, second] = [buffer[start + 4], buffer[start + 5], buffer[start + 6]] as [number, number, number];
  return `${date} ${two(hour)}:${two(minute)}:${two(second)}${fraction}`;
}

function fractionText(micros: number, decimals: number | undefined): string {
  if (decimals === undefined || decimals > 6) return micros === 0 ? '' : `.${String(micros).padStart(6, '0')}`;
  return decimals === 0 ? '' : `.${String(micros).padStart(6, '0').slice(0, decimals)}`;
}

const DATE_TEXT = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/;
const TIME_TEXT = /^(-?)(\d{2,3}):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;

/** The binary form (without length byte) of a date or time as the text protocol writes it. Throws RangeError for other text. */
export function temporalFromText(type: number, text: string): Buffer {
  if (type === FieldType.TIME) {
    const match = TIME_TEXT.exec(text);
    if (match === null) throw new RangeError(`not a TIME: ${text}`);
    const hours = Number(match[2]);
    const micros = Number((match[5] ?? '').padEnd(6, '0'));
    const [minute, second] = [Number(match[3]), Number(match[4])];
    if (hours + minute + second + micros === 0) return Buffer.alloc(0);
    const out = Buffer.alloc(micros === 0 ? 8 : 12);
    out[0] = match[1] === '-' ? 1 : 0;
    out.writeUInt32LE(Math.floor(hours / 24), 1);
    out[5] = hours % 24;
    out[6] = minute;
    out[7] = second;
    if (micros !== 0) out.writeUInt32LE(micros, 8);
    return out;
  }
  const match = DATE_TEXT.exec(text);
  if (match === null) throw new RangeError(`not a date: ${text}`);
  const numbers = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const micros = Number((match[7] ?? '').padEnd(6, '0'));
  const [year, month, day, hour, minute, second] = numbers;
  const length = micros !== 0 ? 11 : hour + minute + second !== 0 ? 7 : year + month + day !== 0 ? 4 : 0;
  const out = Buffer.alloc(length);
  if (length >= 4) {
    out.writeUInt16LE(year, 0);
    out[2] = month;
    out[3] = day;
  }
  if (length >= 7) {
    out[4] = hour;
    out[5] = minute;
    out[6] = second;
  }
  if (length === 11) out.writeUInt32LE(micros, 7);
  return out;
}
