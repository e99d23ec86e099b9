/** The sidecar as a child process, started through bin/shardmesh as a user would, and ended in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { logTail } from './server-template.ts';

export interface SidecarOptions {
  /** Path of shardmesh.yaml. */
  readonly config: string;
  /** Folder for the log and the ready file. */
  readonly folder: string;
  /** Overrides of the addresses in the file; port 0 takes a free one. */
  readonly listen?: string;
  readonly http?: string;
  readonly admin?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A running sidecar. Addresses are `host:port`, as it really listens. */
export interface SidecarProcess {
  readonly listen: string;
  readonly port: number;
  readonly http: string | undefined;
  readonly admin: string | undefined;
  readonly logPath: string;
  readonly pid: number;
  /** Resolves when the process has ended, with its exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** SIGTERM, after `graceMs` SIGKILL. Safe to call twice. */
  stop(graceMs?: number): Promise<void>;
}

const program = join(import.meta.dirname, '../../bin/shardmesh');
const startTimeoutMs = 60_000;

/** The first address when the sidecar reports a list. */
const address = (value: unknown): string | undefined => {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
};

/**
 * Ends the child when our end of its standard input closes, so that `kill -9` of this process leaves no sidecar behind:
 * the same guard as for the servers.
 */
const guard = `
exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3
  kill -s TERM $child 2>/dev/null
  i=0; while [ $i -lt 100 ] && kill -0 $child 2>/dev/null; do sleep 0.1; i=$((i+1)); done
  kill -s KILL $child 2>/dev/null
} & watcher=$!
trap 'kill -s TERM $child 2>/dev/null' TERM
trap '' INT HUP
wait $child; code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
kill -s KILL $watcher 2>/dev/null
exit $code
`;

const killGroup = (child: ChildProcess): void => {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // Gone already.
  }
};

/**
 * Starts `bin/shardmesh serve` and waits for its ready file (JSON with listen, http, admin). Throws with the end of its log when it does
 * not become ready.
 */
export const startSidecar = async (options: SidecarOptions): Promise<SidecarProcess> => {
  const readyFile = join(options.folder, 'ready.json');
  const logPath = join(options.folder, 'sidecar.log');
  rmSync(readyFile, { force: true });
  const log = openSync(logPath, 'w', 0o600);
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      guard,
      'shardmesh-guard',
      program,
      'serve',
      '-c',
      options.config,
      '--ready-file',
      readyFile,
      ...(options.listen ? ['--listen', options.listen] : []),
      ...(options.http ? ['--http', options.http] : []),
      ...(options.admin ? ['--admin', options.admin] : []),
    ],
    { detached: true, stdio: ['pipe', log, log], env: { ...process.env, ...options.environment } },
  );
  closeSync(log);
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 0));
  });
  child.stdin?.on('error', () => {});
  child.unref();
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();

  const stop = async (graceMs = 10_000): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    child.kill('SIGTERM');
    const timer = setTimeout(() => killGroup(child), graceMs);
    await ended;
    clearTimeout(timer);
  };

  const end = Date.now() + startTimeoutMs;
  while (!existsSync(readyFile)) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    if (gone || Date.now() > end) {
      await stop(1000);
      const what = gone ? `ended with ${child.signalCode ?? child.exitCode}` : 'did not become ready';
      throw new Error(`the sidecar ${what}; the end of its log:\n${logTail(logPath)}`);
    }
    await sleep(20);
  }
  const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as Record<string, unknown>;
  const listen = address(ready['listen']);
  if (listen === undefined) throw new Error(`${readyFile} names no listen address`);
  return {
    listen,
    port: Number(listen.slice(listen.lastIndexOf(':') + 1)),
    http: address(ready['http']),
    admin: address(ready['admin']),
    logPath,
    pid: child.pid!,
    ended,
    stop,
  };
};
