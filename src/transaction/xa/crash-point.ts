/** For tests: ends or pauses this process at a numbered step, or leaves one rule of the protocol out. Off unless the environment asks. */

/** The steps of docs/transactions.md at which a process may be ended. */
export const crashPoints = [
  'commit begun',
  'one prepared',
  'all prepared',
  'decision sent',
  'decided',
  'one committed',
  'all committed',
  'recovery claimed',
  'recovery ended',
] as const;
export type CrashPoint = (typeof crashPoints)[number];

/** Rules that a test may drop to see that its checks notice. */
export type ProtocolRule = 'decision' | 'mark' | 'hand over' | 'snapshot';

interface Plan {
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  readonly probability: number;
}

/** `SHARDMESH_CRASH_AT`: `step`, `step:stop` or `step:kill:0.01`, several separated by commas. */
const plans = new Map<string, Plan>(
  (process.env['SHARDMESH_CRASH_AT'] ?? '')
    .split(',')
    .filter((text) => text !== '')
    .map((text) => {
      const [point = '', how, probability] = text.split(':');
      return [point.trim(), { signal: how === 'stop' ? 'SIGSTOP' : 'SIGKILL', probability: Number(probability ?? 1) }];
    }),
);

const dropped: ReadonlySet<string> = new Set((process.env['SHARDMESH_DROP_RULE'] ?? '').split(','));

/** Called where a step has just been made. The message tells a test which process it was. */
export function crashPoint(point: CrashPoint): void {
  if (plans.size === 0) return;
  const plan = plans.get(point);
  if (plan === undefined || Math.random() >= plan.probability) return;
  // Synchronously: a signal to oneself ends the process before the next statement.
  process.stderr.write(`crash point: ${point} ${plan.signal}\n`);
  process.kill(process.pid, plan.signal);
}

export function ruleHolds(rule: ProtocolRule): boolean {
  return dropped.size === 0 || !dropped.has(rule);
}
