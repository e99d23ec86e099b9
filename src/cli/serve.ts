/** `serve`: runs the sidecar until a signal or an operator ends it. */
import { MeshError } from '../base/index.ts';
import type { Overrides } from '../rules/index.ts';
import { ChannelFault, RemoteError, StartRefused } from '../supervisor/index.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { printProblems } from './problems.ts';
import { type Running, stateDirectory, writeAtomically, writeRunning } from './state-directory.ts';
import type { Terminal } from './terminal.ts';

/** What src/supervise.ts needs to start a sidecar. */
export interface StartOptions {
  /** shardmesh.yaml, as it was named. */
  readonly file: string;
  /** Flags and SHARDMESH_* variables; they win over the file, also after each reload. */
  readonly overrides: Overrides;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; may not exist yet. Holds the admin token and what is remembered of the backends. */
  readonly stateDirectory: string;
  /** Version of Shardmesh. */
  readonly version: string;
}

/** A mesh whose listeners are open. */
export interface RunningMesh extends Running {
  /** Resolves with the process' exit code once everything has ended. */
  readonly stopped: Promise<number>;
  /** Begins an orderly end (or joins one); `stopped` follows. */
  drain(reason: string): Promise<void>;
  /** Ends at once: sessions are cut off. */
  kill(reason: string): Promise<void>;
}

export type StartMesh = (options: StartOptions) => Promise<RunningMesh>;

export interface ServeFlags {
  readonly config: string;
  readonly listen?: string;
  readonly http?: string;
  readonly admin?: string;
  readonly workers?: string;
  readonly serverVersion?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly readyFile?: string;
  readonly stateDir?: string;
}

/** `start` is src/supervise.ts's startMesh. */
export async function serve(
  terminal: Terminal,
  flags: ServeFlags,
  overrides: Overrides,
  version: string,
  start: StartMesh,
): Promise<ExitCode> {
  const directory = stateDirectory(flags.stateDir, terminal.env, flags.config);
  const ending: { mesh?: RunningMesh; wanted?: NodeJS.Signals; signals: number } = { signals: 0 };
  const onSignal = (signal: NodeJS.Signals): void => {
    ending.signals++;
    ending.wanted = signal;
    // The second signal does not wait for sessions.
    if (ending.signals === 1) void ending.mesh?.drain(signal);
    else void ending.mesh?.kill(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    let mesh: RunningMesh;
    try {
      mesh = await start({ file: flags.config, overrides, env: terminal.env, stateDirectory: directory, version });
    } catch (error) {
      return startFailed(terminal, error);
    }
    ending.mesh = mesh;
    const running: Running = {
      listen: mesh.listen,
      ...(mesh.http === undefined ? {} : { http: mesh.http }),
      ...(mesh.admin === undefined ? {} : { admin: mesh.admin }),
      pid: mesh.pid,
    };
    try {
      writeRunning(directory, running);
      if (flags.readyFile !== undefined) writeAtomically(flags.readyFile, `${JSON.stringify(running)}\n`);
    } catch (error) {
      await mesh.kill('the ready file cannot be written');
      throw new CommandFailure(ExitCode.failed, `--ready-file or --state-dir: ${(error as Error).message}`);
    }
    // A signal that came while it started.
    if (ending.wanted !== undefined) void mesh.drain(ending.wanted);
    return (await mesh.stopped) === 0 ? ExitCode.ok : ExitCode.failed;
  } finally {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
}

function startFailed(terminal: Terminal, error: unknown): ExitCode {
  if (error instanceof StartRefused) {
    printProblems(terminal, error.problems, terminal.err);
    if (error.problems.length === 0) terminal.err(`shardmesh: ${error.message}`);
    return ExitCode.failed;
  }
  if (error instanceof MeshError) {
    const hint = error.message.startsWith('cannot listen') ? '; choose another address with --listen' : '';
    throw new CommandFailure(ExitCode.failed, `${error.message}${hint}`);
  }
  if (error instanceof RemoteError || error instanceof ChannelFault)
    throw new CommandFailure(ExitCode.failed, error.message);
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (syscall === 'listen') {
    const where = port === undefined ? String(address) : `${address}:${port}`;
    const why =
      code === 'EADDRINUSE'
        ? 'is in use by another process'
        : code === 'EACCES'
          ? 'may not be opened by this user'
          : `cannot be opened: ${String(code)}`;
    throw new CommandFailure(ExitCode.failed, `${where} ${why}; choose another with --listen, --http or --admin`);
  }
  throw error;
}
