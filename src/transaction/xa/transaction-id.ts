/**
 * What a transaction over several servers is called: its id (the gtrid of its XA branches and the key of its rows) and the names of
 * its branches. Both are ASCII of fixed parts, so that XA RECOVER, tables and operators show the same text.
 *
 * Ids begin with random characters: transactions are no neighbours in any index, so they never wait for each other's gaps.
 * The server that decides is in the id by the name that its own `identity` table gives it, never by one from a configuration.
 */
import { randomName } from '../server-identity.ts';

/** Format id of all our branches: "SMX1". Recovery touches no others. */
export const XA_FORMAT = 0x534d5831;

export interface TransactionId {
  readonly text: string;
  /** Server whose decision row counts. */
  readonly commitPoint: string;
  /** The process that began it. */
  readonly node: string;
  /** Milliseconds since 1970 on that process's clock. */
  readonly createdAt: number;
}

const VERSION = '1';
const shape = /^1([0-9a-z]{6})([0-9a-z]{8})([0-9a-z]{10})([0-9a-z]{9})([0-9a-z]{1,8})$/;

/** Names the transactions of one process. */
export class TransactionIds {
  readonly node: string;
  #sequence = 0;

  /** `node`: ten characters that no other process has or had. */
  constructor(node: string = randomName(10)) {
    this.node = node;
  }

  next(commitPoint: string, now: number): string {
    this.#sequence = (this.#sequence + 1) % 36 ** 8;
    const time = now.toString(36).padStart(9, '0');
    return `${VERSION}${randomName(6)}${commitPoint}${this.node}${time}${this.#sequence.toString(36)}`;
  }
}

/** Undefined: not one of ours. */
export function parseTransactionId(text: string): TransactionId | undefined {
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [, , commitPoint = '', node = '', time = ''] = match;
  return { text, commitPoint, node, createdAt: Number.parseInt(time, 36) };
}

/** The session that a branch belongs to: who may be killed for it, if it is surely still the same one. */
export interface BranchName {
  /** Server by its identity. */
  readonly server: string;
  /** When that server was started, as `ServerFacts.incarnation` has it. */
  readonly incarnation: string;
  readonly threadId: number;
  /** The commit point's connection, for locks that a dead process left there. */
  readonly commitPointThreadId: number;
  readonly commitPointIncarnation: string;
}

export function branchName(name: BranchName): string {
  const { server, incarnation, threadId, commitPointThreadId, commitPointIncarnation } = name;
  return `${server}${incarnation}${commitPointIncarnation}.${threadId.toString(36)}.${commitPointThreadId.toString(36)}`;
}

const branchShape = /^([0-9a-z]{8})([0-9a-z]{8})([0-9a-z]{8})\.([0-9a-z]{1,13})\.([0-9a-z]{1,13})$/;

export function parseBranchName(text: string): BranchName | undefined {
  const match = branchShape.exec(text);
  if (match === null) return undefined;
  const [, server = '', incarnation = '', commitPointIncarnation = '', thread = '', commitPoint = ''] = match;
  return {
    server,
    incarnation,
    commitPointIncarnation,
    threadId: Number.parseInt(thread, 36),
    commitPointThreadId: Number.parseInt(commitPoint, 36),
  };
}

/** The three parts of an xid as XA statements take them. Ids and names need no quoting. */
export function xidSql(gid: string, branch: string): string {
  return `'${gid}','${branch}',${XA_FORMAT}`;
}

/** One row of XA RECOVER that is ours: its data is gtrid and bqual behind each other. */
export interface ListedBranch {
  readonly gid: TransactionId;
  readonly branch: string;
}

/** `row`: formatID, gtrid_length, bqual_length, data. */
export function listedBranch(row: readonly (string | null)[]): ListedBranch | undefined {
  const [format, gtridLength, bqualLength, data] = row;
  if (Number(format) !== XA_FORMAT || data === null || data === undefined) return undefined;
  const gid = parseTransactionId(data.slice(0, Number(gtridLength)));
  const branch = data.slice(Number(gtridLength), Number(gtridLength) + Number(bqualLength));
  return gid === undefined || parseBranchName(branch) === undefined ? undefined : { gid, branch };
}
