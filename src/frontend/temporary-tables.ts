/** A session's temporary tables: known by name and columns, kept by a pinned connection of one source. */
import { describeTable, execute, type Outcome, type StatementRun } from '../execute/index.ts';
import type { Action, PlanEnvironment, TemporaryTables } from '../plan/index.ts';
import type { DdlStatement } from '../sql/index.ts';
import type { Session } from './session.ts';

type Tables = Map<string, TemporaryTables['tables'] extends ReadonlyMap<string, infer T> ? T : never>;

/** Versions are never used twice in a process: plans of one set of tables must not serve another. */
let lastVersion = 0;

export class SessionTables {
  readonly source: string;
  readonly #tables: Tables = new Map();
  #overlay: { readonly base: PlanEnvironment; readonly environment: PlanEnvironment } | undefined;

  constructor(source: string) {
    this.source = source;
  }

  get size(): number {
    return this.#tables.size;
  }

  get(name: string) {
    return this.#tables.get(name);
  }

  /** Statements of the session are planned in this. */
  environment(base: PlanEnvironment): PlanEnvironment {
    if (this.#overlay?.base === base) return this.#overlay.environment;
    lastVersion += 1;
    const temporary = { source: this.source, tables: new Map(this.#tables), version: lastVersion };
    const environment = { ...base, temporary };
    this.#overlay = { base, environment };
    return environment;
  }

  change(run: (tables: Tables) => void): void {
    run(this.#tables);
    this.#overlay = undefined;
  }
}

type Pinned = Extract<Action, { kind: 'pinned' }>;

/** CREATE, ALTER, TRUNCATE and DROP of temporary tables. Rejects as `pinTo` does. */
export async function runTemporary(
  session: Session,
  run: StatementRun,
  action: Pinned,
  aftermath: Parameters<typeof execute>[2],
): Promise<Outcome> {
  const statement = run.plan.statement as DdlStatement;
  const { backend, state } = session;
  // As on servers: making and dropping them commits nothing, changing them does.
  const commits = statement.object === 'INDEX' || (statement.verb !== 'CREATE' && statement.verb !== 'DROP');
  if (commits && state.inTransaction) await backend.commit();
  const { source } = action.query;
  await backend.pinTo(source, 'temporary table');
  let outcome: Outcome;
  try {
    const { route, query, names } = action;
    outcome = await execute(run, { kind: 'forward', access: 'write', route, query, names }, aftermath);
    if (!outcome.failed) await learn(session, statement, source);
  } finally {
    if (session.temporary === undefined || session.temporary.size === 0) {
      session.temporary = undefined;
      backend.unpin('temporary table');
    }
  }
  return outcome;
}

async function learn(session: Session, statement: DdlStatement, source: string): Promise<void> {
  const names = statement.targets.map((target) => target.table.name);
  if (statement.verb === 'DROP' && statement.object === 'TABLE') {
    session.temporary?.change((tables) => {
      for (const name of names) tables.delete(name);
    });
    return;
  }
  const lease = session.backend.pin?.lease;
  if (lease === undefined) return;
  try {
    for (const name of names) {
      const described = await describeTable(lease, name);
      session.temporary ??= new SessionTables(source);
      session.temporary.change((tables) => tables.set(name, described));
    }
  } catch {
    // Its loss is told by the next statement.
    lease.destroy();
  }
}
