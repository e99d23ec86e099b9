/** COM_STMT_*: a client's statements are texts here; backends prepare them where they run. */
import { BackendFault, type PreparedHandle, ServerError } from '../backend/index.ts';
import { MeshError, ownCopy } from '../base/index.ts';
import {
  type ClientRequest,
  clientError,
  logicalColumn,
  type Outcome,
  quietOutcome,
  scratchColumns,
  textRequest,
} from '../execute/index.ts';
import { type Action, bind, compile, type Plan, type PlanEnvironment, prepareText } from '../plan/index.ts';
import { isHintComment, noHints } from '../rules/index.ts';
import type { SessionState } from '../session/index.ts';
import { type Fingerprint, FingerprintBuffer, fingerprint, type TokenList } from '../sql/index.ts';
import { buildPrepareOk, type ExecuteParameter, parseExecute, payloadOf, StatusFlag } from '../wire/index.ts';
import { checkPrivileges } from './accounts.ts';
import { CursorRows } from './cursor-rows.ts';
import { syntaxJudgement } from './not-understood.ts';
import { parameterValue } from './parameter-value.ts';
import type { PreparedStatement } from './prepared-statement.ts';
import { attributeComments } from './query-attributes.ts';
import { runAction } from './run-action.ts';
import type { CommandContext, Session } from './session.ts';
import { sessionEnvironment } from './session-environment.ts';
import { factsOf } from './session-facts.ts';
import { statementRun } from './shard-run.ts';
import { hintsOf } from './statement-hints.ts';
import { lexPlain, nextStatement, syntaxErrorAt } from './statement-text.ts';
import { tell } from './tell-refusal.ts';

/** Definition of a `?` as servers send it: VARCHAR, unknown length. */
const PARAMETER_DEFINITION = Buffer.from('03646566000000013f000c3f000000000000fd8000000000', 'hex');

/** COM_STMT_PREPARE: the metadata is that of a backend, which also checks the statement. */
export async function prepareStatement(context: CommandContext, text: Buffer): Promise<void> {
  const { session, reply } = context;
  session.lastPreparedId = 0;
  requireRoom(session);
  const { statement, columns, parameters } = await plannedStatement(context, ownCopy(text));
  session.lastPreparedId = statement.id;
  session.prepared.set(statement.id, statement);
  const { parameterCount } = statement;
  reply.packet(
    payloadOf((writer) =>
      buildPrepareOk(writer, { statementId: statement.id, columnCount: columns.length, parameterCount, warnings: 0 }),
    ),
  );
  definitions(
    context,
    parameters.length > 0 ? parameters : Array.from({ length: parameterCount }, () => PARAMETER_DEFINITION),
  );
  definitions(context, columns);
}

/** Throws MySQL's 1461 when the session has as many statements as it may have, those of the text protocol included. */
export function requireRoom(session: Session): void {
  const count = session.prepared.size + session.named.size;
  const most = session.snapshot.limits.preparedStatements;
  if (count >= most) throw new MeshError('ER_MAX_PREPARED_STMT_COUNT_REACHED', { count: most });
}

/** A statement that a backend has checked, and what it says about it. Rejects with MeshError or ServerError. The text is kept. */
export async function plannedStatement(
  context: CommandContext,
  text: Buffer,
): Promise<{
  readonly statement: PreparedStatement;
  readonly columns: readonly Buffer[];
  readonly parameters: readonly Buffer[];
}> {
  const { session, account } = context;
  const { state } = session;
  const environment = sessionEnvironment(context.session);
  const tokens = lexPlain(session.share.lexer, text, environment.mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  const next = nextStatement(tokens, print.endToken);
  if (next !== undefined) throw syntaxErrorAt(text, next);
  const plan = planOf(session, tokens, print, environment);
  checkPrivileges(account, plan.privileges, state.host);
  if (plan.statement?.kind === 'load') throw new MeshError('ER_UNSUPPORTED_PS');
  const input = { tokens, fingerprint: print, parameters: [], facts: factsOf(session), keys: session.database.keys };
  if (plan.kind === 'notUnderstood') throw await syntaxJudgement(context, text, refusalOf(await bind(plan, input)));
  if (plan.kind === 'refuse') throw refusalOf(await bind(plan, input));
  if (plan.statement?.kind === 'empty') throw new MeshError('ER_EMPTY_QUERY');
  if (isNotPreparable(plan)) throw new MeshError('ER_UNSUPPORTED_PS');
  const metadata = await backendMetadata(context, plan, tokens, print);
  if (!plan.effects.keepsDiagnostics) clearDiagnostics(state);
  const statement: PreparedStatement = {
    id: session.nextStatementId,
    text,
    tokens,
    fingerprint: print,
    parameterCount: print.parameterCount,
    plan,
    hints: hintsOf(tokens),
    environment,
    types: undefined,
    longData: new Map(),
    longBytes: 0,
    longError: undefined,
    cursor: undefined,
  };
  session.nextStatementId += 1;
  return { statement, ...metadata };
}

/** The tables of a statement are opened to check it: as after any that uses tables. */
function clearDiagnostics(state: SessionState): void {
  state.diagnostics = [];
  state.warningCount = 0;
}

/** Plans are shared with the text protocol and all sessions. */
function planOf(session: Session, tokens: TokenList, print: Fingerprint, environment: PlanEnvironment): Plan {
  const { plans } = session.share;
  const known = plans.get(print, tokens, environment);
  if (known !== undefined) return known;
  const plan = compile({ tokens, fingerprint: print, env: environment, hints: hintsOf(tokens) });
  plans.put(print, environment, plan);
  return plan;
}

/** As on servers: what names prepared statements cannot be one itself. */
function isNotPreparable({ statement }: Plan): boolean {
  if (statement?.kind === 'other') return ['PREPARE', 'EXECUTE', 'DEALLOCATE'].includes(statement.verb);
  return false;
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
  // What is pinned there may be temporary tables, which only that connection knows.
  const pinned = backend.pin?.source === query.source;
  const held =
    session.state.inTransaction && !pinned
      ? await backend.leases.takeFree(query.source)
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

/** COM_STMT_EXECUTE. */
export async function executeStatement(context: CommandContext, payload: Buffer, capabilities: number): Promise<void> {
  const { session } = context;
  const statement = find(context, payload.readUInt32LE(1), 'mysqld_stmt_execute');
  session.timing.begin(context);
  if (statement.longError !== undefined) {
    const error = statement.longError;
    forgetLongData(statement);
    throw error;
  }
  const parsed = parseExecute(payload, statement.parameterCount, capabilities, statement.types, (index) =>
    statement.longData.has(index),
  );
  if (parsed.newTypes) statement.types = parsed.types;
  statement.cursor = undefined;
  const { parameters, source } = withLongData(statement, parsed.parameters, payload);
  forgetLongData(statement);
  const { timing } = session;
  const comments = attributeComments(parsed.attributes, payload);
  if (comments.some((body) => isHintComment(body)))
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'a hint as query attribute of EXECUTE',
      reason: 'the statement was planned before; write the hint into its text',
    });
  timing.parsed(
    session.share.observer.digest(session.database.name, statement.fingerprint, statement.tokens),
    comments.length > 0 ? comments : statement.tokens.hints,
  );
  const request = { kind: 'prepared', parameters, source, cursor: 0 } as const;
  const { action, outcome } = await runPrepared(context, statement, request, parsed.cursor !== 0, () =>
    timing.planned(),
  );
  timing.ended(context, action, outcome);
}

/** Runs a statement with its parameters; the rows of queries go into a cursor if one is `wanted`. */
export async function runPrepared(
  context: CommandContext,
  statement: PreparedStatement,
  request: Extract<ClientRequest, { kind: 'prepared' }>,
  wanted: boolean,
  onPlanned: () => void = () => undefined,
): Promise<{ readonly action: Action | undefined; readonly outcome: Outcome }> {
  const { session, account } = context;
  const environment = sessionEnvironment(context.session);
  if (environment !== statement.environment) {
    statement.plan = planOf(session, statement.tokens, statement.fingerprint, environment);
    statement.environment = environment;
  }
  const { plan } = statement;
  checkPrivileges(account, plan.privileges, session.state.host);
  let action: Action;
  try {
    action = await bind(plan, {
      tokens: statement.tokens,
      fingerprint: statement.fingerprint,
      parameters: request.parameters.map((parameter) => parameterValue(parameter, request.source)),
      facts: factsOf(session),
      keys: session.database.keys,
    });
  } catch (error) {
    tell(context, error);
    return { action: undefined, outcome: { ...quietOutcome, failed: true } };
  }
  onPlanned();
  // As on servers, only queries get a cursor; other statements answer as without one.
  const cursor =
    wanted && plan.statement?.kind === 'query' ? new CursorRows(session.snapshotInUse.limits.resultMemory) : undefined;
  context.reply.cursor = cursor;
  const outcome = await runAction(context, plan, action, request, statement.text, statement.hints);
  context.reply.cursor = undefined;
  if (cursor !== undefined && !outcome.failed && !cursor.overflow) statement.cursor = cursor;
  return { action, outcome };
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
  const environment = sessionEnvironment(context.session);
  const text = Buffer.from(`SELECT * FROM \`${table.replaceAll('`', '``')}\` LIMIT 0`);
  const tokens = session.share.lexer.lex(text, environment.mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  const plan = compile({ tokens, fingerprint: print, env: environment, hints: noHints });
  checkPrivileges(context.account, plan.privileges, session.state.host);
  if (plan.kind === 'refuse' || plan.kind === 'notUnderstood') {
    const input = { tokens, fingerprint: print, parameters: [], facts: factsOf(session), keys: session.database.keys };
    throw refusalOf(await bind(plan, input));
  }
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
