/** The commands, their flags and their help. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { MeshError } from '../base/index.ts';
import type { CheckFlags } from './check.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import type { ExplainFlags } from './explain.ts';
import { overridesOf } from './flag-overrides.ts';
import type { InitFlags } from './init-transactions.ts';
import type { DrainOptions, OperateOptions } from './operate.ts';
import { packageVersion } from './package-version.ts';
import { type ServeFlags, type StartMesh, serve } from './serve.ts';
import type { Terminal } from './terminal.ts';
import type { TransactionsFlags } from './transactions.ts';

/** What is built elsewhere and loaded only by the command that needs it. */
export interface Parts {
  startMesh(): Promise<StartMesh>;
  /** Takes the arguments after `demo`; answers the exit code. */
  runDemo(): Promise<(args: readonly string[]) => Promise<number>>;
}

const exitCodesHelp = `
Exit codes: 0 ok, 1 problems found or failed, 2 wrong usage, 69 the sidecar cannot be reached, 70 a defect of
shardmesh itself, 77 the sidecar refuses the token.`;

/** Runs one command line (without the program's own name) and answers the exit code. Never rejects. */
export async function runCommand(args: readonly string[], terminal: Terminal, parts: Parts): Promise<number> {
  let exitCode: number = ExitCode.ok;
  const program = new Command('shardmesh')
    .description('A database mesh sidecar for MySQL: one endpoint, many servers, exact answers.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .addHelpText(
      'after',
      `\nExamples:\n  $ shardmesh demo\n  $ shardmesh check shardmesh.yaml\n  $ shardmesh serve -c shardmesh.yaml\n${exitCodesHelp}`,
    );

  const add = (usage: string, description: string, examples: string): Command =>
    program
      .command(usage)
      .description(description)
      .addHelpText('after', `\nExamples:\n${examples}`)
      .showSuggestionAfterError();

  add(
    'serve',
    'run the sidecar',
    '  $ shardmesh serve -c shardmesh.yaml\n  $ shardmesh serve -c shardmesh.yaml --listen 127.0.0.1:3307 --log-level debug',
  )
    .requiredOption('-c, --config <file>', 'the sidecar’s configuration (shardmesh.yaml)')
    .option('--listen <address>', 'SQL listener: host:port or unix:/path; several with commas (SHARDMESH_LISTEN)')
    .option('--http <address>', 'health and metrics listener (SHARDMESH_HTTP)')
    .option('--admin <address>', 'operator’s listener (SHARDMESH_ADMIN)')
    .option('--workers <number>', 'worker processes (SHARDMESH_WORKERS)', positiveInteger)
    .option('--server-version <text>', 'version that clients see (SHARDMESH_SERVER_VERSION)')
    .addOption(
      new Option('--log-level <level>', 'SHARDMESH_LOG_LEVEL').choices([
        'trace',
        'debug',
        'info',
        'warn',
        'error',
        'silent',
      ]),
    )
    .addOption(new Option('--log-format <format>', 'SHARDMESH_LOG_FORMAT').choices(['json', 'pretty']))
    .option('--ready-file <path>', 'write {listen, http, admin, pid} there as JSON once the listeners are open')
    .option(
      '--state-dir <folder>',
      'where the admin token is kept; default .shardmesh beside the configuration (SHARDMESH_STATE_DIR)',
    )
    .action(async (flags: ServeFlags) => {
      exitCode = await serve(terminal, flags, overridesOf(flags), packageVersion(), await parts.startMesh());
    });

  add(
    'check <file...>',
    'check configuration and rules files',
    '  $ shardmesh check shardmesh.yaml\n  $ shardmesh check rules/*.yaml --connect --json',
  )
    .option(
      '--connect',
      'also ask the live servers: reachable, versions, privileges, tables, keys, collations, replicas',
    )
    .option('--json', 'print {ok, files, problems}')
    .action(async (files: string[], flags: CheckFlags) => {
      const { check } = await import('./check.ts');
      exitCode = await check(terminal, files, flags, {});
    });

  add(
    'explain <sql>',
    'show where a statement would go, and why',
    "  $ shardmesh explain -c shop.yaml -d shop 'SELECT * FROM orders WHERE user_id = 5'\n  $ shardmesh explain -c shop.yaml --schema ddl.sql 'SELECT COUNT(*) FROM orders'\n  $ shardmesh explain -c shardmesh.yaml --connect 'DELETE FROM notes'",
  )
    .requiredOption('-c, --config <file>', 'shardmesh.yaml or a rules file')
    .option('-d, --database <name>', 'logical database; may be left out when there is only one')
    .addOption(
      new Option(
        '--schema <file>',
        'CREATE TABLE statements of the logical tables, for column types and keys',
      ).conflicts('connect'),
    )
    .option('--connect', 'read column types and keys from the servers')
    .option('--json', 'print the rows as JSON objects')
    .action(async (sql: string, flags: ExplainFlags) => {
      const { explain } = await import('./explain.ts');
      exitCode = await explain(terminal, sql, flags, {});
    });

  add(
    'init-transactions',
    'make the tables of transactions on every primary; may be repeated',
    '  $ shardmesh init-transactions -c shardmesh.yaml\n  $ SHARDMESH_INIT_PASSWORD=... shardmesh init-transactions -c shardmesh.yaml --user root',
  )
    .requiredOption('-c, --config <file>', 'shardmesh.yaml or a rules file')
    .option('--user <name>', 'account that may create them; its password in SHARDMESH_INIT_PASSWORD')
    .option('--json', 'print {ok, servers}')
    .action(async (flags: InitFlags) => {
      const { initTransactionTables } = await import('./init-transactions.ts');
      exitCode = await initTransactionTables(terminal, flags);
    });

  add(
    'transactions [words...]',
    'list transactions that have not ended, or resolve one; asks the servers, no sidecar has to run',
    "  $ shardmesh transactions -c shardmesh.yaml\n  $ shardmesh transactions -c shardmesh.yaml resolve GID rollback --reason 'owner is gone'",
  )
    .requiredOption('-c, --config <file>', 'shardmesh.yaml or a rules file')
    .option('--reason <text>', 'kept in shardmesh.audit')
    .option('--json', 'print JSON')
    .action(async (words: string[], flags: TransactionsFlags) => {
      const { transactions } = await import('./transactions.ts');
      exitCode = await transactions(terminal, words, flags);
    });

  add(
    'demo',
    'start real servers on loopback, the sidecar and a sample shop',
    '  $ shardmesh demo\n  $ shardmesh demo --no-wait --port 3307',
  )
    .allowUnknownOption()
    .helpOption(false)
    .argument('[options...]')
    .action(async (options: string[]) => {
      exitCode = await (await parts.runDemo())(options);
    });

  const operator = (name: string, description: string, examples: string): Command =>
    add(name, description, examples)
      .option('-c, --config <file>', 'its configuration file, to find its state directory')
      .option('--state-dir <folder>', 'its state directory (SHARDMESH_STATE_DIR)')
      .option('--admin <address>', 'its admin listener, host:port (SHARDMESH_ADMIN)')
      .option('--json', 'print JSON');

  operator(
    'status',
    'ask a running sidecar how it is; exit 0 while it is ready',
    '  $ shardmesh status -c shardmesh.yaml',
  ).action(async (flags: OperateOptions) => {
    const { status } = await import('./operate.ts');
    exitCode = await status(terminal, flags);
  });
  operator(
    'drain',
    'end a running sidecar without disturbing its sessions',
    '  $ shardmesh drain -c shardmesh.yaml --max-drain 30',
  )
    .option('--min-drain <seconds>', 'keep accepting connections this long after readiness is off', seconds)
    .option('--max-drain <seconds>', 'end what is left after this time', seconds)
    .option('--no-wait', 'return at once')
    .action(async (flags: DrainOptions) => {
      const { drain } = await import('./operate.ts');
      exitCode = await drain(terminal, flags);
    });
  operator(
    'reload',
    'make a running sidecar read its files again; exit 1 if they are refused',
    '  $ shardmesh reload -c shardmesh.yaml',
  ).action(async (flags: OperateOptions) => {
    const { reload } = await import('./operate.ts');
    exitCode = await reload(terminal, flags);
  });

  try {
    if (args.length === 0) {
      terminal.err(program.helpInformation().trimEnd());
      return ExitCode.usage;
    }
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explainFailure(terminal, error);
  }
}

function explainFailure(terminal: Terminal, error: unknown): number {
  // Commander has printed its own message; help and version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  if (error instanceof CommandFailure) {
    terminal.err(`shardmesh: ${error.message}`);
    return error.exitCode;
  }
  if (error instanceof MeshError && error.code !== 'SM_INTERNAL') {
    terminal.err(`shardmesh: ${error.code} ${error.message}`);
    return ExitCode.failed;
  }
  terminal.err(`shardmesh: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return ExitCode.internal;
}

function positiveInteger(text: string): string {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return text;
}

/** Seconds on the command line, milliseconds inside. */
function seconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be a number of seconds.');
  return Math.round(Number(text) * 1000);
}
