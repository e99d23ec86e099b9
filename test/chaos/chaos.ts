/** `npm run chaos`: the long run. Flags: --faults N, --seed N, --layout shared, --control RULE (leaves a rule out), --crashes (crash points only). */
import { parseArgs } from 'node:util';
import { crashPoints, runChaos } from './run-chaos.ts';

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    layout: { type: 'string', default: 'four servers' },
    clients: { type: 'string', default: '16' },
    type: { type: 'string', default: 'XA' },
    control: { type: 'string' },
    crashes: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(`seed ${values.seed}, layout ${values.layout}, ${values.faults} faults`);
const report = await runChaos({
  seed: Number(values.seed),
  faults: Number(values.faults),
  layout: values.layout === 'shared' ? 'shared' : 'four servers',
  clients: Number(values.clients),
  type: values.type,
  disturb: !values.crashes,
  ...(values.control === undefined ? {} : { dropRule: values.control }),
  say,
});
for (const [name, times] of [...report.faults].sort()) say(`  ${times} x ${name}`);
const total = [...report.faults.values()].reduce((sum, times) => sum + times, 0);
say(
  `${total} faults; ${report.committed} transfers committed, ${report.refused} refused, ${report.unknown} unknown to their clients`,
);
say(
  `outside of fault windows ${report.quietCommitted} of ${report.quietTransfers} committed; at rest ${report.settledMs} ms after the last fault`,
);
const missed = crashPoints.filter((point) => (report.faults.get(`crash at "${point}"`) ?? 0) < 5);
if (missed.length > 0) say(`steps hit fewer than 5 times: ${missed.join(', ')}`);
for (const problem of report.problems.slice(0, 20)) say(`PROBLEM ${problem}`);
say(report.problems.length === 0 ? 'no violation' : `${report.problems.length} violations`);
process.exit(report.problems.length === 0 ? 0 : 1);
