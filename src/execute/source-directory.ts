/** Where leases come from: the pools of one configuration, by shard source. */
import type { CapabilityClass, Pool } from '../backend/index.ts';

export interface SourceDirectory {
  /** The pool of a shard source's primary for this class of clients. Throws MeshError for an unknown source. */
  primaryPool(source: string, capabilities: CapabilityClass): Pool;
  /** Physical schema of a shard source. */
  physicalSchema(source: string): string;
  /** All physical schema names, for error texts. */
  readonly physicalSchemas: ReadonlySet<string>;
  readonly defaultSource: string;
  /** All shard sources. */
  readonly sources: readonly string[];
  readonly logicalDatabase: string;
  /** Logical name of a physical table; undefined if the rules hide it. */
  logicalName(source: string, physicalTable: string): string | undefined;
  /** The same, but only on the one node that stands for the whole table, so that each is shown once. */
  shownAs(source: string, physicalTable: string): string | undefined;
}
