/** Dates and times without time zone as seconds and fields: what DATE and DATETIME mean, exactly. */

export interface CivilTime {
  readonly year: number;
  /** 1-12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0-999,999,999. */
  readonly nano: number;
}

/** Seconds since 1970-01-01 00:00:00 of the same (unnamed) zone. */
export function secondsOf(time: CivilTime): number {
  return daysOf(time.year, time.month, time.day) * 86_400 + time.hour * 3600 + time.minute * 60 + time.second;
}

export function compareTimes(a: CivilTime, b: CivilTime): number {
  return secondsOf(a) - secondsOf(b) || a.nano - b.nano;
}

export function timeOfSeconds(seconds: number, nano: number): CivilTime {
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const date = new Date(days * 86_400_000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
    nano,
  };
}

/** Days since 1970-01-01 in the Gregorian calendar, years 0-9999. */
function daysOf(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return Math.round(date.getTime() / 86_400_000);
}

export function isValidDate(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}

export function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}

/** MySQL's spellings `YYYY-MM-DD` and `YYYY-MM-DD hh:mm:ss[.ffffff]`; zero dates and anything else: undefined. */
export function parseCivilTime(text: string): CivilTime | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?)?$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (!isValidDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return undefined;
  return { year, month, day, hour, minute, second, nano: Number((match[7] ?? '').padEnd(9, '0')) };
}

export type TimeUnit =
  | 'NANOS'
  | 'MICROS'
  | 'MILLIS'
  | 'SECONDS'
  | 'MINUTES'
  | 'HOURS'
  | 'DAYS'
  | 'WEEKS'
  | 'MONTHS'
  | 'YEARS'
  | 'DECADES';

const unitSeconds: Partial<Record<TimeUnit, number>> = {
  SECONDS: 1,
  MINUTES: 60,
  HOURS: 3600,
  DAYS: 86_400,
  WEEKS: 604_800,
};
const unitMonths: Partial<Record<TimeUnit, number>> = { MONTHS: 1, YEARS: 12, DECADES: 120 };

/** As Java's `plus`: a day that the month does not have becomes its last. Undefined for units below a second. */
export function plusTime(time: CivilTime, amount: number, unit: TimeUnit): CivilTime | undefined {
  const seconds = unitSeconds[unit];
  if (seconds !== undefined) return timeOfSeconds(secondsOf(time) + amount * seconds, time.nano);
  const months = unitMonths[unit];
  if (months === undefined) return undefined;
  const total = time.year * 12 + (time.month - 1) + amount * months;
  const year = Math.floor(total / 12);
  const month = total - year * 12 + 1;
  return { ...time, year, month, day: Math.min(time.day, daysInMonth(year, month)) };
}
