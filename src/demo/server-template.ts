/** An empty, initialised data directory, made once per user and server version and copied for each new server. */
import { execFile } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, type ServerBinary } from './server-binary.ts';

const run = promisify(execFile);
const isRoot = (): boolean => process.getuid?.() === 0;

/** `--user=root` where the process is root: the servers refuse to run as root without being told. */
export const userArguments = (): readonly string[] => (isRoot() ? ['--user=root'] : []);

/** A private folder (mode 0700) of this user for servers and templates. Short, because socket paths have a limit of 107 bytes. */
export const scratchFolder = (): string => {
  const folder = join(tmpdir(), `shardmesh-${process.getuid?.() ?? 'user'}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || (process.getuid !== undefined && stat.uid !== process.getuid())) {
    throw new Error(`${folder} belongs to somebody else; remove it or set TMPDIR`);
  }
  return folder;
};

const install = async (server: ServerBinary, dataFolder: string): Promise<void> => {
  if (server.kind === 'mysql') {
    await run(server.path, ['--no-defaults', '--initialize-insecure', ...userArguments(), `--datadir=${dataFolder}`]);
    return;
  }
  const installer =
    [
      join(dirname(server.path), 'mariadb-install-db'),
      join(dirname(server.path), '../scripts/mariadb-install-db'),
    ].find(existsSync) ?? findProgram('mariadb-install-db');
  if (installer === undefined) throw new Error('mariadb-install-db is missing: install the package mariadb-server');
  await run(
    installer,
    [
      '--no-defaults',
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...userArguments(),
      `--datadir=${dataFolder}`,
      '--innodb-log-file-size=16M',
    ],
    { maxBuffer: 16 << 20 },
  );
};

let made: Promise<string> | undefined;

/** The template's folder. Made at the first call (0.7 s); two processes that make it at once both end with the same one. */
export const templateFolder = (server: ServerBinary): Promise<string> => {
  made ??= (async () => {
    const target = join(scratchFolder(), `template-${server.kind}-${server.version.replace(/[^\w.]/g, '_')}`);
    if (existsSync(target)) return target;
    const work = mkdtempSync(join(scratchFolder(), 'making-'));
    const dataFolder = join(work, 'data');
    mkdirSync(dataFolder, { mode: 0o700 });
    try {
      await install(server, dataFolder);
      renameSync(dataFolder, target);
    } catch (error) {
      if (!existsSync(target)) throw new Error('could not initialise a data directory', { cause: error });
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    return target;
  })();
  return made;
};

/** Copies the template to `folder`, which must not exist. Uses reflinks where the file system has them. */
export const copyTemplate = async (server: ServerBinary, folder: string): Promise<void> => {
  const template = await templateFolder(server);
  await run('cp', process.platform === 'linux' ? ['--reflink=auto', '-r', template, folder] : ['-R', template, folder]);
};

/** The last lines of a server's log, for error messages. */
export const logTail = (path: string, lines = 15): string => {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
};
