/** The sample database of the plan tests: rules from YAML, columns from a short notation, one session's environment. */
import { readFileSync } from 'node:fs';
import type { Collation, Column, SchemaSnapshot, TableSchema } from '../../src/catalog/index.ts';
import {
  type Action,
  type BindInput,
  bind,
  compile,
  type ParameterValue,
  type Plan,
  type PlanEnvironment,
} from '../../src/plan/index.ts';
import { type Hints, loadRules, noHints, parseHints } from '../../src/rules/index.ts';
import { initialMeshValues } from '../../src/session/index.ts';
import { FingerprintBuffer, fingerprint, Lexer, type LexMode } from '../../src/sql/index.ts';

const folder = new URL('./layouts/', import.meta.url);

export const mode: LexMode = {
  charset: 'utf8',
  ansiQuotes: false,
  noBackslashEscapes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
  serverVersion: 101100,
  mariadb: true,
};

export const collations = new Map<string, Collation>([
  ['utf8mb4_general_ci', { name: 'utf8mb4_general_ci', charset: 'utf8mb4', padSpace: true, binary: false }],
  ['utf8mb4_bin', { name: 'utf8mb4_bin', charset: 'utf8mb4', padSpace: true, binary: true }],
  ['utf8mb4_nopad_bin', { name: 'utf8mb4_nopad_bin', charset: 'utf8mb4', padSpace: false, binary: true }],
]);

/** `name type(n) [unsigned] [auto] [collation]`. */
export function column(text: string, ordinal: number): Column {
  const [name = '', type = '', ...rest] = text.trim().split(/\s+/);
  const match = /^(\w+)(?:\((\d+)(?:\.(\d+))?\))?$/.exec(type)!;
  const dataType = match[1]!;
  const length = match[2] === undefined ? undefined : Number(match[2]);
  const textual = /char|text/.test(dataType);
  const collation = rest.find((word) => word.startsWith('utf8')) ?? 'utf8mb4_general_ci';
  return {
    name,
    ordinal,
    dataType,
    columnType: rest.includes('unsigned') ? `${type} unsigned` : type,
    unsigned: rest.includes('unsigned'),
    nullable: true,
    ...(textual ? { charset: 'utf8mb4', collation } : {}),
    ...(length === undefined || dataType === 'decimal' ? {} : { lengthMax: length }),
    ...(dataType === 'decimal' ? { precision: length ?? 10, scale: Number(match[3] ?? 0) } : {}),
    ...(/^(datetime|timestamp|time)$/.test(dataType) ? { fractionDigits: length ?? 0 } : {}),
    autoIncrement: rest.includes('auto'),
    generated: false,
    hasDefault: false,
    invisible: false,
  };
}

function readSchema(text: string): SchemaSnapshot {
  const tables = new Map<string, TableSchema>();
  const singleTables = new Map<string, string>();
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [head = '', body = ''] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)];
    const [columnText = '', keyText = ''] = body.split(';');
    const [name = '', source] = head.split('@');
    if (source !== undefined) singleTables.set(name, source);
    const columns = columnText.split(',').map(column);
    const columnsByName = new Map(columns.map((each) => [each.name.toLowerCase(), each]));
    tables.set(name, {
      name,
      view: false,
      columns,
      columnsByName,
      primaryKey: keyText.replace('primary', '').trim().split(' '),
      uniqueKeys: [],
    });
  }
  return {
    version: 1,
    tables,
    singleTables,
    collations,
    missing: new Map(),
    mariadb: true,
    serverVersion: 101100,
    defaultCollation: 'utf8mb4_general_ci',
    routines: new Set(['my_function']),
  };
}

export function environment(extra: Partial<PlanEnvironment> = {}): PlanEnvironment {
  const loaded = loadRules({
    file: 'shop.yaml',
    text: readFileSync(new URL('shop.yaml', folder), 'utf8'),
    env: {},
  } as never);
  if (loaded.value === undefined) throw new Error(JSON.stringify(loaded.problems));
  const schema = readSchema(readFileSync(new URL('shop.sql', folder), 'utf8'));
  return {
    rules: loaded.value,
    schema,
    database: 'shop',
    mode,
    sqlMode: '',
    collation: 'utf8mb4_general_ci',
    databases: new Set(['shop', 'other']),
    ...extra,
  };
}

export interface Planned {
  readonly plan: Plan;
  readonly input: BindInput;
  readonly fingerprint: FingerprintBuffer;
}

let nextKey = 1000n;

/** Tokens and values of one execution. */
export function inputOf(
  sql: string,
  parameters: readonly ParameterValue[] = [],
): { readonly input: BindInput; readonly fingerprint: FingerprintBuffer; readonly hints: Hints } {
  const tokens = new Lexer().lex(Buffer.from(sql), mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  nextKey = 1000n;
  const input: BindInput = {
    tokens,
    fingerprint: print,
    parameters,
    facts: {
      database: 'shop',
      connectionId: 7,
      user: 'app@127.0.0.1',
      currentUser: 'app@%',
      lastInsertId: 42n,
      foundRows: 3n,
      rowCount: -1n,
      warningCount: 0,
      errorCount: 0,
      autocommit: true,
      inTransaction: false,
      mesh: initialMeshValues,
      position: { token: '' },
    },
    keys: { take: (_generator, count) => Array.from({ length: count }, () => nextKey++) },
  };
  return { input, fingerprint: print, hints: tokens.hints.length === 0 ? noHints : parseHints(tokens.hints).hints };
}

export function planOf(sql: string, env: PlanEnvironment, parameters: readonly ParameterValue[] = []): Planned {
  const { input, fingerprint: print, hints } = inputOf(sql, parameters);
  return { plan: compile({ tokens: input.tokens, fingerprint: print, env, hints }), input, fingerprint: print };
}

export async function actionOf(
  sql: string,
  env: PlanEnvironment,
  parameters: readonly ParameterValue[] = [],
): Promise<Action> {
  const { plan, input } = planOf(sql, env, parameters);
  return bind(plan, input);
}

export function parameter(value: string | number | null): ParameterValue {
  if (value === null) return { kind: 'null' };
  if (typeof value === 'string') return { kind: 'string', bytes: Buffer.from(value) };
  return Number.isInteger(value) ? { kind: 'integer', value: BigInt(value) } : { kind: 'double', value };
}
