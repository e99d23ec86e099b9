/** The command line; main builds what `serve` starts. */
export type { RunningMesh, StartMesh, StartOptions } from './serve.ts';
