/** `npm run demo`: the same as `bin/shardmesh demo`, after the set-up. */
import { runDemo } from '../src/demo/index.ts';

process.exitCode = await runDemo(process.argv.slice(2));
