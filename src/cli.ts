/** The command line's entry: reads argv, runs one command, sets the exit code. */
import { runCommand } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

// A reader that went away (`shardmesh status | head`) is no defect.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCommand(process.argv.slice(2), processTerminal, {
  startMesh: async () => (await import('./supervise.ts')).startMesh,
  runDemo: async () => (await import('./demo/index.ts')).runDemo,
});
