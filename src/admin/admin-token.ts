/** The operator's token: made at the first start into a file that only the sidecar's user can read. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '../base/index.ts';

export const tokenFileName = 'admin-token';

export interface AdminToken {
  readonly token: string;
  readonly file: string;
  readonly created: boolean;
}

/** Reads the token of a state directory, or makes one. Refuses a file that others may read. */
export function loadAdminToken(stateDirectory: string): AdminToken {
  const file = join(stateDirectory, tokenFileName);
  const known = readAdminToken(stateDirectory);
  if (known !== undefined) return { token: known, file, created: false };
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const token = randomBytes(32).toString('base64url');
  // Written beside and renamed, so that a reader never sees half of it.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${token}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
  return { token, file, created: true };
}

/** The token of a state directory; undefined if there is none yet. */
export function readAdminToken(stateDirectory: string): string | undefined {
  const file = join(stateDirectory, tokenFileName);
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MeshError(
      'SM_CONFIG',
      { message: `the admin token file ${file} cannot be read: ${(error as Error).message}` },
      { cause: error },
    );
  }
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new MeshError('SM_CONFIG', {
      message: `the admin token file ${file} can be read by others; run chmod 600 on it`,
    });
  }
  if (text.length < 16) {
    throw new MeshError('SM_CONFIG', {
      message: `the admin token file ${file} holds no token; remove it and start again`,
    });
  }
  return text;
}
