/** What operators see of XA transactions, and may do with them; each order leaves a row in `shardmesh.audit`. */
import { ServerError } from '../../backend/index.ts';
import { MeshError } from '../../base/index.ts';
import type { ResolveOrder } from '../best-effort/index.ts';
import { meshSchema, serverTime } from '../tables.ts';
import { OWNER_GONE_MS } from './recoverer.ts';
import type { ServerWatch } from './server-watch.ts';
import { parseTransactionId, type TransactionId } from './transaction-id.ts';
import type { XaNode } from './xa-node.ts';
import { COMMITTED, commitXaSql, ROLLED_BACK, readDecisionSql, rollbackXaSql } from './xa-sql.ts';

/** A prepared branch, or one that recovery gave up. */
export interface OpenXaBranch {
  readonly gid: string;
  readonly branch: string;
  /** Address of the server that holds it. */
  readonly server: string;
  readonly state: 'prepared' | 'committing' | 'rolling back' | 'hazard';
  /** The process that began it. */
  readonly owner: string;
  readonly ageMs: number;
  readonly detail: string;
}

export class XaDesk {
  readonly #node: XaNode;

  constructor(node: XaNode) {
    this.#node = node;
  }

  /** Asked of every server that answers, the oldest first. */
  async list(): Promise<readonly OpenXaBranch[]> {
    const now = this.#node.clock.now();
    const hazards = this.#node.hazards();
    const lists = await Promise.all(
      this.#node.watches().map(async (watch) => {
        const listed = await watch.listed().catch(() => []);
        return await Promise.all(
          listed.map(async ({ gid, branch }): Promise<OpenXaBranch> => {
            const hazard = hazards.find((one) => one.gid === gid.text && one.branch === branch);
            const decision = await this.#node.watchOf(gid.commitPoint)?.readDecision(gid.text);
            const state =
              hazard !== undefined
                ? 'hazard'
                : decision === 'committed'
                  ? 'committing'
                  : decision === 'rolled back'
                    ? 'rolling back'
                    : 'prepared';
            const detail = hazard?.reason ?? (decision === 'unknown' ? 'its commit point does not answer' : '');
            const server = watch.target.address;
            return { gid: gid.text, branch, server, state, owner: gid.node, ageMs: now - gid.createdAt, detail };
          }),
        );
      }),
    );
    const open = lists.flat();
    for (const { gid, branch, server, reason, since } of hazards) {
      if (open.some((one) => one.gid === gid && one.branch === branch)) continue;
      open.push({
        gid,
        branch,
        server,
        state: 'hazard',
        owner: parseTransactionId(gid)?.node ?? '',
        ageMs: now - since,
        detail: reason,
      });
    }
    return open.sort((a, b) => b.ageMs - a.ageMs);
  }

  /** False: not the name of an XA transaction. */
  async resolve(order: ResolveOrder): Promise<boolean> {
    const gid = parseTransactionId(order.gid);
    if (gid === undefined) return false;
    const point = this.#node.watchOf(gid.commitPoint);
    if (point === undefined) throw new MeshError('SM_NO_SUCH_TRANSACTION', { gid: gid.text });
    const { word } = order;
    switch (word.kind) {
      case 'commit':
      case 'rollback':
        await this.#decide(order, gid, point, word.kind);
        break;
      case 'retry':
        await audit(point, order, '', 'retry');
        break;
      case 'skip':
        if (!this.#node.forgetHazard(gid.text, word.branch))
          throw new MeshError('SM_NO_SUCH_BRANCH', { gid: gid.text, branch: word.branch });
        await audit(point, order, word.branch, 'skip');
        return true;
      case 'force':
        await this.#force(order, word.branch, word.outcome);
        return true;
    }
    await this.#node.roundNow();
    return true;
  }

  /** The decision is made by hand, unless there is one; recovery then carries it out. */
  async #decide(
    order: ResolveOrder,
    gid: TransactionId,
    point: ServerWatch,
    outcome: 'commit' | 'rollback',
  ): Promise<void> {
    const known = await point.readDecision(gid.text);
    if (known === 'none' && outcome === 'commit') {
      const ages = await point.beatAges();
      if ((ages.get(gid.node) ?? Number.POSITIVE_INFINITY) <= OWNER_GONE_MS)
        throw new MeshError('SM_OWNER_ALIVE', { gid: gid.text, node: gid.node });
    }
    const wanted = outcome === 'commit' ? COMMITTED : ROLLED_BACK;
    const { rows } = await point.query(
      `INSERT IGNORE INTO ${meshSchema}.decision VALUES ('${gid.text}',${wanted},'','by hand',${serverTime},1);${readDecisionSql(gid.text)}`,
    );
    const state = Number(rows[0]?.[0]);
    if (state !== wanted)
      throw new MeshError('SM_ALREADY_DECIDED', {
        gid: gid.text,
        state: state === COMMITTED ? 'committed' : 'rolled back',
      });
    if (known === 'none' && outcome === 'commit') this.#node.tally.heuristic += 1;
    await audit(point, order, '', known === 'none' && outcome === 'commit' ? 'heuristic commit' : outcome);
  }

  /** One branch, whatever the decision says: always a heuristic. */
  async #force(order: ResolveOrder, branch: string, outcome: 'commit' | 'rollback'): Promise<void> {
    for (const watch of this.#node.watches()) {
      const listed = await watch.listed().catch(() => []);
      if (!listed.some((one) => one.gid.text === order.gid && one.branch === branch)) continue;
      await audit(watch, order, branch, `force ${outcome}`);
      this.#node.tally.heuristic += 1;
      try {
        await watch.query(outcome === 'commit' ? commitXaSql(order.gid, branch) : rollbackXaSql(order.gid, branch));
      } catch (error) {
        if (error instanceof ServerError && error.errno === XAER_NOTA)
          throw new MeshError('SM_OWNER_ALIVE', { gid: order.gid, node: parseTransactionId(order.gid)?.node ?? '' });
        throw error;
      }
      this.#node.forgetHazard(order.gid, branch);
      return;
    }
    throw new MeshError('SM_NO_SUCH_BRANCH', { gid: order.gid, branch });
  }
}

const XAER_NOTA = 1397;

async function audit(watch: ServerWatch, order: ResolveOrder, branch: string, action: string): Promise<void> {
  await watch.query(
    `INSERT INTO ${meshSchema}.audit (ts, actor, gid, branch, action, reason, detail) VALUES (${serverTime},${hex(order.actor)},${hex(order.gid)},${hex(branch)},${hex(action)},${hex(order.reason)},'')`,
  );
}

function hex(text: string): string {
  return text === '' ? "''" : `X'${Buffer.from(text, 'utf8').toString('hex')}'`;
}
