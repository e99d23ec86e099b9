/**
 * The seam where transaction types differ. A protocol makes a coordinator for each transaction, of a session or of one statement
 * over several sources; the coordinator says what opens a branch, may watch every statement that runs on one, and ends them all.
 */
import type { Lease } from '../backend/index.ts';
import type { TransactionType } from '../base/index.ts';
import type { Access, Plan, ShardQuery } from '../plan/index.ts';
import type { Settings, TransactionCharacteristics } from '../session/index.ts';
import type { ExecuteParameter, OkPacket } from '../wire/index.ts';
import type { Branch } from './branch.ts';

export interface CommitProtocol {
  readonly type: TransactionType;
  begin(scope: TransactionScope): Coordinator;
  /** Reads of several servers that never see half of a transaction of this type. Absent: there are none. */
  readonly snapshots?: AtomicSnapshots;
}

export interface AtomicSnapshots {
  /**
   * Opens read-only transactions on connections to primaries, whose snapshots belong together. `addresses`: all servers on which
   * transactions of these sources may be decided. Rejects with SM_SNAPSHOT_UNAVAILABLE; the leases are then to be destroyed.
   */
  open(leases: readonly Lease[], addresses: readonly string[]): Promise<void>;
}

/** What a transaction belongs to. */
export interface TransactionScope {
  /** `statement`: a transaction for one statement of a session that is in none. */
  readonly origin: 'session' | 'statement';
  readonly characteristics: TransactionCharacteristics;
  readonly logicalDatabase: string;
  /** The client connection's id. */
  readonly connectionId: number;
}

/** A lease that is to become a branch. */
export type BranchOpening = Pick<Branch, 'source' | 'lease'>;

/** One statement on one branch. */
export interface BranchStatement {
  readonly plan: Plan;
  /** Its text for this branch, with the tables of this node. */
  readonly query: ShardQuery;
  readonly access: Access;
  /** The client's parameters in the binary protocol (`query.parameters` says which the text takes); undefined: a text. */
  readonly parameters: { readonly values: readonly ExecuteParameter[]; readonly source: Buffer } | undefined;
  /** Of the session. */
  readonly settings: Settings;
  /** The statement's time as SET timestamp takes it, if the mesh has fixed it on the branch; it also resets it. */
  readonly timestamp: string | undefined;
}

/** How a statement ended on one branch. Absent OK: it failed, or answered rows. */
export interface BranchResult {
  readonly ok: OkPacket | undefined;
  readonly errno: number;
}

/**
 * Of one transaction; not re-entrant per branch, but branches of one statement run side by side. Whatever it runs on a branch's
 * lease by itself comes before or behind the statement, never between its packets.
 */
export interface Coordinator {
  readonly type: TransactionType;
  /** What the transaction is called everywhere; undefined while it needs no name. */
  readonly id: string | undefined;
  /** The statements that open a branch; all run in one packet. `opened`: the branches so far, in the order of their opening. May refuse. */
  open(branch: BranchOpening, opened: readonly Branch[]): readonly string[] | Promise<readonly string[]>;
  /** Before a statement runs on a branch; what it throws is the statement's error there. Absent: nothing is watched. */
  beforeStatement?(branch: Branch, statement: BranchStatement): Promise<void> | undefined;
  /** Behind a statement, also a failed one; what it throws makes the statement fail. */
  afterStatement?(branch: Branch, statement: BranchStatement, result: BranchResult): Promise<void> | undefined;
  /** The client's savepoints and the mesh's own around statements: what was recorded behind one is taken back with it. */
  savepoint?(verb: 'set' | 'rollback to' | 'release', name: string): void;
  /** Ends every branch; resolves when the outcome is certain. Leases are released or destroyed by the caller. */
  commit(branches: readonly Branch[]): Promise<void>;
  /** Takes every branch back; never rejects: what cannot be asked is destroyed. */
  rollback(branches: readonly Branch[]): Promise<void>;
  /** The client is gone or reset its session, and every branch was cut off. Absent: the servers roll back by themselves. */
  abandoned?(branches: readonly Branch[]): void;
}

/** One protocol for each type. */
export type CommitProtocols = Readonly<Record<TransactionType, CommitProtocol>>;

/** What opens a plain transaction on a backend connection. */
export function plainOpening(characteristics: TransactionCharacteristics): readonly string[] {
  const statements: string[] = [];
  if (characteristics.isolation !== undefined)
    statements.push(`SET TRANSACTION ISOLATION LEVEL ${characteristics.isolation}`);
  const options: string[] = [];
  if (characteristics.consistentSnapshot) options.push('WITH CONSISTENT SNAPSHOT');
  if (characteristics.access !== undefined) options.push(characteristics.access);
  statements.push(options.length === 0 ? 'BEGIN' : `START TRANSACTION ${options.join(', ')}`);
  return statements;
}

/** Rolls back every branch; one that cannot be asked is destroyed, which rolls it back on its server. */
export async function rollbackAll(branches: readonly Branch[]): Promise<void> {
  await Promise.all(
    branches.map((branch) => branch.lease.connection.query('ROLLBACK').catch(() => branch.lease.destroy())),
  );
}
