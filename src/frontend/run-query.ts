/** The life of a query: the statements of one packet, one after the other. Reads like ARCHITECTURE.md's picture. */
import { BackendFault, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import { clientError, textRequest } from '../execute/index.ts';
import { type Action, type BindInput, bind, compile, type Plan } from '../plan/index.ts';
import { type Hints, isHintComment, noHints, parseHints } from '../rules/index.ts';
import type { SessionState } from '../session/index.ts';
import {
  FingerprintBuffer,
  fingerprint,
  type Lexer,
  type LexMode,
  Op,
  TokenKind,
  type TokenList,
  withoutExecutableComments,
} from '../sql/index.ts';
import { checkPrivileges } from './accounts.ts';
import { runAction } from './run-action.ts';
import type { CommandContext } from './session.ts';
import { sessionEnvironment } from './session-environment.ts';
import { factsOf } from './session-facts.ts';

/** Shared by all statements: planning is synchronous, so nobody sees another's fingerprint. */
const scratch = new FingerprintBuffer();

/** A statement that is about to be bound to its shards. */
interface Planned {
  readonly plan: Plan;
  readonly hints: Hints;
  readonly bound: Action | Promise<Action>;
  /** Where the next statement of the packet begins. */
  readonly next: number | undefined;
}

/** COM_QUERY: answers every statement of the text, and stops at the first error. Never rejects for what a client sends. */
export async function runQuery(context: CommandContext, text: Buffer, multiStatements: boolean): Promise<void> {
  const { reply } = context;
  const { timing } = context.session;
  for (let rest = text; ; ) {
    let planned: Planned;
    let action: Action;
    try {
      planned = planStatement(context, rest, multiStatements);
      action = planned.bound instanceof Promise ? await planned.bound : planned.bound;
    } catch (error) {
      tell(context, error);
      timing.ended(context, undefined);
      return;
    }
    timing.planned();
    const { plan, hints, next } = planned;
    reply.moreResults = next !== undefined;
    const outcome = await runAction(context, plan, action, textRequest, rest, hints);
    reply.moreResults = false;
    timing.ended(context, action, outcome);
    if (outcome.failed || next === undefined) return;
    rest = rest.subarray(next);
  }
}

/** The first statement of `text`, up to what has to be awaited. Throws what is refused. */
function planStatement(context: CommandContext, text: Buffer, multiStatements: boolean): Planned {
  const { session, account } = context;
  const { share, state, timing } = session;
  timing.begin(context);
  const environment = sessionEnvironment(session);
  const { database } = session;
  const tokens = lexPlain(share.lexer, text, environment.mode);
  fingerprint(tokens, 0, scratch);
  timing.parsed(share.observer.digest(database.name, scratch, tokens), tokens.hints);
  const next = nextStatement(tokens, scratch.endToken);
  if (next !== undefined && !multiStatements) throw syntaxErrorAt(text, next);
  const hints = hintsOf(tokens);
  let plan = share.plans.get(scratch, tokens, environment);
  if (plan === undefined) {
    plan = compile({ tokens: tokens.copy(), fingerprint: scratch.copy(), env: environment, hints });
    share.plans.put(scratch, environment, plan);
  }
  checkPrivileges(account, plan.privileges, state.host);
  const input: BindInput = {
    tokens,
    fingerprint: scratch,
    parameters: [],
    facts: factsOf(session),
    keys: database.keys,
  };
  return { plan, hints, bound: bind(plan, input), next };
}

/** Tokens of a text without marks of executable comments: it is lexed again if there were any. */
export function lexPlain(lexer: Lexer, text: Uint8Array, mode: LexMode): TokenList {
  const tokens = lexer.lex(text, mode);
  const plain = withoutExecutableComments(tokens);
  return plain === text ? tokens : lexer.lex(plain, mode);
}

/** Where the statement after this one begins, if there is more than semicolons and comments. */
export function nextStatement(tokens: TokenList, endToken: number): number | undefined {
  for (let index = endToken; index < tokens.count; index += 1) {
    if (tokens.kinds[index] === TokenKind.end) return undefined;
    const semicolon = tokens.kinds[index] === TokenKind.punctuation && tokens.ids[index] === Op.SEMICOLON;
    if (!semicolon) return tokens.starts[index];
  }
  return undefined;
}

/** Throws SM_CONFIG for a hint that is not understood: ignored, it would send the statement elsewhere. */
export function hintsOf(tokens: TokenList): Hints {
  if (tokens.hints.length === 0) return noHints;
  const bodies = tokens.hints.filter((body) => isHintComment(body));
  const branch = branchOf(tokens.hints);
  if (bodies.length === 0) return branch === undefined ? noHints : { ...noHints, variables: new Map([branch]) };
  const { hints, problems } = parseHints(
    branch === undefined ? bodies : [`SHARDMESH_HINT: BRANCH=${branch[1]}`, ...bodies],
  );
  const [problem] = problems;
  if (problem !== undefined) throw new MeshError('SM_CONFIG', { message: `hint: ${problem.message}` });
  return hints;
}

/** The branch of a transaction across services that a sqlcommenter comment carries in its tracestate. */
function branchOf(comments: readonly string[]): [string, string] | undefined {
  for (const comment of comments) {
    const entry = /tracestate='[^']*?shardmesh(?:=|%3D)([^',]+?)(?:%2C|[',])/i.exec(comment)?.[1];
    if (entry === undefined) continue;
    try {
      return ['shardmesh_branch', decodeURIComponent(entry)];
    } catch {
      // Not ours after all.
    }
  }
  return undefined;
}

export function syntaxErrorAt(text: Buffer, offset: number): MeshError {
  const line = text.subarray(0, offset).filter((byte) => byte === 0x0a).length + 1;
  return new MeshError('ER_PARSE_ERROR', { near: text.subarray(offset, offset + 80).toString('utf8'), line });
}

/** Tells a refusal; anything else is a bug of ours and is told as such. */
export function tell(context: CommandContext, error: unknown): undefined {
  const { state, share, backend, database } = context.session;
  if (error instanceof ServerError || error instanceof BackendFault) {
    const names = { database: database.name, tables: new Map<string, string>() };
    const values = clientError(error, backend.directory.defaultSource, names, backend.directory.physicalSchemas);
    onlyError(state, values, values.message);
    state.rowCount = -1n;
    context.reply.error(values);
    return undefined;
  }
  const refusal =
    error instanceof MeshError ? error : new MeshError('SM_INTERNAL', { message: messageOf(error) }, { cause: error });
  if (refusal !== error) share.observer.bug(error);
  onlyError(state, refusal, refusal.clientMessage);
  state.rowCount = -1n;
  context.reply.error(refusal);
  return undefined;
}

/** The session's list of warnings is this error. */
export function onlyError(
  state: SessionState,
  { errno, sqlState }: { readonly errno: number; readonly sqlState: string },
  message: string,
): void {
  state.diagnostics = [{ level: 'Error', code: errno, message, sqlState }];
  state.warningCount = 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
