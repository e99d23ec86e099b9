/** Removes what the protocol has written and nobody can need any more. */
import type { BackendConnection } from '../../backend/index.ts';
import { meshSchema, serverTime } from '../tables.ts';
import { openInternal } from './server-facts.ts';
import type { ServerWatch } from './server-watch.ts';
import { listedBranch } from './transaction-id.ts';
import { COMMITTED } from './xa-sql.ts';

const BATCH = 1000;
/** At one time; the next round goes on. */
const BATCHES_MAX = 50;
/** Rows of transactions that may still be running are left alone. */
const SETTLED_MS = 60_000;
const NODE_KEEP_MS = 24 * 3_600_000;

/**
 * A decision goes when it is done, old enough, and no primary or replica lists its transaction: a shard that lost its XA COMMIT in a
 * failover lists the branch again, and needs the decision. If any server cannot be asked, decisions stay.
 */
export async function collectRows(watch: ServerWatch, all: readonly ServerWatch[], keepMs: number): Promise<void> {
  const old = `ts < ${serverTime} - ${keepMs}`;
  await watch.query(`DELETE FROM ${meshSchema}.node WHERE beat < ${serverTime} - ${NODE_KEEP_MS}`);
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const { ok } = await watch.query(`DELETE FROM ${meshSchema}.mark WHERE ${old} LIMIT ${BATCH}`);
    if (ok.affectedRows < BigInt(BATCH)) break;
  }
  const listed = await listedEverywhere(all);
  if (listed === undefined) return;
  const settled = `done=0 AND state=${COMMITTED} AND ts < ${serverTime} - ${Math.min(SETTLED_MS, keepMs)}`;
  const but = listed.size === 0 ? '' : ` AND gid NOT IN (${[...listed].map((gid) => `'${gid}'`).join(',')})`;
  await watch.query(`UPDATE ${meshSchema}.decision SET done=1 WHERE ${settled}${but}`);
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const { ok } = await watch.query(`DELETE FROM ${meshSchema}.decision WHERE done=1 AND ${old}${but} LIMIT ${BATCH}`);
    if (ok.affectedRows < BigInt(BATCH)) break;
  }
}

/** Ids of all transactions that any server lists; undefined: not every one could be asked. */
async function listedEverywhere(all: readonly ServerWatch[]): Promise<ReadonlySet<string> | undefined> {
  const found = new Set<string>();
  try {
    for (const watch of all) {
      for (const { gid } of await watch.listed()) found.add(gid.text);
      for (const replica of watch.target.replicas) {
        const connection: BackendConnection = await openInternal(replica);
        try {
          const { rows } = await connection.query('XA RECOVER');
          for (const row of rows) {
            const branch = listedBranch(row);
            if (branch !== undefined) found.add(branch.gid.text);
          }
        } finally {
          connection.end();
        }
      }
    }
  } catch {
    return undefined;
  }
  return found;
}
