/** Where leases come from: the pools of one configuration, by shard source. */
import type { CapabilityClass, Pool } from '../backend/index.ts';

export interface SourceDirectory {
  /** The pool of a shard source's primary for this class of clients. Throws MeshError for an unknown source. */
  primaryPool(source: string, capabilities: CapabilityClass): Pool;
  /** Physical schema of a shard source. */
  physicalSchema(source: string): string;
  /** All physical schema names, for error texts. */
  readonly physicalSchemas: ReadonlySet<string>;
  /** Distinguishes servers that host several sources: two sources with equal keys are on one server. */
  readonly defaultSource: string;
}
