/**
 * For tests only: places where a coordinator may be killed or stopped, and rules that may be left out. Nothing happens unless the
 * environment says so.
 *
 * `SHARDMESH_FAULT_AT=name:kill` (or `:stop`) ends the sidecar (or stops it, as SIGSTOP does) when it comes to the place of that name for
 * the first time; `name:kill:3` the third time. `SHARDMESH_WITHOUT=rule` leaves a rule out, so that a harness can show that it notices.
 */
interface Fault {
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  left: number;
}

const faults = new Map<string, Fault>();
for (const entry of (process.env['SHARDMESH_FAULT_AT'] ?? '').split(',')) {
  const [, name, what, times] = /^(.+):(kill|stop)(?::(\d+))?$/.exec(entry) ?? [];
  if (name !== undefined)
    faults.set(name, { signal: what === 'stop' ? 'SIGSTOP' : 'SIGKILL', left: Number(times ?? 1) });
}

/** Called where a pause or an end of the process would matter. */
export function faultPoint(name: string): void {
  if (faults.size === 0) return;
  const fault = faults.get(name);
  if (fault === undefined) return;
  fault.left -= 1;
  if (fault.left !== 0) return;
  // The whole sidecar: a worker's parent is its supervisor, which would start another.
  if (process.send !== undefined) process.kill(process.ppid, fault.signal);
  process.kill(process.pid, fault.signal);
}

/** Whether a test wants a rule left out. */
export function leavesOut(rule: string): boolean {
  return process.env['SHARDMESH_WITHOUT'] === rule;
}

/** Shorter times, so that a harness need not wait: `SHARDMESH_TIMES=grace=200,attempt=3000`, in milliseconds. */
export function testMs(name: string, usual: number): number {
  const given = new RegExp(`(?:^|,)${name}=(\\d+)(?:,|$)`).exec(process.env['SHARDMESH_TIMES'] ?? '')?.[1];
  return given === undefined ? usual : Number(given);
}
