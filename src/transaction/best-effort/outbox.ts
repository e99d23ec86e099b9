/** The statements on the outbox and the inbox, as text in ASCII: they run under whatever settings a session has. */
import { testMs } from '../fault-point.ts';
import { meshSchema, serverTime } from '../tables.ts';

/** States of an outbox row. */
export const PENDING = 1;
/** Given up: an operator's matter. */
export const DEAD = 2;
/** No delivery: it bars a decision whose answer was lost from arriving late. */
export const BARRED = 3;
/** Delivered by the relay, or skipped by an operator: kept for a session that still has to ask whether it had decided. */
export const SETTLED = 4;

/** A row is left to the session that wrote it for so long before the relay takes it. */
export const GRACE_MS = testMs('grace', 5000);
/** A claim that is not renewed ends after so long. */
export const CLAIM_MS = testMs('claim', 30_000);

const outbox = `${meshSchema}.outbox`;
const inbox = `${meshSchema}.inbox`;

/** What an outbox row is about. */
export interface Delivery {
  readonly seq: number;
  /** Identity of the target's server, and the schema there. */
  readonly server: string;
  readonly schema: string;
  /** What the rules called the source; for people only. */
  readonly source: string;
  readonly payload: Buffer;
}

export const hex = (bytes: Buffer | string): string =>
  bytes.length === 0 ? "''" : `X'${Buffer.from(bytes as string).toString('hex')}'`;

/** All rows of one transaction, without the COMMIT. */
export function insertOutbox(gid: string, deliveries: readonly Delivery[]): string {
  const rows = deliveries.map(
    ({ seq, server, schema, source, payload }) =>
      `(${hex(gid)},${seq},${hex(server)},${hex(schema)},${hex(source)},${hex(payload)},${PENDING},${serverTime},${serverTime}+${GRACE_MS})`,
  );
  return `INSERT INTO ${outbox} (gid,seq,server,target,source,payload,state,made,next) VALUES ${rows.join(',')}`;
}

/** Fails with 1062 if there is a row already; otherwise the decision can no longer get there. */
export function barOutbox(gid: string, first: number): string {
  return `INSERT INTO ${outbox} (gid,seq,server,target,source,payload,state,made,next) VALUES (${hex(gid)},${first},'','','','',${BARRED},${serverTime},${serverTime})`;
}

export function stateOfOutbox(gid: string, seq: number): string {
  return `SELECT state FROM ${outbox} WHERE gid=${hex(gid)} AND seq=${seq}`;
}

/** Fails with 1062 if it was delivered already. `home`: the server with the outbox row. */
export function insertInbox(gid: string, seq: number, home: string): string {
  return `INSERT INTO ${inbox} (gid,seq,home,ts) VALUES (${hex(gid)},${seq},${hex(home)},${serverTime})`;
}

/** The same; affects no row on any server but the named one. */
export function insertInboxOf(server: string, gid: string, seq: number, home: string): string {
  return `INSERT INTO ${inbox} (gid,seq,home,ts) SELECT ${hex(gid)},${seq},${hex(home)},${serverTime} FROM ${meshSchema}.identity WHERE server=${hex(server)}`;
}

/** Rows that are due, oldest first. */
export function dueOutbox(limit: number): string {
  return `SELECT gid,seq,server,target,source,epoch FROM ${outbox} WHERE state=${PENDING} AND next<=${serverTime} ORDER BY next LIMIT ${limit}`;
}

/** What names one attempt: every change of a row asks whether the claim still holds. */
export interface Claim {
  readonly gid: string;
  readonly seq: number;
  /** After claiming. */
  readonly epoch: number;
}

const ofClaim = ({ gid, seq, epoch }: Claim): string =>
  `gid=${hex(gid)} AND seq=${seq} AND epoch=${epoch} AND state=${PENDING}`;

/** Affects one row if nobody else was faster. */
export function claimOutbox(gid: string, seq: number, epochBefore: number): string {
  return `UPDATE ${outbox} SET epoch=epoch+1,tries=tries+1,next=${serverTime}+${CLAIM_MS} WHERE ${ofClaim({ gid, seq, epoch: epochBefore })}`;
}

export function readClaimed(claim: Claim): string {
  return `SELECT payload,tries,${serverTime}-made FROM ${outbox} WHERE ${ofClaim(claim)}`;
}

/** Affects one row while the claim holds. */
export function renewClaim(claim: Claim): string {
  return `UPDATE ${outbox} SET next=GREATEST(next+1,${serverTime}+${CLAIM_MS}) WHERE ${ofClaim(claim)}`;
}

export function settleClaimed(claim: Claim): string {
  return `UPDATE ${outbox} SET state=${SETTLED},payload='',reason='' WHERE ${ofClaim(claim)}`;
}

/** An operator's SKIP. */
export function settleOutbox(gid: string, seq: number): string {
  return `UPDATE ${outbox} SET state=${SETTLED},payload='',epoch=epoch+1 WHERE gid=${hex(gid)} AND seq=${seq} AND state IN (${PENDING},${DEAD})`;
}

export function postponeClaimed(claim: Claim, ms: number, reason: string): string {
  return `UPDATE ${outbox} SET next=${serverTime}+${ms},reason=${hex(reasonBytes(reason))} WHERE ${ofClaim(claim)}`;
}

export function buryClaimed(claim: Claim, reason: string): string {
  return `UPDATE ${outbox} SET state=${DEAD},reason=${hex(reasonBytes(reason))} WHERE ${ofClaim(claim)}`;
}

/** An operator's RETRY: at once, with a fresh count and a fresh age. */
export function reviveOutbox(gid: string, seq: number | undefined): string {
  const row = seq === undefined ? '' : ` AND seq=${seq}`;
  return `UPDATE ${outbox} SET state=${PENDING},tries=0,epoch=epoch+1,made=${serverTime},next=${serverTime} WHERE gid=${hex(gid)}${row} AND state IN (${PENDING},${DEAD})`;
}

export function listOutbox(limit: number): string {
  return `SELECT gid,seq,source,state,tries,${serverTime}-made,reason,payload FROM ${outbox} WHERE state IN (${PENDING},${DEAD}) ORDER BY made LIMIT ${limit}`;
}

/** A row for each delivery of the transaction that has not arrived. */
export function openOutbox(gid: string): string {
  return `SELECT seq FROM ${outbox} WHERE gid=${hex(gid)} AND state IN (${PENDING},${DEAD})`;
}

export function readOutbox(gid: string, seq: number): string {
  return `SELECT server,target,source,payload,state,reason FROM ${outbox} WHERE gid=${hex(gid)} AND seq=${seq} AND state IN (${PENDING},${DEAD})`;
}

/** Count and age of the oldest by state, for metrics. */
export const countOutbox = `SELECT state,COUNT(*),MAX(${serverTime}-made) FROM ${outbox} WHERE state IN (${PENDING},${DEAD}) GROUP BY state`;

/**
 * Inbox rows that are old enough to go once their outbox row is gone. A session that hangs between its decision and its delivery is
 * cut off by the server after wait_timeout: only then is it sure that it does not come back for the row.
 */
export function oldInbox(keepMs: number, limit: number): string {
  return `SELECT gid,seq,home FROM ${inbox} WHERE ts<${serverTime}-${keptMs(keepMs)} ORDER BY ts LIMIT ${limit}`;
}

type Key = { readonly gid: string; readonly seq: number };
const keys = (rows: readonly Key[]): string => rows.map(({ gid, seq }) => `(${hex(gid)},${seq})`).join(',');

/** Of transactions that this process has committed, delivered. */
export function forgetOutbox(rows: readonly Key[]): string {
  return `DELETE FROM ${outbox} WHERE (gid,seq) IN (${keys(rows)})`;
}

export function stillInOutbox(rows: readonly Key[]): string {
  return `SELECT gid,seq FROM ${outbox} WHERE (gid,seq) IN (${keys(rows)})`;
}

export function forgetInbox(rows: readonly Key[]): string {
  return `DELETE FROM ${inbox} WHERE (gid,seq) IN (${keys(rows)})`;
}

/** Rows that only told what became of a transaction, when nobody can ask any more. */
export function forgetSettled(keepMs: number): string {
  return `DELETE FROM ${outbox} WHERE state IN (${BARRED},${SETTLED}) AND next<${serverTime}-${keptMs(keepMs)} LIMIT 1000`;
}

const keptMs = (keepMs: number): string =>
  `GREATEST(${keepMs},2000*@@GLOBAL.wait_timeout,2000*@@GLOBAL.interactive_timeout)`;

function reasonBytes(reason: string): Buffer {
  return Buffer.from(reason.slice(0, 2000), 'utf8');
}
