/** Installs the Debian packages that the clients need, when run as root on Debian; says which are missing otherwise. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Answers the packages that are not there afterwards, each with the reason. */
export function installPackages(packages: readonly string[]): ReadonlyMap<string, string> {
  const wanted = [...new Set(packages)];
  let missing = wanted.filter((name) => !installed(name));
  let reason = 'needs Debian and root to be installed';
  if (missing.length > 0 && existsSync('/etc/debian_version') && process.getuid?.() === 0) {
    reason = '';
    apt(['update', '-qq']);
    // All at once is fast; one by one if a single package stands in the way.
    if (!apt(['install', '-y', '-qq', '--no-install-recommends', ...missing]).ok) {
      for (const name of missing) {
        const { ok, text } = apt(['install', '-y', '-qq', '--no-install-recommends', name]);
        if (!ok) reason = text;
      }
    }
    missing = missing.filter((name) => !installed(name));
  }
  return new Map(missing.map((name) => [name, reason]));
}

function installed(name: string): boolean {
  const result = spawnSync('dpkg', ['--status', name], { encoding: 'utf8' });
  return result.status === 0 && result.stdout.includes('install ok installed');
}

function apt(args: readonly string[]): { ok: boolean; text: string } {
  const result = spawnSync('apt-get', args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return { ok: result.status === 0, text: `${result.stderr ?? ''}`.trim().split('\n').slice(-3).join(' ') };
}
