/** `transactions`: lists what has not ended and resolves it, by asking the servers themselves: no sidecar has to run. */
import { systemClock } from '../base/index.ts';
import { deliveryGround, SourcePools, serverTargets } from '../execute/index.ts';
import { DeliveryDesk, type ResolveWord, TransactionDesk, XaDesk, XaNode } from '../transaction/index.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { loadEither } from './load-files.ts';
import { hasErrors, printProblems } from './problems.ts';
import { columns, type Terminal } from './terminal.ts';

export interface TransactionsFlags {
  readonly config: string;
  readonly json?: boolean;
  readonly reason?: string;
}

/** `words`: none or `list`, or `resolve GID commit|rollback|retry|skip BRANCH|force commit|rollback BRANCH`. */
export async function transactions(
  terminal: Terminal,
  words: readonly string[],
  flags: TransactionsFlags,
): Promise<ExitCode> {
  const loaded = loadEither(flags.config, {}, terminal.env);
  if (hasErrors(loaded.problems)) {
    printProblems(terminal, loaded.problems);
    return ExitCode.failed;
  }
  const pools = new SourcePools();
  const targets = serverTargets(loaded.ruleSets);
  const node = new XaNode({
    clock: systemClock,
    servers: () => targets,
    unsafeReplication: () => 'warn',
    keepMs: () => loaded.config?.transaction.keepDecisionsMs ?? 24 * 3_600_000,
    report: () => undefined,
  });
  try {
    for (const { address } of targets) {
      const problem = await node.learn(address).then(
        (facts) => facts.problem,
        (error: Error) => error.message,
      );
      if (problem !== undefined) terminal.err(`${address}: ${problem}`);
    }
    const grounds = loaded.ruleSets.map((rules) => deliveryGround(rules, pools));
    const desk = new TransactionDesk(new XaDesk(node), new DeliveryDesk(() => grounds));
    if (words[0] === 'resolve') {
      const [, gid = '', ...rest] = words;
      const actor = `cli:${terminal.env['USER'] ?? 'unknown'}`;
      await desk.resolve({ gid, word: wordOf(rest), actor, reason: flags.reason ?? '' });
      terminal.out(flags.json === true ? JSON.stringify({ ok: true }) : `${gid}: ordered`);
      return ExitCode.ok;
    }
    if (words.length > 0 && words[0] !== 'list')
      throw new CommandFailure(ExitCode.usage, `'${words[0]}' is neither list nor resolve`);
    const open = await desk.list();
    if (flags.json === true) terminal.out(JSON.stringify({ transactions: open }));
    else if (open.length === 0) terminal.out('no open transactions');
    else
      for (const line of columns(terminal, [
        ['GID', 'TYPE', 'STATE', 'PLACE', 'BRANCH', 'AGE s', 'DETAIL'],
        ...open.map((one) => [
          one.gid,
          one.type,
          one.state,
          one.place,
          one.branch,
          String(Math.floor(one.ageMs / 1000)),
          one.detail,
        ]),
      ]))
        terminal.out(line);
    return ExitCode.ok;
  } finally {
    await node.stop();
    pools.close();
  }
}

function wordOf(words: readonly string[]): ResolveWord {
  const [first = '', second = '', third = ''] = words.map((word) => word.toLowerCase());
  if (words.length === 1 && (first === 'commit' || first === 'rollback' || first === 'retry')) return { kind: first };
  if (words.length === 2 && first === 'skip') return { kind: 'skip', branch: words[1] as string };
  if (words.length === 3 && first === 'force' && (second === 'commit' || second === 'rollback') && third !== '')
    return { kind: 'force', outcome: second, branch: words[2] as string };
  throw new CommandFailure(
    ExitCode.usage,
    'write: resolve GID commit | rollback | retry | skip BRANCH | force commit BRANCH | force rollback BRANCH',
  );
}
