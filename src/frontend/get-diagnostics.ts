/** GET DIAGNOSTICS: the session's list of warnings as values of user variables. */
import { MeshError } from '../base/index.ts';
import { stateOfWarning, withUserVariables } from '../session/index.ts';
import type { DiagnosticsStatement } from '../sql/index.ts';
import { meshValue } from './mesh-value.ts';
import type { CommandContext } from './session.ts';

type Literals = [string, string][];

/** Answers OK; the list and the counters stay as they are. Rejects with MeshError or ServerError. */
export async function getDiagnostics(
  context: CommandContext,
  statement: DiagnosticsStatement,
  text: Buffer,
): Promise<void> {
  const { state } = context.session;
  let values: Literals;
  if (statement.condition === undefined) {
    values = statement.items.map(({ variable, item }) => [
      variable.name.toLowerCase(),
      item === 'NUMBER' ? unsigned(state.warningCount) : String(state.rowCount),
    ]);
  } else {
    const number = await conditionNumber(context, statement.condition, text);
    const found = conditionItems(context, statement, number);
    if (found === undefined) {
      // The one error that is added to the list, and told as a warning.
      const message = 'Invalid condition number';
      state.diagnostics = [...state.diagnostics, { level: 'Error', code: 1758, message, sqlState: '35000' }];
      state.warningCount += 1;
      context.reply.ok({ affectedRows: 0n, insertId: 0n, warnings: 1, message: '', status: 0 });
      return;
    }
    values = found;
  }
  state.settings = withUserVariables(state.settings, values);
  context.reply.done();
}

async function conditionNumber(
  context: CommandContext,
  { start, end }: { readonly start: number; readonly end: number },
  text: Buffer,
): Promise<number> {
  const digits = text.subarray(start, end).toString('latin1');
  if (/^\d{1,9}$/.test(digits)) return Number(digits);
  const literal = await meshValue(context, Buffer.concat([Buffer.from('0+'), text.subarray(start, end)]));
  return literal === 'NULL' ? 0 : Math.round(Number(literal));
}

/** Undefined: there is no such condition. */
function conditionItems(
  { session: { state } }: CommandContext,
  { items }: DiagnosticsStatement,
  number: number,
): Literals | undefined {
  const condition = state.diagnostics[number - 1];
  if (condition === undefined) return undefined;
  return items.map(({ variable, item }) => {
    const name = variable.name.toLowerCase();
    switch (item) {
      case 'MYSQL_ERRNO':
        return [name, unsigned(condition.code)];
      case 'MESSAGE_TEXT':
        return [name, textLiteral(condition.message)];
      case 'RETURNED_SQLSTATE': {
        const sqlState = condition.sqlState ?? stateOfWarning(condition.code);
        if (sqlState !== undefined) return [name, textLiteral(sqlState)];
        throw untold(`RETURNED_SQLSTATE of the condition ${condition.code}`);
      }
      default:
        throw untold(item);
    }
  });
}

function untold(what: string): MeshError {
  return new MeshError('SM_UNSUPPORTED', {
    what: `${what} in GET DIAGNOSTICS`,
    reason: 'servers tell it on the connection of the statement only; MYSQL_ERRNO and MESSAGE_TEXT are known',
  });
}

function unsigned(value: number): string {
  return `CAST(${value} AS UNSIGNED)`;
}

/** In the system character set, as on any server. */
function textLiteral(text: string): string {
  return `_utf8mb3 X'${Buffer.from(text.replace(/[\u{10000}-\u{10ffff}]/gu, '?'), 'utf8').toString('hex')}'`;
}
