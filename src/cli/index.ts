/** The command line; main builds what `serve` starts. */
export { loadRecorded } from './load-files.ts';
export type { RunningMesh, StartMesh, StartOptions } from './serve.ts';
