/** Holds a file's values against a zod schema: reports everything that does not fit at its position, and goes on with the rest. */
import { z } from 'zod';
import { nearestName } from '../nearest-name.ts';
import type { Path, PlainValue, YamlFile } from './yaml-file.ts';

const ROUNDS_MAX = 50;

/**
 * The parsed value of `value` (which stands at `base` in the file). What does not fit is reported and left out, so that later checks
 * see the rest; undefined when nothing usable is left. The file has `failed` then.
 */
export function validate<S extends z.ZodType>(
  schema: S,
  value: PlainValue,
  yaml: YamlFile,
  base: Path,
): z.output<S> | undefined {
  let rest: PlainValue | undefined = structuredClone(value);
  /** What was reported and left out is missing then, which is no second problem. */
  const leftOut = new Set<string>();
  for (let round = 0; round < ROUNDS_MAX && rest !== undefined; round++) {
    const result = schema.safeParse(rest, { reportInput: true });
    if (result.success) return result.data;
    const wrong: Path[] = [];
    for (const issue of result.error.issues) {
      const path = issue.path.filter((part): part is string | number => typeof part !== 'symbol');
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys) {
          reportUnknownKey(yaml, [...base, ...path], key, keysOf(schema, path));
          wrong.push([...path, key]);
        }
        continue;
      }
      const found = valueAt(rest, path);
      if (found === undefined) {
        if (!leftOut.has(path.join('\0'))) {
          yaml.report([...base, ...path], 'SM_MISSING_KEY', `key '${String(path.at(-1))}' is missing`, { atKey: true });
        }
        wrong.push(path.slice(0, -1));
      } else {
        yaml.report(
          [...base, ...path],
          issue.code === 'invalid_type' ? 'SM_WRONG_TYPE' : isTypeIssue(issue) ? 'SM_WRONG_TYPE' : 'SM_WRONG_VALUE',
          messageOf(issue, found),
          {
            suggestion: issue.code === 'invalid_value' ? nearText(found, issue.values.map(String)) : undefined,
          },
        );
        wrong.push(path);
      }
    }
    // From the back, so that closing a gap of a list does not move what is still to go.
    for (const path of wrong) leftOut.add(path.join('\0'));
    for (const path of wrong.reverse()) rest = without(rest, path);
  }
  return undefined;
}

function reportUnknownKey(yaml: YamlFile, path: Path, key: string, known: readonly string[]): void {
  const near = nearestName(key, known);
  yaml.report([...path, key], 'SM_UNKNOWN_KEY', `key '${key}' is not known here`, {
    atKey: true,
    suggestion:
      near !== undefined ? `did you mean '${near}'?` : known.length === 0 ? undefined : `known: ${known.join(', ')}`,
  });
}

/** Unions fail as a whole; ours are of scalars only, so that a failure means the type or the form. */
function isTypeIssue(issue: z.core.$ZodIssue): boolean {
  return (
    issue.code === 'invalid_union' &&
    issue.errors.every((errors) => errors.every((each) => each.code === 'invalid_type'))
  );
}

function messageOf(issue: z.core.$ZodIssue, found: PlainValue): string {
  if (issue.code === 'invalid_type') {
    // A schema with words of its own says more than the type's name.
    const own = issue.message.startsWith('Invalid input') ? undefined : issue.message;
    return `${own ?? `${articled(issue.expected)} is expected`}, not ${typeOf(found)}`;
  }
  if (issue.code === 'invalid_value')
    return `one of ${issue.values.map(String).join(', ')} is expected, not '${String(found)}'`;
  return `${issue.message}${typeof found === 'object' ? '' : `, not '${String(found)}'`}`;
}

function articled(expected: string): string {
  const names: Record<string, string> = {
    object: 'a map',
    record: 'a map',
    array: 'a list',
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    null: 'nothing',
  };
  return names[expected] ?? expected;
}

function typeOf(value: PlainValue): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'boolean') return `${value}`;
  return typeof value === 'number'
    ? `the number ${value}`
    : `text ('${value.length > 40 ? `${value.slice(0, 37)}...` : value}')`;
}

function nearText(found: PlainValue, values: readonly string[]): string | undefined {
  const near = typeof found === 'string' ? nearestName(found, values) : undefined;
  return near === undefined ? undefined : `did you mean ${near}?`;
}

function valueAt(value: PlainValue | undefined, path: Path): PlainValue | undefined {
  let at: PlainValue | undefined = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string | number, PlainValue>)[part];
  }
  return at;
}

/** Deletes a path in place; the root itself goes by answering undefined. Items of lists become gaps that are closed. */
function without(value: PlainValue | undefined, path: Path): PlainValue | undefined {
  if (path.length === 0 || value === undefined) return undefined;
  const parent = valueAt(value, path.slice(0, -1));
  const last = path.at(-1)!;
  if (Array.isArray(parent)) {
    if (typeof last === 'number' && last < parent.length) parent.splice(last, 1);
  } else if (typeof parent === 'object' && parent !== null) delete parent[String(last)];
  return value;
}

/** The keys that the schema knows at a path. */
function keysOf(schema: z.ZodType, path: Path): readonly string[] {
  let at: z.ZodType | undefined = schema;
  for (const part of path) at = at === undefined ? undefined : memberOf(unwrapped(at), part);
  const last = at === undefined ? undefined : unwrapped(at);
  return last instanceof z.ZodObject ? Object.keys(last.shape as Record<string, unknown>) : [];
}

function memberOf(schema: z.ZodType, part: string | number): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<string, z.ZodType>)[String(part)];
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  return undefined;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  let at = schema;
  while (
    at instanceof z.ZodOptional ||
    at instanceof z.ZodDefault ||
    at instanceof z.ZodPrefault ||
    at instanceof z.ZodNullable
  )
    at = at.unwrap() as z.ZodType;
  return at instanceof z.ZodPipe ? unwrapped(at.in as z.ZodType) : at;
}
