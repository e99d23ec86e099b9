/** `explain`: where a statement would go and why, without running it. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { systemClock } from '../base/index.ts';
import type { SchemaSnapshot } from '../catalog/index.ts';
import { SchemaLoader } from '../control/index.ts';
import {
  type Action,
  bind,
  compile,
  explainRows,
  type KeySupply,
  type LocalRows,
  type PlanEnvironment,
  type SessionFacts,
} from '../plan/index.ts';
import {
  createKeyGenerator,
  isHintComment,
  noHints,
  type Overrides,
  parseHints,
  type RuleSet,
} from '../rules/index.ts';
import { initialMeshValues } from '../session/index.ts';
import { FingerprintBuffer, fingerprint, Lexer, TokenKind } from '../sql/index.ts';
import { explainMode, schemaFromDdl } from './ddl-schema.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { loadEither, pickDatabase } from './load-files.ts';
import { hasErrors, printProblems } from './problems.ts';
import { columns, paint, type Terminal } from './terminal.ts';

export interface ExplainFlags {
  readonly config: string;
  readonly database?: string;
  readonly schema?: string;
  readonly connect?: boolean;
  readonly json?: boolean;
}

/** Exit 1 when the statement would be refused, or the configuration has errors. */
export async function explain(
  terminal: Terminal,
  sql: string,
  flags: ExplainFlags,
  overrides: Overrides,
): Promise<ExitCode> {
  const loaded = loadEither(flags.config, overrides, terminal.env);
  if (hasErrors(loaded.problems)) {
    printProblems(
      terminal,
      loaded.problems.filter((problem) => problem.severity === 'error'),
      terminal.err,
    );
    return ExitCode.failed;
  }
  const rules = pickDatabase(loaded.ruleSets, flags.database);
  const schema = await schemaOf(terminal, rules, flags);
  const databases = new Set(loaded.ruleSets.map((each) => each.databaseName));
  const { action, sampleKeys } = await actionOf(sql, rules, schema, databases);

  const shown = action.kind === 'explain' ? action.of : action;
  if (shown.kind === 'refuse') {
    const { code, errno, message } = shown.error;
    if (flags.json === true) terminal.out(JSON.stringify({ refused: true, code, errno, message }));
    else terminal.out(`${paint(terminal, 'red', 'refused')} ${code} (${errno}): ${message}`);
    return ExitCode.failed;
  }
  const rows = explainRows(shown);
  if (flags.json === true) {
    terminal.out(JSON.stringify({ database: rules.databaseName, kind: shown.kind, rows: asObjects(rows), sampleKeys }));
  } else {
    printRows(terminal, rows);
    if (sampleKeys) terminal.out(paint(terminal, 'dim', 'Generated keys are samples: each execution draws its own.'));
  }
  return ExitCode.ok;
}

async function schemaOf(terminal: Terminal, rules: RuleSet, flags: ExplainFlags): Promise<SchemaSnapshot> {
  if (flags.schema !== undefined) {
    let text: string;
    try {
      text = readFileSync(flags.schema, 'utf8');
    } catch (error) {
      throw new CommandFailure(
        ExitCode.usage,
        `--schema: ${flags.schema} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
      );
    }
    const { snapshot, problems } = schemaFromDdl(flags.schema, text);
    printProblems(terminal, problems, terminal.err);
    return withSingles(snapshot, rules);
  }
  // Without servers every table is unknown, and planning says so instead of guessing.
  const loader = new SchemaLoader({ rules, publish: () => {} });
  if (flags.connect !== true) return reasoned(loader.snapshot, 'give --schema or --connect');
  const snapshot = await loader.start();
  loader.stop();
  for (const [source, reason] of snapshot.missing)
    terminal.err(`shardmesh: source '${source}' does not answer: ${reason}`);
  if (snapshot.missing.size === rules.shardSources.length)
    throw new CommandFailure(ExitCode.unreachable, '--connect: no source answers');
  return snapshot;
}

function reasoned(snapshot: SchemaSnapshot, reason: string): SchemaSnapshot {
  return { ...snapshot, missing: new Map([...snapshot.missing.keys()].map((source) => [source, reason])) };
}

/** Tables of the DDL that the rules do not name are single tables of the default source. */
function withSingles(snapshot: SchemaSnapshot, rules: RuleSet): SchemaSnapshot {
  const singles = new Map<string, string>();
  for (const name of snapshot.tables.keys()) {
    const known = rules.tables.get(name);
    if (known === undefined) singles.set(name, rules.defaultSource);
    else if (known.kind === 'single') singles.set(name, known.nodes[0]?.source ?? rules.defaultSource);
  }
  return { ...snapshot, singleTables: singles };
}

async function actionOf(
  sql: string,
  rules: RuleSet,
  schema: SchemaSnapshot,
  databases: ReadonlySet<string>,
): Promise<{ action: Action; sampleKeys: boolean }> {
  const env: PlanEnvironment = {
    rules,
    schema,
    database: rules.databaseName,
    mode: { ...explainMode, serverVersion: schema.serverVersion, mariadb: schema.mariadb },
    sqlMode: '',
    collation: 'utf8mb4_general_ci',
    databases,
  };
  const tokens = new Lexer().lex(Buffer.from(sql, 'utf8'), env.mode);
  if (tokens.count === 0 || tokens.kinds[0] === TokenKind.end)
    throw new CommandFailure(ExitCode.usage, 'the statement is empty');
  const slots = new FingerprintBuffer();
  fingerprint(tokens, 0, slots);
  const { hints, problems } = parseHints(tokens.hints.filter((body) => isHintComment(body)));
  const [problem] = problems;
  if (problem !== undefined) throw new CommandFailure(ExitCode.failed, `hint: ${problem.message}`);
  const keys = sampleSupply(rules);
  const plan = compile({ tokens, fingerprint: slots, env, hints: tokens.hints.length === 0 ? noHints : hints });
  if (plan.parameterCount > 0)
    throw new CommandFailure(ExitCode.usage, 'the statement has parameters (?); write their values in their place');
  const action = await bind(plan, { tokens, fingerprint: slots, parameters: [], facts: nobody(rules), keys });
  return { action, sampleKeys: keys.used };
}

/** Keys as the generators would give them, without leases and tables: a worker id of 0, segments from 1. */
function sampleSupply(rules: RuleSet): KeySupply & { used: boolean } {
  return {
    used: false,
    take(name, count) {
      this.used = true;
      const spec = rules.keyGenerators.get(name);
      if (spec === undefined) throw new CommandFailure(ExitCode.internal, `there is no key generator '${name}'`);
      const generator = createKeyGenerator(spec, {
        clock: systemClock,
        workerIndex: 0,
        workers: 1,
        random: (size) => randomBytes(size),
        workerIds: { current: () => ({ workerId: 0, validUntil: Number.POSITIVE_INFINITY }) },
        segments: { fetch: async (_, wanted) => ({ first: 1n, count: wanted }) },
      });
      return generator.take(count) as bigint[] | string[] | Promise<bigint[] | string[]>;
    },
  };
}

function nobody(rules: RuleSet): SessionFacts {
  return {
    database: rules.databaseName,
    connectionId: 1,
    user: 'explain@localhost',
    currentUser: 'explain@%',
    lastInsertId: 0n,
    foundRows: 0n,
    rowCount: 0n,
    warningCount: 0,
    errorCount: 0,
    autocommit: true,
    inTransaction: false,
    mesh: initialMeshValues,
    position: { token: '' },
  };
}

function asObjects(rows: LocalRows): Record<string, string | number | null>[] {
  return rows.rows.map((row) =>
    Object.fromEntries(
      rows.columns.map(({ name }, index) => {
        const value = row[index] ?? null;
        return [
          name,
          typeof value === 'bigint'
            ? value <= BigInt(Number.MAX_SAFE_INTEGER)
              ? Number(value)
              : String(value)
            : value,
        ];
      }),
    ),
  );
}

function printRows(terminal: Terminal, rows: LocalRows): void {
  const cells = rows.rows.map((row) => row.map((value) => (value === null ? '' : String(value))));
  for (const line of columns(terminal, [rows.columns.map(({ name }) => name.toUpperCase()), ...cells]))
    terminal.out(line);
}
