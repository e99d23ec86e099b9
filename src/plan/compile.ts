/** The entry of planning: a statement's tokens to a plan, and a plan with values to an action. Never throws. */

import { Buffer } from 'node:buffer';
import { MeshError } from '../base/index.ts';
import type { Hints } from '../rules/index.ts';
import {
  type Call,
  type Fingerprint,
  FingerprintBuffer,
  fingerprint,
  Lexer,
  type ParseResult,
  parse,
  type Statement,
  type TokenList,
} from '../sql/index.ts';
import type { Binding, CompiledPlan, NotUnderstoodPlan } from './compiled-plan.ts';
import { compileDdl } from './ddl.ts';
import { effectsOf, noEffects } from './effects.ts';
import { compileExplain } from './explain-statement.ts';
import { compileHinted } from './hinted.ts';
import { compileInsert, copyFingerprint } from './insert.ts';
import { compileInsertSelect } from './insert-select.ts';
import { compileLoad } from './load.ts';
import { NeedsLookups, withLookups } from './lookups.ts';
import { compileOther } from './other-statements.ts';
import { PlanBuilder } from './plan-builder.ts';
import { privilegesOf } from './privileges.ts';
import { mayReadReplica } from './replica-safe.ts';
import { StatementText } from './rewrite.ts';
import { checkSecondOpinion } from './second-opinion.ts';
import { compileSelect } from './select.ts';
import { compileShow } from './show.ts';
import { someNode } from './syntax-walk.ts';
import type { Action, BindInput, Plan, PlanEnvironment, PrepareText, Privileges, SessionEffects } from './types.ts';
import { compileWrite } from './write.ts';

export interface CompileInput {
  /** Copies: the plan keeps reading them while it compiles lazily. */
  readonly tokens: TokenList;
  readonly fingerprint: Fingerprint;
  readonly env: PlanEnvironment;
  readonly hints: Hints;
  /** Compare with the second parser (sql.md section 0, point 7). Default: true. */
  readonly secondOpinion?: boolean;
}

const nobody: Privileges = { schemas: [], admin: false, command: 'SELECT', table: '', privilege: 'SUPER' };

/** Plans one statement. Refusals become plans of kind `refuse`, texts that the parser does not know plans of kind `notUnderstood`. */
export function compile(input: CompileInput): Plan {
  const { tokens, fingerprint: print, env } = input;
  let parsed: ParseResult;
  try {
    parsed = parse(tokens, print.firstToken, env.mode, print);
  } catch (error) {
    return plan('refuse', refusing(asRefusal(error)), undefined, nobody, { ...noEffects, opaque: true }, input, []);
  }
  if (!parsed.ok) {
    const { problem } = parsed;
    const error = new MeshError('SM_NOT_UNDERSTOOD', { at: problem.at, line: problem.line, message: problem.message });
    const base = plan('notUnderstood', refusing(error), undefined, nobody, { ...noEffects, opaque: true }, input, []);
    return { ...base, kind: 'notUnderstood', problem } as NotUnderstoodPlan & CompiledPlan;
  }
  const builder = new PlanBuilder(env, new StatementText(tokens, print), input.hints);
  let effects = noEffects;
  let privileges = nobody;
  try {
    effects = effectsOf(parsed.statement, env);
    privileges = privilegesOf(parsed.statement, env);
    refuseServerIdentity(parsed.statement);
    if (input.secondOpinion !== false) checkSecondOpinion(parsed.statement, builder);
    const binding = compileStatement(parsed.statement, builder, effects);
    if (input.hints.dataSourceName !== undefined && binding.kind === 'hinted')
      privileges = { ...privileges, admin: true };
    return plan(binding.kind, binding, parsed.statement, privileges, effects, input, builder.pinned);
  } catch (error) {
    return {
      ...plan('refuse', refusing(asRefusal(error)), parsed.statement, privileges, effects, input, builder.pinned),
      error: asRefusal(error),
    } as CompiledPlan;
  }
}

function compileStatement(statement: Statement, builder: PlanBuilder, effects: SessionEffects): Binding {
  if (builder.hints.skipSqlRewrite)
    throw new MeshError('SM_UNSUPPORTED', {
      what: 'hint SKIP_SQL_REWRITE',
      reason: 'logical names mean nothing to the servers; use DATA_SOURCE_NAME with physical names',
    });
  if (builder.hints.dataSourceName !== undefined)
    return compileHinted(statement, builder.hints.dataSourceName, builder, effects);
  switch (statement.kind) {
    case 'query':
      return compileSelect(statement, builder, effects);
    case 'insert':
      return statement.source.kind === 'query'
        ? compileInsertSelect(statement, builder)
        : compileInsert(statement, builder);
    case 'update':
    case 'delete':
      return compileWrite(statement, builder);
    case 'load':
      return compileLoad(statement, builder, effects);
    case 'ddl':
      return compileDdl(statement, builder);
    case 'show':
    case 'describe':
      return compileShow(statement, builder, (sql) => compileText(sql, builder));
    case 'explain':
      return compileExplain(statement, builder, (inner) => compileStatement(inner, builder, effects));
    default:
      return compileOther(statement, builder, effects);
  }
}

/** A SELECT of the mesh's own making in place of the client's statement (SHOW TABLE STATUS). */
function compileText(sql: string, outer: PlanBuilder): Binding {
  const { environment, hints } = outer;
  const tokens = new Lexer().lex(Buffer.from(sql, 'utf8'), environment.mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  const parsed = parse(tokens, 0, environment.mode, print);
  if (!parsed.ok)
    throw new MeshError('SM_NOT_UNDERSTOOD', {
      at: parsed.problem.at,
      line: parsed.problem.line,
      message: parsed.problem.message,
    });
  const inner = compileStatement(
    parsed.statement,
    new PlanBuilder(environment, new StatementText(tokens, print), hints),
    noEffects,
  );
  return { kind: inner.kind, bind: (input) => inner.bind({ ...input, tokens, fingerprint: print, parameters: [] }) };
}

/** Plans and binds a text that was made from a part of the client's statement; `parameters` are those that it still has. Never throws. */
export function bindText(
  text: Uint8Array,
  outer: PlanBuilder,
  input: BindInput,
  parameters: readonly number[],
): Action | Promise<Action> {
  const { environment, hints } = outer;
  const tokens = new Lexer().lex(text, environment.mode).copy();
  const print = new FingerprintBuffer();
  fingerprint(tokens, 0, print);
  const inner = compile({ tokens, fingerprint: print, env: environment, hints, secondOpinion: false });
  return bind(inner, {
    ...input,
    tokens,
    fingerprint: print,
    parameters: parameters.map((index) => input.parameters[index]!),
  });
}

/** Plans a statement inside of another one (SET STATEMENT ... FOR, EXPLAIN). */
export type CompileInner = (statement: Statement) => Binding;

function plan(
  kind: string,
  binding: Binding,
  statement: Statement | undefined,
  privileges: Privileges,
  effects: SessionEffects,
  input: CompileInput,
  pinned: Plan['pinned'],
): CompiledPlan {
  const size = input.tokens.text.length;
  // A measured guess: the tree takes some 60 bytes per byte of text, the templates as much again.
  return {
    kind,
    binding,
    statement,
    privileges,
    effects,
    replicaReads: statement !== undefined && !input.hints.writeRouteOnly && mayReadReplica(statement, effects),
    parameterCount: input.fingerprint.parameterCount,
    pinned,
    weight: 2_000 + size * 100,
  };
}

/** Functions that tell a server's own connection id, which is nobody's in the mesh: a wrong answer. */
function refuseServerIdentity(statement: Statement): void {
  if (!someNode(statement, (node) => node.kind === 'call' && (node as unknown as Call).name === 'IS_USED_LOCK')) return;
  throw new MeshError('SM_UNSUPPORTED', {
    what: 'IS_USED_LOCK()',
    reason: 'it would tell a connection of the server, which is no session of the mesh; use IS_FREE_LOCK()',
  });
}

function refusing(error: MeshError): Binding {
  return { kind: 'refuse', bind: () => ({ kind: 'refuse', error }) };
}

function asRefusal(error: unknown): MeshError {
  if (error instanceof MeshError) return error;
  return new MeshError(
    'SM_INTERNAL',
    { message: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );
}

/** A statement asks its lookup tables in at most so many rounds: one for its rows, or one per level of its strategies. */
const LOOKUP_ROUNDS = 4;

/**
 * Turns a plan and the values of one execution into an action. Never throws; a promise only while a key generator, a lookup
 * table or a first reading statement needs one.
 */
export function bind(plan: Plan, input: BindInput, round = 0): Action | Promise<Action> {
  const refusal = (error: unknown): Action | Promise<Action> => {
    if (!(error instanceof NeedsLookups) || round >= LOOKUP_ROUNDS) return { kind: 'refuse', error: asRefusal(error) };
    // The lexer reads other texts meanwhile.
    const kept: BindInput = { ...input, tokens: input.tokens.copy(), fingerprint: copyFingerprint(input.fingerprint) };
    return withLookups(kept, error)
      .then((answered) => bind(plan, answered, round + 1))
      .catch((failure: unknown): Action => ({ kind: 'refuse', error: asRefusal(failure) }));
  };
  try {
    const action = (plan as CompiledPlan).binding.bind(input);
    return action instanceof Promise ? action.catch(refusal) : action;
  } catch (error) {
    return refusal(error);
  }
}

/** A text that one backend can PREPARE to learn the statement's metadata; undefined: the mesh answers by itself or cannot tell. */
export function prepareText(plan: Plan, input: BindInput): PrepareText | undefined {
  try {
    return (plan as CompiledPlan).binding.prepare?.(input);
  } catch (error) {
    if (error instanceof MeshError) return undefined;
    throw error;
  }
}
