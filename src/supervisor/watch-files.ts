/** Calls back when files of a configuration may have changed, however editors and Kubernetes write them. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type Clock, systemClock } from '../base/index.ts';

/** Editors write in several steps. */
const settleMs = 200;

/**
 * Watches the folders of the files, not the files: editors and Kubernetes replace them, and a glob may match new ones.
 * A folder that cannot be watched is left out; SIGHUP and RELOAD MESH always work.
 */
export function watchFiles(files: readonly string[], changed: () => void, clock: Clock = systemClock): () => void {
  const names = new Set(files.map((file) => basename(file)));
  const folders = new Set(files.map((file) => dirname(resolve(file))));
  const watchers: FSWatcher[] = [];
  let cancel: (() => void) | undefined;
  let stopped = false;
  const touched = (name: string | null): void => {
    // `..data` is the link that Kubernetes swaps when a ConfigMap changes.
    if (stopped || !(name === null || names.has(name) || name === '..data' || /\.ya?ml$/.test(name))) return;
    cancel?.();
    cancel = clock.after(settleMs, changed);
  };
  for (const folder of folders) {
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => touched(name));
      watcher.on('error', () => watcher.close());
      watchers.push(watcher);
    } catch {
      // Told by nothing: the other ways to reload remain.
    }
  }
  return () => {
    stopped = true;
    cancel?.();
    for (const watcher of watchers) watcher.close();
  };
}
