/** The version of this build, from its package.json. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `dist/` is one folder deeper than `src/`: the nearest package.json of ours counts. */
export function packageVersion(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name === 'shardmesh' && version !== undefined) return version;
    } catch {
      // Not here.
    }
  }
  return 'unknown';
}
