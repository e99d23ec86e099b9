/** `init-transactions`: the tables of transactions, on every primary that the configuration names. */
import { initTransactions } from '../control/index.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { loadEither } from './load-files.ts';
import { hasErrors, printProblems } from './problems.ts';
import { paint, type Terminal } from './terminal.ts';

export interface InitFlags {
  readonly config: string;
  readonly user?: string;
  readonly json?: boolean;
}

/** Exit 0 when every primary has what it needs; it may be run again at any time. */
export async function initTransactionTables(terminal: Terminal, flags: InitFlags): Promise<ExitCode> {
  const loaded = loadEither(flags.config, {}, terminal.env);
  if (hasErrors(loaded.problems)) {
    printProblems(terminal, loaded.problems);
    return ExitCode.failed;
  }
  const password = terminal.env['SHARDMESH_INIT_PASSWORD'];
  if (flags.user !== undefined && password === undefined)
    throw new CommandFailure(ExitCode.usage, '--user needs its password in SHARDMESH_INIT_PASSWORD');
  const results = await initTransactions(
    loaded.ruleSets,
    flags.user === undefined ? undefined : { user: flags.user, password: password ?? '' },
  );
  const ok = results.every((result) => result.problem === undefined);
  if (flags.json === true) {
    terminal.out(JSON.stringify({ ok, servers: results }));
  } else {
    for (const { source, address, problem, remedy } of results) {
      const words = problem === undefined ? paint(terminal, 'green', 'ready') : paint(terminal, 'red', problem);
      terminal.out(`${source} (${address}): ${words}`);
      if (remedy !== undefined) terminal.out(`  ${remedy}`);
    }
  }
  return ok ? ExitCode.ok : ExitCode.failed;
}
