/** Runs one case on two sides, statement by statement, and stops at the first difference. */
import type { DifferentialCase, Step } from './case-file.ts';
import { differences } from './compare.ts';
import { type Outcome, type Protocol, RawClient } from './raw-client.ts';
import { tables } from './schema.ts';
import type { Side } from './world.ts';

/** These read what the previous statement left: asking for warnings in between would change it. */
const readsDiagnostics =
  /\b(row_count|found_rows)\s*\(|show\s+(count\s*\(\s*\*\s*\)\s*)?(warnings|errors)|get\s+(current\s+)?diagnostics|@@(session\.)?(warning|error)_count/i;
const readsOnly =
  /^\s*(\/\*[\s\S]*?\*\/\s*)*\(*\s*(select|show|desc|describe|explain|set|use|begin|start|commit|rollback|savepoint|release|values|do|help)\b/i;

/** These leave the diagnostics of the statement before them on a plain server. */
const keepsDiagnostics = /^\s*(begin|start|commit|rollback|savepoint|release|use)\b/i;

const prepareUnsupported = 1295;

const textOf = (step: Step): string =>
  step.params.length > 0 ? `${step.sql}   -- ${JSON.stringify(step.params)}` : step.sql;

const unexpectedError = (step: Step, plain: Outcome): string | undefined => {
  if (plain.kind === 'error' && plain.errno !== step.error) {
    return `the case is wrong: the plain server answers error ${plain.errno}: ${plain.message}`;
  }
  if (plain.kind !== 'error' && step.error !== undefined) {
    return `the case is wrong: the plain server was to answer error ${step.error} and did not`;
  }
  return undefined;
};

/** Where one source has everything, the mesh may answer what it refuses elsewhere; then the answer must be right. */
const refusal = (code: string, mesh: Outcome): string | undefined =>
  mesh.kind === 'error' && mesh.message.includes(`[${code}]`)
    ? undefined
    : `expected a refusal with ${code}, mesh: ${mesh.kind === 'error' ? `${mesh.errno} ${mesh.message}` : mesh.kind}`;

const runSteps = async (
  one: DifferentialCase,
  protocol: Protocol,
  plainClient: RawClient,
  meshClient: RawClient,
  oneSource: boolean,
): Promise<string | undefined> => {
  for (const [index, step] of one.steps.entries()) {
    const next = one.steps[index + 1];
    const diagnostics =
      !readsDiagnostics.test(step.sql) &&
      !keepsDiagnostics.test(step.sql) &&
      (next === undefined || !readsDiagnostics.test(next.sql));
    let used = protocol;
    let plain = await plainClient.run(step, used, diagnostics);
    if (
      used === 'binary' &&
      plain.kind === 'error' &&
      plain.errno === prepareUnsupported &&
      step.error !== prepareUnsupported
    ) {
      used = 'text';
      plain = await plainClient.run(step, used, diagnostics);
    }
    // A failed attempt to prepare leaves its error in the diagnostics of the plain server alone.
    const mesh = await meshClient.run(step, used, diagnostics && used === protocol);
    const refused = one.expect.kind === 'refuse' && next === undefined ? one.expect.code : undefined;
    const problems =
      refused === undefined
        ? [unexpectedError(step, plain) ?? differences(step, plain, mesh)].flat()
        : oneSource && mesh.kind !== 'error'
          ? differences(step, plain, mesh)
          : [refusal(refused, mesh) ?? []].flat();
    if (problems.length > 0) return `${textOf(step)}\n    ${problems.slice(0, 8).join('\n    ')}`;
  }
  return undefined;
};

/** The logical tables whose rows the case may have changed. */
const touched = (one: DifferentialCase): ReadonlySet<string> => {
  const writes = one.steps.some((step) => !readsOnly.test(step.sql));
  if (!writes) return new Set();
  const all = one.steps.map((step) => step.sql).join('\n');
  return new Set(tables.map((table) => table.name).filter((name) => new RegExp(`\\b${name}\\b`, 'i').test(all)));
};

const makesTables = (one: DifferentialCase): boolean =>
  one.steps.some((step) => /^\s*(create|alter|drop)\b/i.test(step.sql));

/** Removes what a case made and, having failed, did not remove itself: through the side, then on its servers. */
const removeMade = async (side: Side): Promise<void> => {
  const left = await side.leftovers();
  if (left.length === 0) return;
  const client = await RawClient.open(side.address);
  const drop = (sql: string) =>
    client.run({ sql, params: [], error: undefined, order: 'any', ignore: [] }, 'text', false);
  for (const name of new Set(left.map((one) => one.replace(/_\d+$/, '')))) {
    await drop(`DROP VIEW IF EXISTS ${name}`);
    await drop(`DROP TABLE IF EXISTS ${name}`);
  }
  await client.close();
  await side.removeLeftovers();
};

/** Undefined when both sides agree; otherwise the statement and what differs. Rows are put back afterwards. */
export const runCase = async (
  one: DifferentialCase,
  protocol: Protocol,
  plain: Side,
  mesh: Side,
): Promise<string | undefined> => {
  const plainClient = await RawClient.open(plain.address);
  let meshClient: RawClient;
  try {
    meshClient = await RawClient.open(mesh.address);
  } catch (error) {
    await plainClient.close();
    return `cannot connect: ${(error as Error).message}`;
  }
  let problem: string | undefined;
  try {
    problem = await runSteps(one, protocol, plainClient, meshClient, mesh.oneSource);
  } finally {
    await Promise.all([plainClient.close(), meshClient.close()]);
  }
  const names = touched(one);
  if (makesTables(one)) {
    await removeMade(plain);
    await removeMade(mesh);
  }
  if (names.size > 0) await Promise.all([plain.reset(names), mesh.reset(names)]);
  return problem;
};
