/** Finds the database server installed on this machine: MariaDB's by default, MySQL's when MYSQLD names it. */
import { execFile } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** An installed server program. `version` is its own, for example `10.11.6-MariaDB` or `9.4.0`. */
export interface ServerBinary {
  readonly kind: 'mariadb' | 'mysql';
  readonly path: string;
  readonly version: string;
}

const run = promisify(execFile);
/** Folders that hold servers on Debian and Ubuntu though they are not on every user's PATH. */
const extraFolders = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/libexec',
  '/usr/bin',
  '/opt/homebrew/bin',
  '/usr/local/bin',
];

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The full path of a program on PATH or in the usual system folders; undefined when there is none. */
export const findProgram = (name: string): string | undefined => {
  if (name.includes('/')) return isExecutable(name) ? name : undefined;
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...extraFolders]) {
    if (folder === '') continue;
    const path = join(folder, name);
    if (isExecutable(path)) return path;
  }
  return undefined;
};

const describe = async (path: string): Promise<ServerBinary> => {
  const { stdout } = await run(path, ['--no-defaults', '--version']);
  const version = /Ver\s+(\S+)/.exec(stdout)?.[1] ?? 'unknown';
  return { kind: /mariadb/i.test(stdout) ? 'mariadb' : 'mysql', path: realpathSync(path), version };
};

let found: Promise<ServerBinary> | undefined;

/**
 * The server to start. Order: the program in MYSQLD (path or name), `mariadbd`, `mysqld`.
 * Throws an Error that says what to install when there is none.
 */
export const findServer = (): Promise<ServerBinary> => {
  found ??= (async () => {
    const wanted = process.env['MYSQLD'];
    for (const name of wanted ? [wanted] : ['mariadbd', 'mysqld']) {
      const path = findProgram(name);
      if (path !== undefined) return await describe(path);
    }
    throw new Error(
      wanted
        ? `MYSQLD names ${wanted}, which is not an executable program here`
        : 'no MariaDB or MySQL server found: install one (Debian, Ubuntu: apt-get install mariadb-server)',
    );
  })();
  return found;
};
