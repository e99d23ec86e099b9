/** Where configurations come from: files now, a shared store later. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type Clock, systemClock } from '../base/index.ts';
import type { Loaded, MeshConfig } from '../rules/index.ts';

export interface RuleSource {
  /** For logs: the file's name. */
  readonly name: string;
  /** Reads and checks everything anew. Never throws for bad content: that is told in `problems`. */
  load(): Promise<Loaded<MeshConfig>> | Loaded<MeshConfig>;
  /** Calls `changed` some time after the content may have changed; the answer ends it. */
  watch(files: readonly string[], changed: () => void): () => void;
}

/** Editors write in several steps. */
const settleMs = 200;

/** `load` reads the file with the rules room's loader and the process' overrides. */
export function fileRuleSource(file: string, load: () => Loaded<MeshConfig>, clock: Clock = systemClock): RuleSource {
  return {
    name: file,
    load,
    watch: (files, changed) => watchFiles([file, ...files], changed, clock),
  };
}

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
