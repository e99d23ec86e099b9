/**
 * For tests only: places where a sidecar may be killed or stopped, and rules that may be left out. Nothing happens unless the
 * environment says so.
 *
 * `SHARDMESH_FAULT_AT=name:kill` (or `:stop`) ends the sidecar (or stops it, as SIGSTOP does) when it comes to the place of that name for
 * the first time; `name:kill:3` the third time; `name:kill:0.01` each time with that chance; several are separated by commas. What happens
 * is told on stderr. `SHARDMESH_WITHOUT=rule` (or several) leaves a rule out, so that a harness can show that it notices.
 */
interface Fault {
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  /** Below 1 a chance, else how many times the place may still be passed, this one included. */
  left: number;
}

const faults = new Map<string, Fault>();
for (const entry of (process.env['SHARDMESH_FAULT_AT'] ?? '').split(',')) {
  const [, name, what, times] = /^(.+):(kill|stop)(?::(\d+|0\.\d+))?$/.exec(entry) ?? [];
  if (name !== undefined)
    faults.set(name, { signal: what === 'stop' ? 'SIGSTOP' : 'SIGKILL', left: Number(times ?? 1) });
}

const without: ReadonlySet<string> = new Set((process.env['SHARDMESH_WITHOUT'] ?? '').split(',').filter(Boolean));

/** Called where a pause or an end of the process would matter. */
export function faultPoint(name: string): void {
  if (faults.size === 0) return;
  const fault = faults.get(name);
  if (fault === undefined) return;
  if (fault.left < 1 && fault.left > 0) {
    if (Math.random() >= fault.left) return;
  } else {
    fault.left -= 1;
    if (fault.left !== 0) return;
  }
  process.stderr.write(`fault point: ${name} ${fault.signal}\n`);
  // The whole sidecar: a worker's parent is its supervisor, which would start another.
  if (process.send !== undefined) process.kill(process.ppid, fault.signal);
  process.kill(process.pid, fault.signal);
}

/** Whether a test wants a rule left out. */
export function leavesOut(rule: string): boolean {
  return without.size > 0 && without.has(rule);
}

/** Shorter times, so that a harness need not wait: `SHARDMESH_TIMES=grace=200,attempt=3000`, in milliseconds. */
export function testMs(name: string, usual: number): number {
  const given = new RegExp(`(?:^|,)${name}=(\\d+)(?:,|$)`).exec(process.env['SHARDMESH_TIMES'] ?? '')?.[1];
  return given === undefined ? usual : Number(given);
}
