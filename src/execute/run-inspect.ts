/** SHOW, DESCRIBE and table maintenance, shown under logical names: in headings, in names, and inside CREATE statements. */
import { type Action, likePattern, type NameMap, type ShardQuery } from '../plan/index.ts';
import { parseColumnDefinition, patchColumnDefinition, payloadOf } from '../wire/index.ts';
import { logicalColumn } from './name-mapping.ts';
import { readRows } from './read-rows.ts';
import { failed } from './run-forward.ts';
import { shardFailure } from './run-scatter.ts';
import type { Outcome, StatementRun } from './statement-run.ts';
import { writeTextRows } from './write-rows.ts';

type Inspect = Extract<Action, { kind: 'inspect' }>;

/** Never rejects. */
export async function runInspect(
  run: StatementRun,
  { query, names, more = [], like }: Inspect & { readonly query: ShardQuery },
): Promise<Outcome> {
  const schemas = run.backend.directory.physicalSchemas;
  try {
    const result = await readRows(run, query);
    const others: (typeof result.rows)[number][] = [];
    for (const other of more) others.push(...(await readRows(run, other)).rows);
    const definitions = result.definitions.map((definition) =>
      logicalHeading(logicalColumn(definition, names), names, schemas),
    );
    const rows = [...result.rows, ...others].map(
      (row) =>
        ownVariable(run, row) ?? row.map((value) => (value === null ? null : logicalCell(value, names, schemas))),
    );
    rows.push(...meshVariableRows(run, like));
    writeTextRows(run.reply, definitions, result.columns, rows);
    return { failed: false, rows: BigInt(rows.length), affected: -1n, insertId: 0n, diagnostics: [], errno: 0 };
  } catch (error) {
    return failed(run.reply, shardFailure(error, names, schemas));
  }
}

/** A row of SHOW VARIABLES whose value is the session's, not that of the connection that happens to answer. */
function ownVariable(run: StatementRun, row: readonly (Buffer | null)[]): (Buffer | null)[] | undefined {
  const { statement } = run.plan;
  const name = row[0];
  if (statement?.kind !== 'show' || statement.what !== 'VARIABLES' || statement.scope === 'global') return undefined;
  if (name === null || name === undefined) return undefined;
  const { state } = run;
  const errors = state.diagnostics.filter((entry) => entry.level === 'Error').length;
  const values: Readonly<Record<string, string | number | bigint>> = {
    autocommit: state.autocommit ? 'ON' : 'OFF',
    last_insert_id: state.lastInsertId,
    identity: state.lastInsertId,
    insert_id: 0,
    pseudo_thread_id: state.connectionId,
    warning_count: state.diagnostics.length,
    error_count: errors,
  };
  const value = values[name.toString('latin1').toLowerCase()];
  return value === undefined ? undefined : [name, Buffer.from(String(value)), ...row.slice(2)];
}

/** SHOW VARIABLES ends with the mesh's own, where LIKE lets them through; WHERE is for the server to judge and shows none. */
function meshVariableRows(run: StatementRun, like: string | undefined): [Buffer, Buffer][] {
  const { statement } = run.plan;
  if (statement?.kind !== 'show' || statement.what !== 'VARIABLES' || statement.scope === 'global') return [];
  if (statement.where !== undefined) return [];
  const pattern = like === undefined ? undefined : likePattern(like);
  return Object.entries(run.state.mesh)
    .filter(([name]) => pattern === undefined || pattern.test(name))
    .map(([name, value]) => [
      Buffer.from(name),
      Buffer.from(name === 'shardmesh_position' ? run.backend.reads.token : value),
    ]);
}

/** `Tables_in_shop_0` is `Tables_in_shop`. */
function logicalHeading(definition: Buffer, names: NameMap, schemas: ReadonlySet<string>): Buffer {
  const parsed = parseColumnDefinition(definition);
  const match = /^(Tables_in_)(.+?)( \(.*\))?$/.exec(parsed.name);
  if (match === null || names.database === undefined || !schemas.has(match[2] as string)) return definition;
  return payloadOf((writer) =>
    patchColumnDefinition(writer, definition, { name: `${match[1]}${names.database}${match[3] ?? ''}` }),
  );
}

/** A value that is a physical name, or a statement text with such names in backticks. */
function logicalCell(value: Buffer, names: NameMap, schemas: ReadonlySet<string>): Buffer {
  const text = value.toString('utf8');
  const table = names.tables.get(text);
  if (table !== undefined) return Buffer.from(table);
  if (schemas.has(text) && names.database !== undefined) return Buffer.from(names.database);
  const dot = text.indexOf('.');
  if (dot > 0 && schemas.has(text.slice(0, dot)) && names.database !== undefined) {
    const rest = text.slice(dot + 1);
    return Buffer.from(`${names.database}.${names.tables.get(rest) ?? rest}`);
  }
  if (!/^CREATE /i.test(text)) return value;
  return Buffer.from(
    text.replace(/`((?:[^`]|``)+)`/g, (whole, inner: string) => {
      const logical = names.tables.get(inner) ?? (schemas.has(inner) ? names.database : undefined);
      return logical === undefined ? whole : `\`${logical}\``;
    }),
  );
}
