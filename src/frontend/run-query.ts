/** The life of a query: the statements of one packet, one after the other. Reads like ARCHITECTURE.md's picture. */
import { textRequest } from '../execute/index.ts';
import { type Action, type BindInput, bind, compile, type Plan } from '../plan/index.ts';
import type { Hints } from '../rules/index.ts';
import { FingerprintBuffer, fingerprint } from '../sql/index.ts';
import { checkPrivileges } from './accounts.ts';
import { runAction } from './run-action.ts';
import type { CommandContext } from './session.ts';
import { sessionEnvironment } from './session-environment.ts';
import { factsOf } from './session-facts.ts';
import { hintsOf } from './statement-hints.ts';
import { lexPlain, nextStatement, syntaxErrorAt } from './statement-text.ts';
import { tell } from './tell-refusal.ts';

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
