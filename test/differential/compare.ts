/** Compares what a client saw on the plain server with what it saw through the mesh, and says clearly what differs. */
import type { Step } from './case-file.ts';
import type { ColumnOutcome, Outcome } from './raw-client.ts';

const shown = 12;

const rowsDifference = (plain: readonly string[], mesh: readonly string[], order: Step['order']): string[] => {
  if (order === 'count') {
    return plain.length === mesh.length ? [] : [`rows: plain ${plain.length}, mesh ${mesh.length}`];
  }
  const a = order === 'fixed' ? plain : [...plain].sort();
  const b = order === 'fixed' ? mesh : [...mesh].sort();
  if (a.length === b.length && a.every((row, index) => row === b[index])) return [];
  const left = new Map<string, number>();
  for (const row of b) left.set(row, (left.get(row) ?? 0) + 1);
  const missing = a.filter((row) => {
    const n = left.get(row) ?? 0;
    if (n > 0) left.set(row, n - 1);
    return n === 0;
  });
  const extra = [...left].flatMap(([row, n]) => Array<string>(n).fill(row));
  const list = (rows: readonly string[]) =>
    rows
      .slice(0, shown)
      .map((row) => `      ${row}`)
      .join('\n') + (rows.length > shown ? `\n      ... ${rows.length} in all` : '');
  if (missing.length === 0 && extra.length === 0) {
    return [`rows: same rows in another order\n    plain:\n${list(a)}\n    mesh:\n${list(b)}`];
  }
  return [
    `rows: plain ${a.length}, mesh ${b.length}` +
      (missing.length > 0 ? `\n    only plain:\n${list(missing)}` : '') +
      (extra.length > 0 ? `\n    only mesh:\n${list(extra)}` : ''),
  ];
};

/** NOT NULL, BINARY: of a computed column they follow from how the server executed, not from what it answered. */
const executionFlags = 1 | 128;
/** VARCHAR, TINYBLOB to BLOB, VAR_STRING, STRING and JSON: their "decimals" say nothing. */
const textTypes: ReadonlySet<number> = new Set([15, 245, 249, 250, 251, 252, 253, 254]);

const columnParts = (column: ColumnOutcome, ofTable: boolean, ignore: readonly string[]): Partial<ColumnOutcome> => ({
  ...(ignore.includes('names') ? {} : { name: column.name }),
  // What table a computed column or one of information_schema is said to come from is of no use to a program.
  ...(ofTable && !ignore.includes('names')
    ? { table: column.table, orgTable: column.orgTable, schema: column.schema }
    : {}),
  ...(ignore.includes('types')
    ? {}
    : {
        type: column.type,
        charset: column.charset,
        flags: ofTable ? column.flags : column.flags & ~executionFlags,
        ...(textTypes.has(column.type) ? {} : { decimals: column.decimals }),
      }),
});

const columnsDifference = (
  plain: readonly ColumnOutcome[],
  mesh: readonly ColumnOutcome[],
  ignore: readonly string[],
): string[] => {
  if (plain.length !== mesh.length) return [`columns: plain ${plain.length}, mesh ${mesh.length}`];
  return plain.flatMap((column, index) => {
    const ofTable = column.schema !== '' && column.schema !== 'information_schema';
    const a = columnParts(column, ofTable, ignore);
    const b = columnParts(mesh[index]!, ofTable, ignore);
    return (Object.keys(a) as (keyof ColumnOutcome)[])
      .filter((key) => a[key] !== b[key])
      .map(
        (key) =>
          `column ${index + 1} (${column.name}) ${key}: plain ${JSON.stringify(a[key])}, mesh ${JSON.stringify(b[key])}`,
      );
  });
};

const show = (outcome: Outcome): string => {
  switch (outcome.kind) {
    case 'rows':
      return `${outcome.rows.length} rows`;
    case 'ok':
      return `OK, ${outcome.affectedRows} affected`;
    case 'error':
      return `error ${outcome.errno} (${outcome.sqlState}): ${outcome.message}`;
  }
};

/** Names that only the servers behind the mesh know must not reach a client. */
const physicalName =
  /\bphys_\w+|\b(users|orders|order_items|accounts|account_entries|tags|types|words|ddl_t|ddl_u)_[0-3]\b/;

const leaks = (outcome: Outcome): string[] => {
  const texts = [
    ...(outcome.kind === 'error' ? [outcome.message] : []),
    ...(outcome.kind === 'rows' ? outcome.columns.flatMap((c) => [c.name, c.table, c.orgTable, c.schema]) : []),
    ...(outcome.kind === 'rows' ? outcome.rows : []),
    ...(outcome.warnings ?? []).map((warning) => warning.message),
  ];
  return texts
    .filter((text) => physicalName.test(text))
    .slice(0, 3)
    .map((text) => `physical name visible: ${text}`);
};

/**
 * Warnings in a form that can be compared. The text of an error differs where it names a place in the statement. Queries and scattered
 * updates read rows in no fixed order, so the number of a row, and how often a query repeats a warning, say nothing.
 */
const warningLines = (step: Step, outcome: Outcome): string[] => {
  const inserts = /^\s*(insert|replace|load)\b/i.test(step.sql);
  const lines = (outcome.warnings ?? []).map(({ level, code, message }) => {
    if (level === 'Error') return `${level} ${code}`;
    return `${level} ${code} ${inserts ? message : message.replace(/ at row \d+/, '')}`;
  });
  return (outcome.kind === 'rows' ? [...new Set(lines)] : lines).sort();
};

/** Every difference, as lines to print; empty when the outcomes are equal in all that is promised. */
export const differences = (step: Step, plain: Outcome, mesh: Outcome): string[] => {
  const found = leaks(mesh);
  if (plain.kind !== mesh.kind) return [...found, `plain: ${show(plain)}\n    mesh:  ${show(mesh)}`];
  if (plain.kind === 'rows' && mesh.kind === 'rows') {
    found.push(...columnsDifference(plain.columns, mesh.columns, step.ignore));
    found.push(...rowsDifference(plain.rows, mesh.rows, step.order));
  }
  if (plain.kind === 'ok' && mesh.kind === 'ok') {
    const keys: readonly (keyof typeof plain & keyof typeof mesh)[] = [
      'affectedRows',
      'changedRows',
      'status',
      ...(step.ignore.includes('insertId') ? [] : (['insertId'] as const)),
      ...(step.ignore.includes('info') ? [] : (['info'] as const)),
    ];
    for (const key of keys) {
      if (plain[key] !== mesh[key])
        found.push(`${key}: plain ${JSON.stringify(plain[key])}, mesh ${JSON.stringify(mesh[key])}`);
    }
  }
  if (
    plain.kind === 'error' &&
    mesh.kind === 'error' &&
    (plain.errno !== mesh.errno || plain.sqlState !== mesh.sqlState)
  ) {
    found.push(`plain: ${show(plain)}\n    mesh:  ${show(mesh)}`);
  }
  if (!step.ignore.includes('warnings') && plain.warnings !== undefined && mesh.warnings !== undefined) {
    const a = warningLines(step, plain);
    const b = warningLines(step, mesh);
    if (a.join('\n') !== b.join('\n'))
      found.push(`warnings:\n    plain: ${a.join('; ') || 'none'}\n    mesh:  ${b.join('; ') || 'none'}`);
  }
  return found;
};
