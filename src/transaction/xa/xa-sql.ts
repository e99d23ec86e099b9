/** The statements of the protocol. All values in them are our own ASCII names and numbers. */
import type { TransactionCharacteristics } from '../../session/index.ts';
import { meshSchema, serverTime } from '../tables.ts';
import { xidSql } from './transaction-id.ts';

/** Opens a branch that can be prepared. */
export function xaOpening(characteristics: TransactionCharacteristics, gid: string, branch: string): readonly string[] {
  const statements: string[] = [];
  if (characteristics.isolation !== undefined)
    statements.push(`SET TRANSACTION ISOLATION LEVEL ${characteristics.isolation}`);
  if (characteristics.access !== undefined) statements.push(`SET TRANSACTION ${characteristics.access}`);
  statements.push(`XA START ${xidSql(gid, branch)}`);
  // XA knows no WITH CONSISTENT SNAPSHOT: the first read makes it.
  if (characteristics.consistentSnapshot) statements.push(`SELECT k FROM ${meshSchema}.identity`);
  return statements;
}

/** Step 1. `parts`: the names of all branches that are prepared. */
export function prepareSql(gid: string, branch: string, parts: string, marked: boolean): string {
  const xid = xidSql(gid, branch);
  const mark = `INSERT INTO ${meshSchema}.mark VALUES ('${gid}','${branch}','${parts}',${serverTime});`;
  return `${marked ? mark : ''}XA END ${xid};XA PREPARE ${xid}`;
}

/**
 * Step 2, in one packet: a pause of this process cannot part the decision from its COMMIT. It begins with what fails unless a
 * transaction is open, because a procedure or a DDL may have ended it; and waits for readers that open an atomic snapshot.
 */
export function decideSql(gid: string, parts: string, node: string, decided: boolean): string {
  const row = `INSERT INTO ${meshSchema}.decision VALUES ('${gid}',${COMMITTED},'${parts}','${node}',${serverTime},0)`;
  return [
    'SAVEPOINT `shardmesh guard`',
    'RELEASE SAVEPOINT `shardmesh guard`',
    `SELECT v FROM ${meshSchema}.fence WHERE slot=0 LOCK IN SHARE MODE`,
    ...(decided ? [row] : []),
    'COMMIT AND NO CHAIN NO RELEASE',
  ].join(';');
}

export const COMMITTED = 1;
export const ROLLED_BACK = 2;

/** Claims "rolled back" unless there is a decision, then reads it. */
export function claimSql(gid: string, node: string): string {
  return (
    `INSERT IGNORE INTO ${meshSchema}.decision VALUES ('${gid}',${ROLLED_BACK},'','${node}',${serverTime},1);` +
    readDecisionSql(gid)
  );
}

export function readDecisionSql(gid: string): string {
  return `SELECT state FROM ${meshSchema}.decision WHERE gid='${gid}'`;
}

export const endXaSql = (gid: string, branch: string): string => `XA END ${xidSql(gid, branch)}`;
export const commitXaSql = (gid: string, branch: string): string => `XA COMMIT ${xidSql(gid, branch)}`;
export const rollbackXaSql = (gid: string, branch: string): string => `XA ROLLBACK ${xidSql(gid, branch)}`;
export const onePhaseSql = (gid: string, branch: string): string =>
  `${endXaSql(gid, branch)};XA COMMIT ${xidSql(gid, branch)} ONE PHASE`;
