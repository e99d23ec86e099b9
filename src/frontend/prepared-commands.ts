/** COM_STMT_*: a client's statements are texts here; backends prepare them where they run. */
import { BackendFault, type PreparedHandle, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { type ClientRequest, clientError, logicalColumn, scratchColumns, textRequest } from '../execute/index.ts';
import { type Action, bind, compile, type Plan, type PlanEnvironment, prepareText } from '../plan/index.ts';
import { noHints } from '../rules/index.ts';
import { FingerprintBuffer, fingerprint, TokenKind } from '../sql/index.ts';
import { buildPrepareOk, type ExecuteParameter, parseExecute, payloadOf, StatusFlag } from '../wire/index.ts';
import { checkPrivileges } from './accounts.ts';
import { CursorRows } from './cursor-rows.ts';
import { syntaxJudgement } from './not-understood.ts';
import { parameterValue } from './parameter-value.ts';
import { planEnvironment } from './plan-environment.ts';
import type { PreparedStatement } from './prepared-statement.ts';
import { runAction, statementRun } from './run-action.ts';
import { hintsOf, lexPlain, syntaxErrorAt, tell } from './run-query.ts';
import type { CommandContext } from './session.ts';
import { factsOf } from './session-facts.ts';

/** max_prepared_stmt_count of one session. */
const STATEMENTS_MAX = 16_382;
/** Definition of a `?` as servers send it: VARCHAR, unknown length. */
const PARAMETER_DEFINITION = Buffer.from('03646566000000013f000c3f000000000000fd8000000000', 'hex');

/** COM_STMT_PREPARE: the metadata is that of a backend, which also checks the statement. */
export async function prepareStatement(context: CommandContext, text: Buffer): Promise<void> {
  const { session, reply, account } = context;
  const { state } = session;
  session.lastPreparedId = 0;
  if (session.prepared.size >= STATEMENTS_MAX)
    throw new MeshError('ER_MAX_PREPARED_STMT_COUNT_REACHED', { count: STATEMENTS_MAX });
  const environment = environmentOf(context);
  const tokens = lexPlain(session.share.lexer, Buffer.from(text), environment.mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  if (
    tokens.kinds[print.endToken] !== TokenKind.end &&
    hasMore(tokens.kinds, tokens.ids, print.endToken, tokens.count)
  ) {
    throw syntaxErrorAt(text, tokens.starts[print.endToken] as number);
  }
  const hints = hintsOf(tokens);
  const plan = compile({ tokens, fingerprint: print, env: environment, hints });
  checkPrivileges(account, plan.privileges, state.host);
  const input = { tokens, fingerprint: print, parameters: [], facts: factsOf(session), keys: session.database.keys };
  if (plan.kind === 'notUnderstood') throw await syntaxJudgement(context, text, refusalOf(await bind(plan, input)));
  if (plan.kind === 'refuse') throw refusalOf(await bind(plan, input));
  const metadata = await backendMetadata(context, plan, tokens, print);
  const statement: PreparedStatement = {
    id: session.nextStatementId,
    text: Buffer.from(text),
    tokens,
    fingerprint: print,
    parameterCount: print.parameterCount,
    plan,
    hints,
    environment,
    types: undefined,
    longData: new Map(),
    longBytes: 0,
    longError: undefined,
    cursor: undefined,
  };
  session.nextStatementId += 1;
  session.lastPreparedId = statement.id;
  session.prepared.set(statement.id, statement);
  reply.packet(
    payloadOf((writer) =>
      buildPrepareOk(writer, {
        statementId: statement.id,
        columnCount: metadata.columns.length,
        parameterCount: statement.parameterCount,
        warnings: 0,
      }),
    ),
  );
  definitions(
    context,
    metadata.parameters.length > 0
      ? metadata.parameters
      : Array.from({ length: statement.parameterCount }, () => PARAMETER_DEFINITION),
  );
  definitions(context, metadata.columns);
}

function refusalOf(action: Action): MeshError {
  return action.kind === 'refuse'
    ? action.error
    : new MeshError('SM_INTERNAL', { message: `a refused plan became ${action.kind}` });
}

function definitions(context: CommandContext, list: readonly Buffer[]): void {
  if (list.length === 0) return;
  for (const definition of list) context.reply.packet(definition);
  if (!context.reply.deprecateEof) context.reply.eof();
}

/** Anything but semicolons behind the statement. */
function hasMore(kinds: Uint8Array, ids: Uint16Array, from: number, count: number): boolean {
  const semicolon = ids[from];
  for (let index = from; index < count; index += 1) {
    if (kinds[index] === TokenKind.end) return false;
    if (kinds[index] !== TokenKind.punctuation || ids[index] !== semicolon) return true;
  }
  return false;
}

/** What a backend says about the statement; empty for statements that the mesh answers itself. */
async function backendMetadata(
  context: CommandContext,
  plan: Plan,
  tokens: PreparedStatement['tokens'],
  print: FingerprintBuffer,
): Promise<{ columns: readonly Buffer[]; parameters: readonly Buffer[] }> {
  const { session } = context;
  const { backend } = session;
  const wanted = prepareText(plan, {
    tokens,
    fingerprint: print,
    parameters: [],
    facts: factsOf(session),
    keys: session.database.keys,
  });
  if (wanted instanceof MeshError) throw wanted;
  if (wanted === undefined) return { columns: await columnsAcross(context, plan, tokens, print), parameters: [] };
  const { query, names } = wanted;
  const held = session.state.inTransaction
    ? await backend.takeFree(query.source)
    : await backend.take(query.source, 'read');
  try {
    const text = Buffer.from(query.text).toString('utf8');
    const handle: PreparedHandle = held.lease.connection.prepared(text) ?? (await held.lease.connection.prepare(text));
    return { columns: handle.columns.map((column) => logicalColumn(column, names)), parameters: handle.parameters };
  } catch (error) {
    if (error instanceof BackendFault) held.destroy();
    if (error instanceof ServerError || error instanceof BackendFault)
      throw asThrown(clientError(error, query.source, names, backend.directory.physicalSchemas));
    throw error;
  } finally {
    await held.done();
  }
}

/** Columns of a SELECT that no single node could prepare. Its route does not matter to them, so any parameter values will do. */
async function columnsAcross(
  context: CommandContext,
  plan: Plan,
  tokens: PreparedStatement['tokens'],
  print: FingerprintBuffer,
): Promise<readonly Buffer[]> {
  if (plan.statement?.kind !== 'query') return [];
  const parameters = Array.from({ length: print.parameterCount }, () => ({ kind: 'integer', value: 1n }) as const);
  const { session } = context;
  const input = { tokens, fingerprint: print, parameters, facts: factsOf(session), keys: session.database.keys };
  const action = await bind(plan, input);
  return action.kind === 'scratch' ? scratchColumns(statementRun(context, plan, textRequest), action) : [];
}

/** A server's error under logical names, still as the server's error. */
function asThrown(values: ReturnType<typeof clientError>): Error {
  return values instanceof MeshError ? values : new ServerError(values);
}

function environmentOf(context: CommandContext): PlanEnvironment {
  const { session } = context;
  return planEnvironment(session.snapshot, session.database, session.state.database, session.state.settings);
}

/** COM_STMT_EXECUTE. */
export async function executeStatement(context: CommandContext, payload: Buffer, capabilities: number): Promise<void> {
  const { session, account } = context;
  const statement = find(context, payload.readUInt32LE(1), 'mysqld_stmt_execute');
  const { timing } = session;
  timing.begin(context);
  if (statement.longError !== undefined) {
    const error = statement.longError;
    forgetLongData(statement);
    throw error;
  }
  const environment = environmentOf(context);
  timing.parsed(
    session.share.observer.digest(session.database.name, statement.fingerprint, statement.tokens),
    statement.tokens.hints,
  );
  if (environment !== statement.environment) {
    statement.plan = compile({
      tokens: statement.tokens,
      fingerprint: statement.fingerprint,
      env: environment,
      hints: statement.hints,
    });
    statement.environment = environment;
  }
  const { plan } = statement;
  const parsed = parseExecute(payload, statement.parameterCount, capabilities, statement.types, (index) =>
    statement.longData.has(index),
  );
  if (parsed.newTypes) statement.types = parsed.types;
  statement.cursor = undefined;
  const { parameters, source } = withLongData(statement, parsed.parameters, payload);
  forgetLongData(statement);
  checkPrivileges(account, plan.privileges, session.state.host);
  let action: Action;
  try {
    action = await bind(plan, {
      tokens: statement.tokens,
      fingerprint: statement.fingerprint,
      parameters: parameters.map((parameter) => parameterValue(parameter, source)),
      facts: factsOf(session),
      keys: session.database.keys,
    });
  } catch (error) {
    tell(context, error);
    timing.ended(context, undefined);
    return;
  }
  timing.planned();
  const request: ClientRequest = { kind: 'prepared', parameters, source, cursor: 0 };
  // As on servers, only queries get a cursor; other statements answer as without one.
  const cursor =
    parsed.cursor !== 0 && plan.statement?.kind === 'query'
      ? new CursorRows(session.snapshotInUse.limits.resultMemory)
      : undefined;
  context.reply.cursor = cursor;
  const outcome = await runAction(context, plan, action, request, statement.text, statement.hints);
  context.reply.cursor = undefined;
  if (cursor !== undefined && !outcome.failed && !cursor.overflow) statement.cursor = cursor;
  timing.ended(context, action, outcome);
}

/** Long data becomes ordinary values behind the packet's own bytes. */
function withLongData(
  statement: PreparedStatement,
  parameters: readonly ExecuteParameter[],
  payload: Buffer,
): { parameters: readonly ExecuteParameter[]; source: Buffer } {
  if (statement.longData.size === 0) return { parameters, source: payload };
  const pieces: Buffer[] = [payload];
  let end = payload.length;
  const whole = parameters.map((parameter, index): ExecuteParameter => {
    if (parameter.kind !== 'long') return parameter;
    const start = end;
    for (const piece of statement.longData.get(index) ?? []) {
      pieces.push(piece);
      end += piece.length;
    }
    return { ...parameter, kind: 'value', start, end };
  });
  return { parameters: whole, source: Buffer.concat(pieces) };
}

/** COM_STMT_SEND_LONG_DATA has no answer: errors wait for the EXECUTE. */
export function sendLongData(context: CommandContext, payload: Buffer): void {
  const id = payload.readUInt32LE(1);
  const { session } = context;
  const statement = session.prepared.get(id === LAST_PREPARED ? session.lastPreparedId : id);
  if (statement === undefined) return;
  const index = payload.readUInt16LE(5);
  const piece = Buffer.from(payload.subarray(7));
  statement.longBytes += piece.length;
  if (index >= statement.parameterCount) {
    statement.longError = new MeshError('ER_DUP_UNKNOWN_STMT', { command: 'mysqld_stmt_send_long_data' });
  } else if (statement.longBytes > context.session.snapshot.limits.maxAllowedPacket) {
    statement.longError = new MeshError('ER_NET_PACKET_TOO_LARGE');
    statement.longData.clear();
  } else {
    const pieces = statement.longData.get(index) ?? [];
    pieces.push(piece);
    statement.longData.set(index, pieces);
  }
}

export function closeStatement(context: CommandContext, payload: Buffer): void {
  context.session.prepared.delete(payload.readUInt32LE(1));
}

/** COM_STMT_FETCH: the next rows of an open cursor. It closes itself behind the last one. */
export function fetchRows(context: CommandContext, payload: Buffer): void {
  const statement = find(context, payload.readUInt32LE(1), 'mysqld_stmt_fetch');
  const { cursor } = statement;
  if (cursor === undefined) throw new MeshError('ER_STMT_HAS_NO_OPEN_CURSOR', { id: statement.id });
  const { rows, last } = cursor.take(payload.readUInt32LE(5));
  context.reply.rawRows(rows, 0, rows.length);
  context.reply.end(0, last ? StatusFlag.LAST_ROW_SENT : StatusFlag.CURSOR_EXISTS);
  if (last) statement.cursor = undefined;
}

export function resetStatement(context: CommandContext, payload: Buffer): void {
  const statement = find(context, payload.readUInt32LE(1), 'mysqld_stmt_reset');
  statement.cursor = undefined;
  forgetLongData(statement);
  context.reply.done();
}

/** COM_FIELD_LIST: the column definitions of a table, for clients with name completion. */
export async function fieldList(context: CommandContext, payload: Buffer): Promise<void> {
  const { session, reply } = context;
  const nul = payload.indexOf(0, 1);
  const table = payload.toString('utf8', 1, nul < 0 ? payload.length : nul);
  const environment = environmentOf(context);
  const text = Buffer.from(`SELECT * FROM \`${table.replaceAll('`', '``')}\` LIMIT 0`);
  const tokens = session.share.lexer.lex(text, environment.mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  const plan = compile({ tokens, fingerprint: print, env: environment, hints: noHints });
  checkPrivileges(context.account, plan.privileges, session.state.host);
  const { columns } = await backendMetadata(context, plan, tokens, print);
  // A default value follows each definition here: NULL, as for a column without default.
  for (const column of columns) reply.packet(Buffer.concat([column, Buffer.of(0xfb)]));
  reply.eof();
}

/** MariaDB's clients send EXECUTE right behind PREPARE, before they know the id. */
const LAST_PREPARED = 0xffff_ffff;

function find(context: CommandContext, id: number, command: string): PreparedStatement {
  const { session } = context;
  const statement = session.prepared.get(id === LAST_PREPARED ? session.lastPreparedId : id);
  if (statement === undefined) throw new MeshError('ER_UNKNOWN_STMT_HANDLER', { id, command });
  return statement;
}

function forgetLongData(statement: PreparedStatement): void {
  statement.longData.clear();
  statement.longBytes = 0;
  statement.longError = undefined;
}
