/** Looks at the limits of the process before they are hit: descriptors and memory against what the configuration may use. */
import type { MeshConfig } from '../rules/index.ts';
import type { ProcessLimits } from '../telemetry/index.ts';

export interface LimitVerdict {
  /** Client connections at most: what was configured, or what the descriptors leave room for. */
  readonly connections: number;
  /** There if descriptors may run out. */
  readonly descriptors?: {
    readonly descriptors: number;
    readonly wanted: number;
    readonly pools: number;
    readonly connections: number;
  };
  /** There if memory may run out; bytes. */
  readonly memory?: { readonly available: number; readonly wanted: number; readonly resultMemory: number };
}

/** Listeners, files, timers, the log. */
const OWN_DESCRIPTORS = 64;
/** Of clients, however few descriptors there are. */
const CONNECTIONS_MIN = 1;
/** What a worker needs before the first result is merged. */
const OWN_MEMORY = 256 * 1024 * 1024;

/** A client that has a statement on a server needs two descriptors; pools never open more than their sizes. */
export function judgeLimits(config: MeshConfig, limits: ProcessLimits): LimitVerdict {
  const wanted = config.limits.connections;
  const pools = [...config.databases.values()]
    .flatMap((rules) => [...rules.dataSources.values()])
    .reduce((sum, source) => sum + source.pool.sizeMax, 0);
  const { descriptors = Number.POSITIVE_INFINITY, memory: available = Number.POSITIVE_INFINITY } = limits;
  const connections = Math.max(CONNECTIONS_MIN, Math.min(wanted, descriptors - pools - OWN_DESCRIPTORS));
  const descriptorsWanted = 2 * wanted + pools + OWN_DESCRIPTORS;
  const { resultMemory } = config.limits;
  // Each worker merges for itself.
  const memoryWanted = config.workers * (resultMemory + OWN_MEMORY);
  return {
    connections,
    ...(descriptors < descriptorsWanted
      ? { descriptors: { descriptors, wanted: descriptorsWanted, pools, connections } }
      : {}),
    ...(available < memoryWanted ? { memory: { available, wanted: memoryWanted, resultMemory } } : {}),
  };
}
