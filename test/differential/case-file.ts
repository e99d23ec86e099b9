/** Reads the cases: YAML files in cases/, each about one feature, checked strictly so that a typing error is found. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

export const layoutNames = ['one-source', 'two-by-two', 'four-sources', 'string-keys'] as const;
export type LayoutName = (typeof layoutNames)[number];

/** A parameter of a prepared statement; an object names the type that is sent, for example `{ type: DECIMAL, value: '1.50' }`. */
const parameter = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.strictObject({
    type: z.string(),
    value: z.union([z.string(), z.number(), z.null()]),
    unsigned: z.boolean().optional(),
  }),
  z.strictObject({ hex: z.string() }),
]);
export type CaseParameter = z.infer<typeof parameter>;

const step = z.union([
  z.string(),
  z.strictObject({
    sql: z.string(),
    params: z.array(parameter).optional(),
    /** The errno that the plain server gives. Without it, an error of the plain server is a mistake of the case. */
    error: z.number().optional(),
    /** How rows are compared; default: by position when the statement ends in ORDER BY, else as a set. */
    order: z.enum(['fixed', 'any', 'count']).optional(),
    /** Parts of the outcome that may differ, for example warnings. */
    ignore: z.array(z.enum(['names', 'types', 'warnings', 'info', 'insertId', 'message'])).optional(),
  }),
]);
const steps = z.union([step, z.array(step)]);

const differentialCase = z
  .strictObject({
    case: z.string(),
    /** What the mesh must do: answer as the plain server does ... */
    answer: steps.optional(),
    /** ... or refuse the last step with this code, after having answered the others. */
    refuse: z.string().optional(),
    run: steps.optional(),
    /** Run before, with equal outcome, but not the point of the case. */
    setup: steps.optional(),
    layouts: z.array(z.enum(layoutNames)).optional(),
    protocols: z.array(z.enum(['text', 'binary'])).optional(),
  })
  .refine((value) => (value.answer === undefined) === (value.refuse !== undefined && value.run !== undefined), {
    error: 'a case has either `answer`, or `refuse` and `run`',
  });

const caseFile = z.strictObject({
  /** The row of docs/sql-support.md. */
  feature: z.string(),
  group: z.string(),
  cases: z.array(differentialCase).min(1),
});

export interface Step {
  readonly sql: string;
  readonly params: readonly CaseParameter[];
  readonly error: number | undefined;
  readonly order: 'fixed' | 'any' | 'count';
  readonly ignore: readonly string[];
}

export interface DifferentialCase {
  readonly name: string;
  readonly expect: { readonly kind: 'answer' } | { readonly kind: 'refuse'; readonly code: string };
  /** Setup steps first. */
  readonly steps: readonly Step[];
  readonly layouts: readonly LayoutName[];
  readonly protocols: readonly ('text' | 'binary')[];
}

export interface CaseFile {
  readonly file: string;
  readonly group: string;
  readonly feature: string;
  readonly cases: readonly DifferentialCase[];
}

/** True when the statement ends in an ORDER BY (and LIMIT) outside of all parentheses. */
export const endsOrdered = (sql: string): boolean => {
  let depth = 0;
  let outer = '';
  for (const piece of sql.match(/'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|[()]|[^'"`()]+/g) ?? []) {
    if (piece === '(') depth++;
    else if (piece === ')') depth--;
    else if (depth === 0) outer += /^['"`]/.test(piece) ? ' x ' : piece;
  }
  const plain = outer.replace(/\/\*[\s\S]*?\*\//g, ' ');
  return /^\s*(select|with|show|values|table|union|except|intersect)\b/i.test(plain) && /\border\s+by\b/i.test(plain);
};

const toSteps = (value: z.infer<typeof steps> | undefined): Step[] => {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((one) => {
    const { sql, params, error, order, ignore } = typeof one === 'string' ? { sql: one } : { ...one };
    return {
      sql,
      params: params ?? [],
      error,
      order: order ?? (endsOrdered(sql) ? 'fixed' : 'any'),
      ignore: ignore ?? [],
    };
  });
};

const folder = join(import.meta.dirname, 'cases');

/** All case files, in the order of their names. Throws with file and case when one is malformed. */
export const readCaseFiles = (): CaseFile[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const read = caseFile.safeParse(parse(readFileSync(join(folder, file), 'utf8')));
      if (!read.success) throw new Error(`${file}: ${z.prettifyError(read.error)}`);
      const names = new Set<string>();
      const cases = read.data.cases.map((one): DifferentialCase => {
        if (names.has(one.case)) throw new Error(`${file}: two cases are called "${one.case}"`);
        names.add(one.case);
        return {
          name: one.case,
          expect: one.refuse === undefined ? { kind: 'answer' } : { kind: 'refuse', code: one.refuse },
          steps: [...toSteps(one.setup), ...toSteps(one.refuse === undefined ? one.answer : one.run)],
          layouts: one.layouts ?? layoutNames,
          protocols: one.protocols ?? ['text', 'binary'],
        };
      });
      return { file: file.replace(/\.yaml$/, ''), group: read.data.group, feature: read.data.feature, cases };
    });
