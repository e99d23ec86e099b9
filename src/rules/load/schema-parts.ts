/** Scalars of the configuration's schemas: text, names, whole numbers, durations and sizes with units, addresses. */
import { z } from 'zod';

/** Text; numbers and true/false are taken as text. */
export const text = z.union([z.string(), z.number(), z.boolean()], { error: 'text is expected' }).transform(String);

export const name = z.union([z.string().min(1), z.number()], { error: 'a name is expected' }).transform(String);

export function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max} is expected`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** Answers milliseconds. */
export const duration = z
  .union([z.string().regex(/^\d+(?:\.\d+)?\s*(?:ms|s|m|min|h|d)$/), z.literal(0)], {
    error: 'a duration with its unit is expected: 500ms, 30s, 5m, 1h',
  })
  .transform((value) => {
    const match = /^([\d.]+)\s*([a-z]+)$/.exec(String(value));
    return match === null ? 0 : Math.round(Number(match[1]) * durationUnits[match[2]!]!);
  });

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};
/** Answers bytes. */
export const size = z
  .string({ error: 'a size with its unit is expected: 64MiB, 1GB' })
  .regex(/^\d+(?:\.\d+)?\s*(?:B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)$/, {
    error: 'a size with its unit is expected: 64MiB, 1GB',
  })
  .transform((value) => {
    const match = /^([\d.]+)\s*([A-Za-z]+)$/.exec(value)!;
    return Math.round(Number(match[1]) * sizeUnits[match[2]!]!);
  });

/** One item or a list of them. */
export function oneOrMore<S extends z.ZodType>(item: S) {
  return z
    .union([item, z.array(item).min(1)], { error: 'an item or a list is expected' })
    .transform((value) => (Array.isArray(value) ? (value as z.output<S>[]) : [value as z.output<S>]));
}

/** Properties of an algorithm: free names, scalar values (maps only where an algorithm says so). */
export const props = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.union([z.string(), z.number()]))], {
    error: 'text or a number is expected',
  }),
);
