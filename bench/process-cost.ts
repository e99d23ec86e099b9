/** CPU time and memory of a process and everything it started, from /proc (Linux). */
import { readdirSync, readFileSync } from 'node:fs';

/** Of /proc's clock; 100 on every Linux of today. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly cpuMicros: number;
}

function statOf(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold spaces: fields are counted behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), cpuMicros: ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND };
}

/** The process and its descendants that are alive. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = statOf(pid);
    if (stat !== undefined) children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  const tree: number[] = [];
  const pending = [root];
  for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
    tree.push(pid);
    pending.push(...(children.get(pid) ?? []));
  }
  return tree;
}

/** CPU time used so far by these processes, user and system, in microseconds (steps of 10 ms). */
export function cpuMicros(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (statOf(pid)?.cpuMicros ?? 0), 0);
}

/** Resident memory of these processes, in bytes. */
export function residentBytes(pids: readonly number[]): number {
  let total = 0;
  for (const pid of pids) {
    try {
      const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
      total += Number(kilobytes ?? 0) * 1024;
    } catch {
      // Ended meanwhile.
    }
  }
  return total;
}
