/** Problems of configuration files, as a reader or a machine wants them. */
import type { RuleProblem } from '../rules/index.ts';
import { paint, type Terminal } from './terminal.ts';

/** `file:line:col code message`, the suggestion below it. A problem of a flag or variable has no line. */
export function printProblems(
  terminal: Terminal,
  problems: readonly RuleProblem[],
  write: (line: string) => void = terminal.out,
): void {
  for (const { severity, ...problem } of problems) {
    const isFile = !/^(--|SHARDMESH_)/.test(problem.file);
    const place = isFile ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
    const code = paint(terminal, severity === 'error' ? 'red' : 'yellow', problem.code);
    write(`${place} ${code} ${severity === 'warning' ? 'warning: ' : ''}${problem.message}`);
    if (problem.suggestion !== undefined) write(`    ${paint(terminal, 'dim', problem.suggestion)}`);
  }
}

export function hasErrors(problems: readonly RuleProblem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

/** One entry per position, code and message: a file that several others name is checked once for each of them. */
export function withoutRepeats(problems: readonly RuleProblem[]): readonly RuleProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
