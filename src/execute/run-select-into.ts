/** SELECT ... INTO @a, @b over several nodes: the row that was read becomes values of the session's variables. */
import { MeshError } from '../base/index.ts';
import type { Action } from '../plan/index.ts';
import { type Diagnostic, withUserVariables, withVariables } from '../session/index.ts';
import { type ColumnDefinition, ColumnFlag, collationById, FieldType } from '../wire/index.ts';
import { MemoryReply } from './memory-reply.ts';
import { valueLiteral } from './read-back.ts';
import { failed } from './run-forward.ts';
import type { Outcome, StatementRun } from './statement-run.ts';

const NO_DATA: Diagnostic = {
  level: 'Warning',
  code: 1329,
  message: 'No data - zero rows fetched, selected, or processed',
  sqlState: '02000',
};

/** Never rejects. */
export async function runSelectInto(
  run: StatementRun,
  action: Extract<Action, { kind: 'selectInto' }>,
  execute: (run: StatementRun, read: Action) => Promise<Outcome>,
): Promise<Outcome> {
  const { state, reply } = run;
  const { settings } = state;
  // The binary protocol has all digits of a FLOAT.
  const memory = new MemoryReply('binary', run.limits.resultMemory);
  run.backend.leases.meter.held = () => memory.bytesHeld;
  let read: Outcome;
  try {
    // Without a character set for results, texts come as they are and say which collation they have.
    state.settings = withVariables(settings, [['character_set_results', 'NULL']]);
    read = await execute(
      {
        ...run,
        reply: memory,
        request:
          run.request.kind === 'prepared'
            ? run.request
            : { kind: 'prepared', parameters: [], source: Buffer.alloc(0), cursor: 0 },
        // Its assignments are made here.
        plan: { ...run.plan, effects: { ...run.plan.effects, assigns: [] } },
      },
      action.read,
    );
  } finally {
    state.settings = settings;
  }
  if (read.failed || memory.failure !== undefined) {
    return failed(
      reply,
      memory.failure ??
        new MeshError('SM_INTERNAL', { message: 'the query of a SELECT ... INTO failed without an error' }),
    );
  }
  const { columns, rows } = memory;
  if (columns.length !== action.variables.length) return failed(reply, new MeshError('ER_WRONG_NUMBER_OF_COLUMNS'));
  const [row] = rows;
  if (row !== undefined) {
    try {
      const values = columns.map((column, index): [string, string] => [
        (action.variables[index] as string).toLowerCase(),
        literalOf(column, row[index] ?? null),
      ]);
      state.settings = withUserVariables(state.settings, values);
    } catch (error) {
      return failed(reply, error as MeshError);
    }
  }
  // As on servers: the first row has been taken by then.
  if (rows.length > 1) return failed(reply, new MeshError('ER_TOO_MANY_ROWS'));
  const diagnostics = row === undefined ? [...read.diagnostics, NO_DATA] : read.diagnostics;
  const affected = BigInt(rows.length);
  reply.ok({ affectedRows: affected, insertId: 0n, warnings: diagnostics.length, message: '', status: 0 });
  const { foundRows } = read;
  const outcome: Outcome = { failed: false, rows: 0n, affected, insertId: 0n, diagnostics, errno: 0 };
  return foundRows === undefined ? outcome : { ...outcome, foundRows };
}

/** The literal that gives a variable exactly this value. */
function literalOf(column: ColumnDefinition, value: Buffer | null): string {
  const text = value?.toString('latin1') ?? null;
  const unsigned = (column.flags & ColumnFlag.UNSIGNED) !== 0;
  const told = { value: text, unsigned, hex: value?.toString('hex') ?? '' };
  switch (column.type) {
    case FieldType.BIT: {
      const bits = value === null ? null : String(BigInt(`0x${told.hex === '' ? '0' : told.hex}`));
      return valueLiteral({ ...told, value: bits, type: FieldType.LONGLONG, charset: '', collation: '' });
    }
    case FieldType.TINY:
    case FieldType.SHORT:
    case FieldType.INT24:
    case FieldType.LONG:
    case FieldType.YEAR:
      return valueLiteral({ ...told, type: FieldType.LONGLONG, charset: '', collation: '' });
    case FieldType.DATE:
    case FieldType.TIME:
    case FieldType.DATETIME:
    case FieldType.TIMESTAMP:
      // The character set of all that servers write by themselves.
      return valueLiteral({ ...told, type: column.type, charset: 'latin1', collation: 'latin1_swedish_ci' });
    default: {
      const collation = collationById(column.collation);
      if (collation?.name === undefined)
        throw new MeshError('SM_UNSUPPORTED', {
          what: `SELECT ... INTO of '${column.name}' over several nodes`,
          reason: `its collation (${column.collation}) is not known here; add COLLATE`,
        });
      return valueLiteral({ ...told, type: column.type, charset: collation.charset, collation: collation.name });
    }
  }
}
