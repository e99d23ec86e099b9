/** DTM's HTTP API, so that its client libraries work as they are: 200 success, 409 failure, 425 not known yet. */
import type { Answer, Asked, RouteHandler } from '../http/index.ts';
import type { BranchTargets } from './branch-targets.ts';
import type { Coordinator, Outcome } from './coordinator.ts';
import { operationOf, type Side } from './definition.ts';
import { type Body, readDtmBranch, readDtmTransaction, readGid } from './dtm-request.ts';
import { newGid } from './new-gid.ts';
import type { CallState, Phase } from './progress.ts';
import type { StoredTransaction, TransactionSummary } from './store.ts';

const success: Answer = { status: 200, body: { dtm_result: 'SUCCESS' } };
const failed = (message: string): Answer => ({
  status: 409,
  body: { dtm_result: 'FAILURE', error: `${message} FAILURE`, message },
});
const ongoing = (message: string): Answer => ({
  status: 425,
  body: { dtm_result: 'ONGOING', error: `${message} ONGOING`, message },
});
const unknownGid = (gid: string): Answer => failed(`no transaction ${gid}`);

const WAIT_MS = 30_000;

/** The routes that services use. */
export function dtmRoutes(coordinator: Coordinator, targets: BranchTargets, version: string): [string, RouteHandler][] {
  const register: RouteHandler = async (body) => {
    const { gid, branch } = readDtmBranch(body, targets);
    const result = await coordinator.register(gid, branch);
    return result === 'added'
      ? success
      : failed(result === 'unknown' ? `no transaction ${gid}` : `transaction ${gid} is ${statusOf(result)}`);
  };
  const onlyOperators: RouteHandler = () => ({
    status: 403,
    body: { error: 'orders of operators are served on the admin listener, with its token' },
  });
  return [
    ['GET /api/dtmsvr/version', () => ({ status: 200, body: { version: `shardmesh ${version}` } })],
    ['GET /api/dtmsvr/newGid', () => ({ status: 200, body: { gid: newGid(), dtm_result: 'SUCCESS' } })],
    [
      'POST /api/dtmsvr/prepare',
      async (body) => {
        const { gid, definition } = readDtmTransaction(body, targets);
        const outcome = await coordinator.prepare(gid, definition);
        if (outcome.kind === 'ok' && outcome.transaction.progress.phase !== 'prepared')
          return failed(`transaction ${gid} is ${statusOf(outcome.transaction.progress.phase)}, it cannot be prepared`);
        return plain(gid, outcome);
      },
    ],
    ['POST /api/dtmsvr/submit', (body) => submit(body)],
    [
      'POST /api/dtmsvr/abort',
      async (body) => {
        const gid = readGid(body);
        const { rollbackReason } = readDtmTransaction(body, targets);
        return plain(gid, await coordinator.abort(gid, rollbackReason || 'aborted by the application'));
      },
    ],
    ['POST /api/dtmsvr/registerBranch', register],
    ['POST /api/dtmsvr/registerTccBranch', register],
    ['POST /api/dtmsvr/registerXaBranch', register],
    ['GET /api/dtmsvr/query', async (_, { query }) => await one(query.get('gid') ?? '')],
    ['GET /api/dtmsvr/all', async (_, asked) => await all(asked)],
    ['POST /api/dtmsvr/forceStop', onlyOperators],
    ['POST /api/dtmsvr/resetNextCronTime', onlyOperators],
    ['GET /api/dtmsvr/resetCronTime', onlyOperators],
  ];

  async function submit(body: Body): Promise<Answer> {
    const { gid, definition, waitResult } = readDtmTransaction(body, targets);
    let outcome = await coordinator.submit(gid, definition);
    // What was prepared stands: clients add options to a submit that they had not at the prepare.
    if (outcome.kind === 'conflict' && outcome.phase === 'prepared')
      outcome = await coordinator.submit(gid, outcome.transaction.definition);
    if (outcome.kind !== 'ok' || !waitResult) return submitted(gid, outcome);
    const end = await coordinator.settled(gid, Math.min(WAIT_MS, Math.max(1000, definition.timeoutMs * 0.9)));
    if (end === undefined) return unknownGid(gid);
    const { phase, reason } = end.progress;
    if (phase === 'succeeded') return success;
    if (phase === 'failed' || phase === 'undo') return failed(reason ?? 'undone');
    return ongoing(
      `transaction ${gid} is ${statusOf(phase)}${phase === 'suspended' ? ` and suspended: ${reason}` : ''}`,
    );
  }

  async function one(gid: string): Promise<Answer> {
    if (gid === '') return { status: 400, body: { error: 'no gid is given' } };
    const found = await coordinator.read(gid);
    return {
      status: 200,
      body:
        found === undefined
          ? { transaction: null, branches: [] }
          : { transaction: dtmTransaction(found), branches: dtmBranches(found) },
    };
  }

  async function all({ query }: Asked): Promise<Answer> {
    const gid = query.get('gid') ?? '';
    if (gid !== '') {
      const found = await coordinator.read(gid);
      return {
        status: 200,
        body: { transactions: found === undefined ? null : [dtmTransaction(found)], next_position: '' },
      };
    }
    const limit = Number(query.get('limit') ?? 100);
    const position = query.get('position') ?? '';
    const phase = phaseOf[query.get('status') ?? ''];
    const { transactions, next } = await coordinator.store.list({
      limit: Number.isInteger(limit) && limit > 0 ? Math.min(limit, 1000) : 100,
      ...(position === '' ? {} : { after: position }),
      ...(phase === undefined ? {} : { phase }),
    });
    return { status: 200, body: { transactions: transactions.map(dtmSummary), next_position: next ?? '' } };
  }
}

function plain(gid: string, outcome: Outcome): Answer {
  if (outcome.kind === 'ok') return success;
  return outcome.kind === 'unknown' ? unknownGid(gid) : failed(`transaction ${gid} is ${statusOf(outcome.phase)}`);
}

function submitted(gid: string, outcome: Outcome): Answer {
  if (outcome.kind !== 'ok') return plain(gid, outcome);
  const { phase, reason } = outcome.transaction.progress;
  return phase === 'undo' || phase === 'failed'
    ? failed(reason ?? `transaction ${gid} is ${statusOf(phase)}`)
    : success;
}

/** DTM's words. What is suspended is unfinished there. */
export function statusOf(phase: Phase): string {
  return {
    prepared: 'prepared',
    forward: 'submitted',
    complete: 'submitted',
    undo: 'aborting',
    succeeded: 'succeed',
    failed: 'failed',
    suspended: 'submitted',
  }[phase];
}

const phaseOf: Readonly<Record<string, Phase>> = {
  prepared: 'prepared',
  submitted: 'forward',
  aborting: 'undo',
  succeed: 'succeeded',
  failed: 'failed',
};

const iso = (at: number): string => new Date(at).toISOString();

function dtmSummary(summary: TransactionSummary): Record<string, unknown> {
  return {
    gid: summary.gid,
    trans_type: summary.kind === 'message' ? 'msg' : summary.kind,
    status: statusOf(summary.phase),
    create_time: iso(summary.createdAt),
    update_time: iso(summary.updatedAt),
    owner: summary.owner,
    ...(summary.reason === undefined ? {} : { rollback_reason: summary.reason }),
  };
}

function dtmTransaction({ gid, definition, progress, owner, updatedAt }: StoredTransaction): Record<string, unknown> {
  const resumed = progress.phase === 'suspended' ? (progress.resume ?? 'undo') : progress.phase;
  const ended = iso(progress.phaseAt);
  return {
    gid,
    trans_type: definition.kind === 'message' ? 'msg' : definition.kind,
    status: statusOf(resumed),
    suspended: progress.phase === 'suspended',
    create_time: iso(progress.createdAt),
    update_time: iso(updatedAt),
    ...(progress.phase === 'succeeded' ? { finish_time: ended } : {}),
    ...(progress.phase === 'failed' ? { rollback_time: ended } : {}),
    ...(progress.reason === undefined ? {} : { rollback_reason: progress.reason }),
    ...(definition.queryUrl === undefined ? {} : { query_prepared: definition.queryUrl }),
    ...(definition.customData === undefined ? {} : { custom_data: definition.customData }),
    protocol: 'http',
    owner,
  };
}

function dtmBranches({ gid, definition, progress }: StoredTransaction): Record<string, unknown>[] {
  const sides: readonly Side[] =
    definition.kind === 'saga'
      ? ['undo', 'forward']
      : definition.kind === 'message'
        ? ['complete']
        : ['undo', 'complete'];
  const undoing = progress.phase === 'undo' || progress.phase === 'failed' || progress.resume === 'undo';
  return definition.branches.flatMap((branch, index) =>
    sides.map((side) => {
      const state = progress.branches[index];
      const call = side === 'forward' ? state?.forward : (side === 'undo') === undoing ? state?.settle : undefined;
      return {
        gid,
        url: branch.urls[side] ?? '',
        bin_data: Buffer.from(branch.payload).toString('base64'),
        branch_id: branch.id,
        op: operationOf(definition.kind, side),
        status: callStatus(call),
        ...(call?.status === 'done' && call.lastAt !== undefined ? { finish_time: iso(call.lastAt) } : {}),
      };
    }),
  );
}

function callStatus(call: CallState | undefined): string {
  if (call?.status === 'done' || call?.status === 'skipped') return 'succeed';
  return call?.status === 'failed' ? 'failed' : 'prepared';
}
