/** The command line; main builds what `serve` starts. */
export { loadMesh } from './load-files.ts';
export type { RunningMesh, StartMesh, StartOptions } from './serve.ts';
