/** `status`, `drain` and `reload`: what an operator asks of a running sidecar. */
import type { ReloadAnswer, SourceStatus, StatusReport } from '../admin/index.ts';
import { askAdmin, type Target } from './admin-client.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { readRunning, stateDirectory } from './state-directory.ts';
import { columns, paint, type Terminal } from './terminal.ts';

export interface OperateOptions extends Target {
  readonly json?: boolean;
}

/** Exit 0 while it is ready, 1 otherwise. */
export async function status(terminal: Terminal, options: OperateOptions): Promise<ExitCode> {
  const report = await ask<StatusReport>(terminal, options, 'GET', '/v1/status');
  const { sources } = await ask<{ sources: readonly SourceStatus[] }>(terminal, options, 'GET', '/v1/sources');
  if (options.json === true) {
    terminal.out(JSON.stringify({ ...report, sources }));
  } else {
    const style = report.phase === 'ready' ? 'green' : 'yellow';
    terminal.out(
      `${paint(terminal, style, report.phase)}  shardmesh ${report.version}, pid ${report.pid}, up ${report.uptimeSeconds} s, ${report.workers} worker(s), ${report.sessions} session(s)`,
    );
    terminal.out(
      `listen ${report.listen.join(', ')}${report.http === undefined ? '' : `, http ${report.http}`}${report.admin === undefined ? '' : `, admin ${report.admin}`}`,
    );
    const { configuration } = report;
    terminal.out(
      `configuration ${configuration.hash} (version ${configuration.version}, last reload ${configuration.last}), databases ${configuration.databases.join(', ')}`,
    );
    for (const problem of configuration.problems) terminal.out(`  ${problem}`);
    for (const { code, message } of report.reasons) terminal.out(`${paint(terminal, 'yellow', code)}: ${message}`);
    const rows = sources.map((source) => [
      source.database,
      source.source,
      source.role,
      source.address,
      source.up ? 'up' : `down: ${source.reason ?? 'unknown'}`,
      String(source.leased),
      String(source.idle),
      String(source.waiting),
    ]);
    for (const line of columns(terminal, [
      ['DATABASE', 'SOURCE', 'ROLE', 'ADDRESS', 'STATE', 'LEASED', 'IDLE', 'WAITING'],
      ...rows,
    ]))
      terminal.out(line);
  }
  return report.phase === 'ready' ? ExitCode.ok : ExitCode.failed;
}

/** Exit 1 when the new configuration was refused. */
export async function reload(terminal: Terminal, options: OperateOptions): Promise<ExitCode> {
  const answer = await ask<ReloadAnswer>(terminal, options, 'POST', '/reload', {}, [422]);
  if (options.json === true) {
    terminal.out(JSON.stringify(answer));
  } else {
    const words = {
      applied: 'applied',
      unchanged: 'nothing has changed',
      refused: 'refused; the old configuration stays in force',
    } as const;
    terminal.out(
      `${paint(terminal, answer.result === 'refused' ? 'red' : 'green', words[answer.result])} (configuration ${answer.hash}, version ${answer.version})`,
    );
    for (const problem of answer.problems) terminal.out(problem);
    if (answer.restart.length > 0) terminal.out(`a restart is needed for: ${answer.restart.join(', ')}`);
  }
  return answer.result === 'refused' ? ExitCode.failed : ExitCode.ok;
}

export interface DrainOptions extends OperateOptions {
  readonly minDrain?: number;
  readonly maxDrain?: number;
  /** Wait until the sidecar has ended. */
  readonly wait?: boolean;
}

/** Durations are in milliseconds. */
export async function drain(terminal: Terminal, options: DrainOptions): Promise<ExitCode> {
  const running = readRunning(stateDirectory(options.stateDir, terminal.env, options.config));
  const { pid } = await ask<StatusReport>(terminal, options, 'GET', '/v1/status');
  await ask(terminal, options, 'POST', '/drain', {
    ...(options.minDrain === undefined ? {} : { minDrainMs: options.minDrain }),
    ...(options.maxDrain === undefined ? {} : { maxDrainMs: options.maxDrain }),
  });
  // Only a sidecar of this machine can be waited for by its process id.
  const waits = options.wait !== false && running?.pid === pid;
  while (waits && isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
  if (options.json === true) terminal.out(JSON.stringify({ draining: !waits, stopped: waits }));
  else terminal.out(waits ? 'drained and stopped' : 'draining');
  return ExitCode.ok;
}

async function ask<T>(
  terminal: Terminal,
  target: Target,
  method: 'GET' | 'POST',
  path: string,
  body: object = {},
  accepted: readonly number[] = [],
): Promise<T> {
  const answer = await askAdmin(terminal, target, method, path, body);
  if (answer.status >= 300 && !accepted.includes(answer.status)) {
    throw new CommandFailure(
      ExitCode.failed,
      `the sidecar answers ${answer.status}: ${String(answer.body['error'] ?? JSON.stringify(answer.body))}`,
    );
  }
  return answer.body as T;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
