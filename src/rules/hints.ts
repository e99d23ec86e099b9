/** Reads the body of a hint comment, `SHARDINGSPHERE_HINT: KEY=value, ...` or `SHARDMESH_HINT: ...`. */
import { nearestName } from './nearest-name.ts';
import type { Hints } from './types.ts';

export const noHints: Hints = Object.freeze({
  databaseValue: undefined,
  databaseValues: new Map<string, readonly string[]>(),
  tableValue: undefined,
  tableValues: new Map<string, readonly string[]>(),
  writeRouteOnly: false,
  dataSourceName: undefined,
  disableAuditNames: Object.freeze([]),
  skipSqlRewrite: false,
  variables: new Map<string, string>(),
});

export interface HintProblem {
  readonly message: string;
  readonly suggestion?: string;
}

const plainKeys = [
  'SHARDING_DATABASE_VALUE',
  'SHARDING_TABLE_VALUE',
  'WRITE_ROUTE_ONLY',
  'DATA_SOURCE_NAME',
  'DISABLE_AUDIT_NAMES',
  'SKIP_SQL_REWRITE',
];
/** Keys that set a session variable of the mesh for one statement: `READ=primary` is shardmesh_read. */
const variableKeys: readonly string[] = ['BRANCH', 'TRANSACTION_TYPE', 'SNAPSHOT', 'READ', 'CONSISTENCY', 'POSITION'];
const ignoredKeys = ['USE_TRAFFIC', 'SKIP_METADATA_VALIDATE', 'SHADOW'];
const introducer = /^\s*(?:SHARDINGSPHERE_HINT|SHARDMESH_HINT)\s*:/i;

/** Whether a comment's body (between the comment marks) is a hint at all. */
export function isHintComment(body: string): boolean {
  return introducer.test(body);
}

/**
 * Reads the bodies of all hint comments of a statement, in order; later ones win, value lists add up.
 * Every pair is `KEY=value`; pairs are separated by commas. Keys are case-insensitive; hyphens count as underscores. Problems are listed, never thrown:
 * a caller refuses a statement whose hints have problems, because an ignored hint would send it elsewhere.
 */
export function parseHints(bodies: readonly string[]): {
  readonly hints: Hints;
  readonly problems: readonly HintProblem[];
} {
  const pairs: { key: string; value: string }[] = [];
  const problems: HintProblem[] = [];
  for (const body of bodies) {
    const rest = body.replace(introducer, '');
    for (const part of rest.split(',')) {
      const text = part.trim();
      if (text === '') continue;
      const equals = text.indexOf('=');
      if (equals < 0) {
        problems.push({ message: `hint '${text}' has no value`, suggestion: 'write KEY=value, separated by commas' });
        continue;
      }
      pairs.push({ key: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() });
    }
  }
  return hintsOf(pairs, problems);
}

/** The same from pairs that are already apart (query attributes). Keys that do not belong to hints must not be given. */
export function hintsOf(
  pairs: readonly { readonly key: string; readonly value: string }[],
  problems: HintProblem[] = [],
): { readonly hints: Hints; readonly problems: readonly HintProblem[] } {
  const databaseValues = new Map<string, string[]>();
  const tableValues = new Map<string, string[]>();
  const variables = new Map<string, string>();
  let databaseValue: string | undefined;
  let tableValue: string | undefined;
  let writeRouteOnly = false;
  let skipSqlRewrite = false;
  let dataSourceName: string | undefined;
  let disableAuditNames: readonly string[] = [];

  for (const { key, value } of pairs) {
    const dot = key.lastIndexOf('.');
    const table =
      dot < 0
        ? undefined
        : key
            .slice(0, dot)
            .trim()
            .replace(/^`(.*)`$/, '$1')
            .toLowerCase();
    const name = key
      .slice(dot + 1)
      .trim()
      .toUpperCase()
      .replaceAll('-', '_');
    if (table !== undefined && name !== 'SHARDING_DATABASE_VALUE' && name !== 'SHARDING_TABLE_VALUE') {
      unknown(key);
      continue;
    }
    switch (name) {
      case 'SHARDING_DATABASE_VALUE':
        if (table === undefined) databaseValue = value;
        else databaseValues.set(table, [...(databaseValues.get(table) ?? []), value]);
        break;
      case 'SHARDING_TABLE_VALUE':
        if (table === undefined) tableValue = value;
        else tableValues.set(table, [...(tableValues.get(table) ?? []), value]);
        break;
      case 'WRITE_ROUTE_ONLY':
        writeRouteOnly = boolean(key, value);
        break;
      case 'SKIP_SQL_REWRITE':
        skipSqlRewrite = boolean(key, value);
        break;
      case 'DATA_SOURCE_NAME':
        if (value === '') problems.push({ message: `hint ${key} is empty` });
        dataSourceName = value;
        break;
      case 'DISABLE_AUDIT_NAMES':
        disableAuditNames = value.split(/[\s;]+/).filter((item) => item !== '');
        break;
      default:
        if (variableKeys.includes(name)) variables.set(`shardmesh_${name.toLowerCase()}`, value);
        else if (ignoredKeys.includes(name)) problems.push({ message: `hint ${name} is not supported` });
        else unknown(key);
    }
  }
  const hints: Hints = {
    databaseValue,
    databaseValues,
    tableValue,
    tableValues,
    writeRouteOnly,
    dataSourceName,
    disableAuditNames,
    skipSqlRewrite,
    variables,
  };
  return { hints: Object.freeze(hints), problems };

  function unknown(key: string): void {
    const near = nearestName(key.slice(key.lastIndexOf('.') + 1).toUpperCase(), [...plainKeys, ...variableKeys]);
    problems.push({
      message: `unknown hint '${key}'`,
      ...(near === undefined ? {} : { suggestion: `did you mean ${near}?` }),
    });
  }

  function boolean(key: string, value: string): boolean {
    const lower = value.toLowerCase();
    if (lower !== 'true' && lower !== 'false')
      problems.push({ message: `hint ${key} is true or false, not '${value}'` });
    return lower === 'true';
  }
}
