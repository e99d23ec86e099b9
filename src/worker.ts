/** A worker process: forked by the supervisor, it builds what main describes and answers until it is told to end. */
import { flushCompileCache } from 'node:module';
import type { RunningWorker } from './main.ts';
import { type LoadOrder, PROTOCOL_VERSION, WorkerPort } from './supervisor/index.ts';

// Signals to the whole process group (Ctrl-C) are the supervisor's to act on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

let order: LoadOrder | undefined;
let worker: RunningWorker | undefined;
let ending = false;
const main = import('./main.ts');

function running(): RunningWorker {
  if (worker === undefined) throw new Error('the worker does not run yet');
  return worker;
}

const port = new WorkerPort(
  process,
  {
    load: async (given) => {
      if (given.version !== PROTOCOL_VERSION)
        throw new Error('another version of shardmesh has been installed meanwhile; restart the sidecar');
      order = given;
      return (await main).loadConfiguration(given);
    },
    begin: async (begin) => {
      if (order === undefined) throw new Error('the worker has loaded nothing');
      worker = await (await main).startWorker(order, begin, port);
      flushCompileCache();
      return undefined;
    },
    reload: (reload) => running().reload(reload),
    metrics: () => running().metrics(),
    health: () => running().health(),
    peer: ({ name, body }) => running().answer(name, body),
    quiet: () => running().closeWhenQuiet(),
    close: () => running().closeAll(),
    end: async () => {
      ending = true;
      await worker?.end();
      process.disconnect();
      // Whatever still runs does not matter any more; the log is flushed at exit.
      process.exit(0);
    },
  },
  (topic, error) => worker?.shareFailed(topic, error),
);

// Without a supervisor nobody would see, drain or restart it: its sessions end with it, also in the middle of an orderly end.
process.on('disconnect', () => process.exit(ending ? 0 : 1));
