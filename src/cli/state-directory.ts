/** Where a sidecar keeps what must outlive it, and where the other commands find it. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** What a running sidecar tells of itself, in the ready file and in the state directory. */
export interface Running {
  /** `host:port` or `unix:/path` for each SQL listener. */
  readonly listen: readonly string[];
  readonly http?: string;
  readonly admin?: string;
  readonly pid: number;
}

const runningFileName = 'sidecar.json';

/** Flag, else SHARDMESH_STATE_DIR, else `.shardmesh` beside the configuration file, else in the current folder. */
export function stateDirectory(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  configuration?: string,
): string {
  const named = flag ?? env['SHARDMESH_STATE_DIR'];
  if (named !== undefined && named !== '') return resolve(named);
  return resolve(configuration === undefined ? '.' : dirname(configuration), '.shardmesh');
}

/** Whole or not at all: written beside and renamed. */
export function writeAtomically(file: string, text: string): void {
  mkdirSync(dirname(resolve(file)), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
}

export function writeRunning(directory: string, running: Running): void {
  writeAtomically(join(directory, runningFileName), `${JSON.stringify(running)}\n`);
}

/** Undefined: none has been started with this directory. The process may be gone since. */
export function readRunning(directory: string): Running | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, runningFileName), 'utf8')) as Running;
  } catch {
    return undefined;
  }
}
