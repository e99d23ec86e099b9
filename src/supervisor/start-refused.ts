/** The first load failed: there is nothing to run with. */
import type { RuleProblem } from '../rules/index.ts';

export class StartRefused extends Error {
  readonly problems: readonly RuleProblem[];

  constructor(reason: string, problems: readonly RuleProblem[]) {
    super(reason);
    this.name = 'StartRefused';
    this.problems = problems;
  }
}
