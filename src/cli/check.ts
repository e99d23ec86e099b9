/** `check`: every problem of configuration files, at its line and column; with --connect also of the live servers. */
import { checkLive } from '../control/index.ts';
import type { Overrides, RuleProblem } from '../rules/index.ts';
import { ExitCode } from './exit-code.ts';
import { loadEither } from './load-files.ts';
import { hasErrors, printProblems, withoutRepeats } from './problems.ts';
import { paint, type Terminal } from './terminal.ts';

export interface CheckFlags {
  readonly connect?: boolean;
  readonly json?: boolean;
}

/** Exit 1 with errors, 0 with warnings only. */
export async function check(
  terminal: Terminal,
  files: readonly string[],
  flags: CheckFlags,
  overrides: Overrides,
): Promise<ExitCode> {
  const problems: RuleProblem[] = [];
  for (const file of files) {
    const loaded = loadEither(file, overrides, terminal.env);
    problems.push(...loaded.problems);
    if (flags.connect !== true) continue;
    for (const rules of loaded.ruleSets) problems.push(...(await checkLive(rules)));
  }
  const all = withoutRepeats(problems);
  const failed = hasErrors(all);
  if (flags.json === true) {
    terminal.out(JSON.stringify({ ok: !failed, files, problems: all }));
  } else {
    printProblems(terminal, all);
    const errors = all.filter((problem) => problem.severity === 'error').length;
    const warnings = all.length - errors;
    const summary = `${files.length} file${files.length === 1 ? '' : 's'} checked${flags.connect === true ? ' with live servers' : ''}: ${errors} error${errors === 1 ? '' : 's'}, ${warnings} warning${warnings === 1 ? '' : 's'}`;
    terminal.out(paint(terminal, failed ? 'red' : 'green', summary));
  }
  return failed ? ExitCode.failed : ExitCode.ok;
}
