/** PREPARE, EXECUTE and DEALLOCATE: the session keeps the text; user variables are its parameters. No server keeps anything. */
import { MeshError, ownCopy } from '../base/index.ts';
import type { Outcome } from '../execute/index.ts';
import { type Expression, literalValue, type OtherStatement } from '../sql/index.ts';
import { type ExecuteParameter, FieldType } from '../wire/index.ts';
import { meshValue } from './mesh-value.ts';
import type { OwnStatement } from './own-statement.ts';
import { plannedStatement, requireRoom, runPrepared } from './prepared-commands.ts';
import type { PreparedStatement } from './prepared-statement.ts';
import type { CommandContext } from './session.ts';
import { TextRows } from './text-rows.ts';
import { clientCharset, type Value, valueOfLiteral } from './variable-value.ts';

/** Rejects with MeshError or ServerError; the name is free then. */
export async function prepareNamed(
  context: CommandContext,
  statement: OtherStatement,
  own: OwnStatement,
): Promise<void> {
  const { session, reply } = context;
  const name = nameOf(statement);
  session.named.delete(name);
  requireRoom(session);
  const text = await statementText(context, statement.expressions[0] as Expression, own);
  const { statement: prepared } = await plannedStatement(context, ownCopy(text));
  session.named.set(name, prepared);
  reply.ok({ affectedRows: 0n, insertId: 0n, warnings: 0, message: 'Statement prepared', status: 0 });
}

export function deallocateNamed(context: CommandContext, statement: OtherStatement): void {
  if (!context.session.named.delete(nameOf(statement))) throw unknown(statement, 'DEALLOCATE PREPARE');
  context.reply.done();
}

/** Answers what the statement answers, in the text protocol. Rejects with MeshError or ServerError before it runs. */
export async function executeNamed(
  context: CommandContext,
  statement: OtherStatement,
  own: OwnStatement,
): Promise<Outcome> {
  const { session, reply } = context;
  let [first, ...using]: readonly (Expression | undefined)[] = statement.expressions;
  let prepared: PreparedStatement | undefined;
  if (statement.name === undefined) {
    const text = await statementText(context, first as Expression, own);
    prepared = (await plannedStatement(context, text)).statement;
  } else {
    using = first === undefined ? [] : [first, ...using];
    first = undefined;
    prepared = session.named.get(nameOf(statement));
    if (prepared === undefined) throw unknown(statement, 'EXECUTE');
  }
  if (using.length !== prepared.parameterCount) throw new MeshError('ER_DUP_UNKNOWN_STMT', { command: 'EXECUTE' });
  const values: Value[] = [];
  for (const expression of using) values.push(await parameterOf(context, expression as Expression, own.text));
  reply.protocol = 'binary';
  reply.textRows = new TextRows();
  try {
    const { outcome } = await runPrepared(context, prepared, requestOf(values), false);
    return outcome;
  } finally {
    reply.protocol = 'text';
    reply.textRows = undefined;
  }
}

function nameOf(statement: OtherStatement): string {
  return (statement.name?.name ?? '').toLowerCase();
}

function unknown(statement: OtherStatement, command: string): MeshError {
  return new MeshError('ER_UNKNOWN_STMT_HANDLER', { id: statement.name?.name ?? '', command });
}

/** The text that PREPARE is given, in the client's character set. */
async function statementText(context: CommandContext, expression: Expression, own: OwnStatement): Promise<Buffer> {
  if (expression.kind === 'literal' && expression.literalKind === 'string') {
    const value = literalValue(own.tokens, expression.token);
    if (value.kind === 'string' && value.charset === undefined) return Buffer.from(value.bytes);
  }
  const value = await parameterOf(context, expression, own.text);
  return value.bytes ?? Buffer.from('NULL');
}

async function parameterOf(context: CommandContext, expression: Expression, text: Buffer): Promise<Value> {
  const { settings } = context.session.state;
  const charset = clientCharset(settings);
  const literal =
    expression.kind === 'userVariable'
      ? (settings.userVariables.get(expression.name.toLowerCase()) ?? 'NULL')
      : await meshValue(context, text.subarray(expression.start, expression.end));
  const value = valueOfLiteral(literal, charset);
  if (value !== undefined) return value;
  const converted = valueOfLiteral(
    await meshValue(context, Buffer.from(`CONVERT(${literal} USING ${charset})`)),
    charset,
  );
  if (converted === undefined) throw new Error(`a value that cannot be converted to ${charset}: ${literal}`);
  return converted;
}

/** The values as the binary protocol sends them. */
function requestOf(values: readonly Value[]) {
  const pieces: Buffer[] = [];
  let at = 0;
  const parameters = values.map(({ type, unsigned, bytes, packed }): ExecuteParameter => {
    const sent = packed ?? bytes;
    if (sent === undefined)
      return { type: FieldType.NULL, unsigned: false, name: '', kind: 'null', start: -1, end: -1 };
    pieces.push(sent);
    const start = at;
    at += sent.length;
    return { type, unsigned, name: '', kind: 'value', start, end: at };
  });
  return { kind: 'prepared', parameters, source: Buffer.concat(pieces), cursor: 0 } as const;
}
