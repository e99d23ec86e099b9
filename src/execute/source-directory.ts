/** Where leases come from: the pools of one configuration, by shard source. */
import type { CapabilityClass, Pool, ReplicaMember, ReplicaSet } from '../backend/index.ts';

export interface SourceDirectory {
  /** Whether any shard source has replicas: if not, nothing below about them need be asked. */
  readonly replicated: boolean;
  /** The replica set of a shard source; undefined: it is one server. */
  replicaSet(source: string): ReplicaSet | undefined;
  /** The replica set that a data source is a member of. */
  setOfMember(dataSource: string): ReplicaSet | undefined;
  memberPool(member: ReplicaMember, capabilities: CapabilityClass): Pool;
  /** Where reads in a transaction go. */
  transactionalReads(source: string): 'PRIMARY' | 'FIXED' | 'DYNAMIC';
  /** The pool of a shard source's present primary for this class of clients. Throws MeshError for an unknown source. */
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
