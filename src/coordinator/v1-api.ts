/** Our own routes, `/v1/transactions`: for services, and those of an operator. */

import { branchIdProblem } from '../base/index.ts';
import { type Answer, failure, type RouteHandler } from '../http/index.ts';
import type { Order } from './advance.ts';
import type { BarrierVerdict } from './barrier-verdict.ts';
import type { BranchTargets } from './branch-targets.ts';
import type { Coordinator, Outcome } from './coordinator.ts';
import { kinds } from './definition.ts';
import { BadRequest } from './dtm-request.ts';
import { isFinal, phases } from './progress.ts';
import type { ListFilter, StoredTransaction } from './store.ts';
import { abortSchema, checked, orderSchema, readBranch, readTransaction, registerSchema } from './v1-request.ts';

const WAIT_MAX_MS = 60_000;

export interface V1Options {
  readonly coordinator: Coordinator;
  readonly targets: BranchTargets;
  readonly openApi: unknown;
  readonly barrier?: (gid: string, branch: string, operation: string) => Promise<BarrierVerdict>;
}

/** The routes that services use. */
export function v1Routes({ coordinator, targets, openApi, barrier }: V1Options): [string, RouteHandler][] {
  return [
    ['GET /v1/openapi.json', () => ({ status: 200, body: openApi })],
    [
      'POST /v1/transactions',
      async (body, { query }) => {
        const { gid, prepare, definition } = readTransaction(body, targets);
        const orphan = await parentProblem(definition.parent);
        if (orphan !== undefined) return orphan;
        const outcome = prepare
          ? await coordinator.prepare(gid, definition)
          : await coordinator.submit(gid, definition);
        return await answered(gid, outcome, query, 'a transaction with this gid and another content exists');
      },
    ],
    ...readRoutes(coordinator),
    [
      'POST /v1/transactions/{gid}/branches',
      async (body, { params }) => {
        const gid = params['gid'] as string;
        const read = checked(registerSchema, body);
        const wrong = branchIdProblem(read.id);
        if (wrong !== undefined) throw new BadRequest(`id: ${wrong}`);
        const result = await coordinator.register(gid, readBranch(read, read.id, 'tcc', targets, 'branch'));
        if (result === 'added') return { status: 201, body: { gid, branch: read.id } };
        return result === 'unknown'
          ? failure(404, `no transaction ${gid}`)
          : failure(409, `transaction ${gid} is ${result}`);
      },
    ],
    [
      'POST /v1/transactions/{gid}/submit',
      async (_, { params, query }) => {
        const gid = params['gid'] as string;
        const known = await coordinator.read(gid);
        if (known === undefined) return failure(404, `no transaction ${gid}`);
        return await answered(gid, await coordinator.submit(gid, known.definition), query);
      },
    ],
    [
      'POST /v1/transactions/{gid}/abort',
      async (body, { params, query }) => {
        const gid = params['gid'] as string;
        return await answered(gid, await coordinator.abort(gid, checked(abortSchema, body).reason), query);
      },
    ],
    [
      'GET /v1/branches/{gid}/{branch}/{operation}',
      async (_, { params }) => {
        if (barrier === undefined) return failure(404, 'no database of this sidecar has a barrier');
        const { gid = '', branch = '', operation = '' } = params;
        return { status: 200, body: { gid, branch, operation, verdict: await barrier(gid, branch, operation) } };
      },
    ],
  ];

  async function parentProblem(parent: string | undefined): Promise<Answer | undefined> {
    if (parent === undefined) return undefined;
    const found = await coordinator.read(parent);
    if (found === undefined) return failure(409, `parent: no transaction ${parent}`);
    const { phase } = found.progress;
    return phase === 'prepared' || phase === 'forward' || phase === 'complete'
      ? undefined
      : failure(409, `parent: transaction ${parent} is ${phase}`);
  }

  async function answered(gid: string, outcome: Outcome, query: URLSearchParams, other?: string): Promise<Answer> {
    if (outcome.kind === 'unknown') return failure(404, `no transaction ${gid}`);
    if (outcome.kind === 'conflict')
      return {
        status: 409,
        body: { error: other ?? `transaction ${gid} is ${outcome.phase}`, transaction: shown(outcome.transaction) },
      };
    const waitMs = waitOf(query);
    const { transaction } = outcome;
    const end =
      waitMs === 0 || isFinal(transaction.progress.phase)
        ? transaction
        : ((await coordinator.settled(gid, waitMs)) ?? transaction);
    return { status: isFinal(end.progress.phase) ? 200 : 202, body: shown(end) };
  }
}

/** What operators may do besides: everything is written into the audit first. */
export function operatorRoutes(coordinator: Coordinator): [string, RouteHandler][] {
  const carryOut = async (gid: string, order: Order, words: string, by: string, reason: string): Promise<Answer> => {
    const found = await coordinator.read(gid);
    if (found === undefined) return failure(404, `no transaction ${gid}`);
    await coordinator.store.audit({ at: coordinator.store.now(), gid, order: words, by, reason });
    const outcome = await coordinator.order(gid, order);
    if (outcome.kind === 'conflict') return failure(409, `transaction ${gid} is ${outcome.phase}`);
    return outcome.kind === 'unknown'
      ? failure(404, `no transaction ${gid}`)
      : { status: 200, body: shown(outcome.transaction) };
  };
  const byBody =
    (order: Order, words: string): RouteHandler =>
    async (body, { from }) =>
      await carryOut(String(body['gid'] ?? ''), order, words, `admin@${from}`, 'DTM route');
  return [
    ...readRoutes(coordinator),
    [
      'POST /v1/transactions/{gid}/resolve',
      async (body, { params, from }) => {
        const { order, branch, reason } = checked(orderSchema, body);
        if (order === 'SKIP BRANCH' && branch === undefined) throw new BadRequest('branch: SKIP BRANCH needs one');
        const words = branch === undefined ? order : `${order} '${branch}'`;
        return await carryOut(params['gid'] as string, orderOf(order, branch ?? ''), words, `admin@${from}`, reason);
      },
    ],
    ['POST /api/dtmsvr/forceStop', byBody({ kind: 'force', outcome: 'failed' }, 'FORCE ROLLBACK')],
    ['POST /api/dtmsvr/resetNextCronTime', byBody({ kind: 'retry' }, 'RETRY')],
  ];
}

function orderOf(words: string, branch: string): Order {
  switch (words) {
    case 'RETRY':
      return { kind: 'retry' };
    case 'SKIP BRANCH':
      return { kind: 'skip', branch };
    case 'ROLLBACK':
      return { kind: 'rollback' };
    default:
      return { kind: 'force', outcome: words === 'FORCE COMMIT' ? 'succeeded' : 'failed' };
  }
}

function readRoutes(coordinator: Coordinator): [string, RouteHandler][] {
  return [
    [
      'GET /v1/transactions',
      async (_, { query }) => ({ status: 200, body: await coordinator.store.list(filterOf(query)) }),
    ],
    [
      'GET /v1/transactions/{gid}',
      async (_, { params, query }) => {
        const gid = params['gid'] as string;
        const waitMs = waitOf(query);
        const found = waitMs > 0 ? await coordinator.settled(gid, waitMs) : await coordinator.read(gid);
        if (found === undefined) return failure(404, `no transaction ${gid}`);
        const { transactions: children } = await coordinator.store.list({ parent: gid, limit: 100 });
        return { status: 200, body: { ...shown(found), children, audit: await coordinator.store.auditOf(gid) } };
      },
    ],
  ];
}

function filterOf(query: URLSearchParams): ListFilter {
  const limit = Number(query.get('limit') ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new BadRequest('limit: a number from 1 to 1000 is expected');
  const phase = phases.find((one) => one === query.get('phase'));
  if (query.has('phase') && phase === undefined) throw new BadRequest(`phase: one of ${phases.join(', ')} is expected`);
  const kind = kinds.find((one) => one === query.get('kind'));
  if (query.has('kind') && kind === undefined) throw new BadRequest(`kind: one of ${kinds.join(', ')} is expected`);
  const after = query.get('after');
  return {
    limit,
    ...(phase === undefined ? {} : { phase }),
    ...(kind === undefined ? {} : { kind }),
    ...(after === null ? {} : { after }),
  };
}

function waitOf(query: URLSearchParams): number {
  const text = query.get('wait');
  if (text === null) return 0;
  const seconds = Number(text);
  if (!(seconds >= 0)) throw new BadRequest('wait: a number of seconds is expected');
  return Math.min(WAIT_MAX_MS, seconds * 1000);
}

/** A transaction as it is shown. */
export function shown({
  gid,
  definition,
  progress,
  epoch,
  owner,
  updatedAt,
}: StoredTransaction): Record<string, unknown> {
  return {
    gid,
    kind: definition.kind,
    phase: progress.phase,
    ...(progress.reason === undefined ? {} : { reason: progress.reason }),
    ...(progress.resume === undefined ? {} : { resume: progress.resume }),
    createdAt: progress.createdAt,
    phaseAt: progress.phaseAt,
    updatedAt,
    epoch,
    owner,
    ...(definition.parent === undefined ? {} : { parent: definition.parent }),
    ...(definition.customData === undefined ? {} : { customData: definition.customData }),
    ...(progress.query === undefined ? {} : { query: progress.query }),
    branches: definition.branches.map((branch, index) => ({
      id: branch.id,
      urls: branch.urls,
      payload: branch.payload,
      after: branch.after.map((before) => definition.branches[before]?.id),
      ...progress.branches[index],
    })),
  };
}
