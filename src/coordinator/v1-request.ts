/** The form of our own requests: one schema checks them and is published as OpenAPI. */
import { z } from 'zod';
import { branchIdProblem, gidProblem } from '../base/index.ts';
import type { BranchTargets } from './branch-targets.ts';
import type { BranchDefinition, Side, TransactionDefinition } from './definition.ts';
import { BadRequest, checkedHeaders, url } from './dtm-request.ts';
import { newGid } from './new-gid.ts';

const milliseconds = (min: number, max: number) => z.int().min(min).max(max);
const address = z.string().min(1).max(4096);
const headers = z.record(z.string(), z.string());
const payload = z
  .unknown()
  .describe('Any JSON; sent as the body of every call of the branch. Absent: calls are GET without a body.');

export const branchSchema = z.strictObject({
  id: z.string().optional().describe('Unique in the transaction; default 01, 02 ...'),
  action: address.optional().describe('Saga and message: does the branch.'),
  compensate: address.optional().describe('Saga: undoes it.'),
  try: address.optional().describe('TCC: reserves; absent where the application calls it itself.'),
  confirm: address.optional().describe('TCC: makes the reservation last.'),
  cancel: address.optional().describe('TCC: gives the reservation back.'),
  payload: payload.optional(),
  headers: headers.optional().describe('Sent with every call of the branch.'),
  timeoutMs: milliseconds(10, 3_600_000).optional().describe('For one call of the branch; default: the transaction’s.'),
  barrierUrl: address
    .optional()
    .describe('Where the sidecar beside the service answers for its barrier, `http://host:port`.'),
  after: z
    .array(z.string())
    .optional()
    .describe(
      'Ids of branches before it in the list that must be done first. Default: the one before, or none with `concurrent`.',
    ),
});

export const transactionSchema = z.strictObject({
  gid: z
    .string()
    .optional()
    .describe('Names the transaction; the same request again is no second one. Default: a new name.'),
  kind: z
    .enum(['saga', 'tcc', 'message'])
    .describe('What its branches have: action and compensate; try, confirm and cancel; action alone.'),
  branches: z.array(branchSchema).max(1000).default([]),
  prepare: z
    .boolean()
    .default(false)
    .describe('Only begin: branches of a TCC are registered, then it is submitted or aborted.'),
  concurrent: z.boolean().default(false).describe('Branches without `after` begin at once.'),
  headers: headers.default({}).describe('Sent with every call.'),
  timeoutMs: milliseconds(10, 3_600_000).default(3000).describe('For one call.'),
  retry: z
    .strictObject({
      baseMs: milliseconds(10, 3_600_000).default(1000).describe('The first wait; doubles, with full jitter.'),
      maxMs: milliseconds(10, 86_400_000).default(300_000).describe('The longest wait.'),
      forwardLimit: z
        .int()
        .min(0)
        .max(10_000)
        .default(0)
        .describe('Actions or tries repeated more often are undone; 0: no limit.'),
      settleLimit: z
        .int()
        .min(0)
        .max(10_000)
        .default(0)
        .describe('Confirms, cancels and compensations repeated more often are suspended; 0: only age counts.'),
    })
    .prefault({}),
  failAfterMs: milliseconds(0, 31_536_000_000)
    .optional()
    .describe('Undone if it is not decided by then; 0: never. Default: never for a Saga, 35 s for what was prepared.'),
  maxAgeMs: milliseconds(1000, 31_536_000_000).default(86_400_000).describe('Longer in one phase: suspended.'),
  delayMs: milliseconds(0, 31_536_000_000).default(0).describe('No branch is called before.'),
  queryUrl: address
    .optional()
    .describe(
      'Message with `prepare`: asked after `failAfterMs` whether it is meant: 200 yes, 409 no, 425 not known yet.',
    ),
  parent: z
    .string()
    .optional()
    .describe('The transaction that it belongs to: it must exist and not be undone or ended.'),
  customData: z.string().max(65_536).optional().describe('Kept and shown, not interpreted.'),
});

export const registerSchema = z.strictObject({
  id: z.string(),
  confirm: address.optional(),
  cancel: address.optional(),
  payload: payload.optional(),
  headers: headers.optional(),
  timeoutMs: milliseconds(10, 3_600_000).optional(),
  barrierUrl: address.optional(),
});

export const abortSchema = z.strictObject({ reason: z.string().max(1000).default('aborted by the application') });

export const orderSchema = z.strictObject({
  order: z.enum(['RETRY', 'SKIP BRANCH', 'ROLLBACK', 'FORCE COMMIT', 'FORCE ROLLBACK']),
  branch: z.string().optional().describe('For SKIP BRANCH.'),
  reason: z.string().min(1).max(1000).describe('Goes into the audit.'),
});

/** Checks a body. Throws BadRequest with every problem. */
export function checked<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues
    .slice(0, 10)
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new BadRequest(problems.join('; '));
}

export interface V1Transaction {
  readonly gid: string;
  readonly prepare: boolean;
  readonly definition: TransactionDefinition;
}

type Branch = z.output<typeof branchSchema>;
const wordsOf = {
  saga: { forward: 'action', undo: 'compensate' },
  tcc: { forward: 'try', complete: 'confirm', undo: 'cancel' },
  message: { complete: 'action' },
} as const satisfies Record<string, Partial<Record<Side, keyof Branch>>>;

export function readTransaction(body: unknown, targets: BranchTargets): V1Transaction {
  const read = checked(transactionSchema, body);
  const gid = read.gid ?? newGid();
  const problem = gidProblem(gid);
  if (problem !== undefined) throw new BadRequest(problem);
  const external = read.kind === 'tcc' && read.prepare;
  if (read.prepare && read.kind === 'saga') throw new BadRequest('prepare: a Saga is submitted at once');
  if (external && read.branches.length > 0)
    throw new BadRequest('branches: those of a prepared TCC are registered one by one');
  const ids = new Map<string, number>();
  const branches = read.branches.map((branch, index): BranchDefinition => {
    const id = branch.id ?? String(index + 1).padStart(2, '0');
    const wrong = branchIdProblem(id);
    if (wrong !== undefined) throw new BadRequest(`branches.${index}.id: ${wrong}`);
    if (ids.has(id)) throw new BadRequest(`branches.${index}.id: '${id}' is taken`);
    const after = branch.after?.map((name) => {
      const before = ids.get(name);
      if (before === undefined)
        throw new BadRequest(`branches.${index}.after: no branch '${name}' is before it in the list`);
      return before;
    });
    ids.set(id, index);
    return {
      ...readBranch(branch, id, read.kind, targets, `branches.${index}`),
      after: after ?? (read.concurrent || index === 0 || read.kind === 'tcc' ? [] : [index - 1]),
    };
  });
  const waits = read.prepare ? 35_000 : 0;
  return {
    gid,
    prepare: read.prepare,
    definition: {
      kind: read.kind,
      external,
      branches,
      headers: checkedHeaders(read.headers, 'headers'),
      timeoutMs: read.timeoutMs,
      retry: read.retry,
      failAfterMs: read.failAfterMs ?? waits,
      maxAgeMs: read.maxAgeMs,
      delayMs: read.delayMs,
      ...(read.queryUrl === undefined ? {} : { queryUrl: url(targets, read.queryUrl, 'queryUrl') }),
      ...(read.parent === undefined ? {} : { parent: read.parent }),
      ...(read.customData === undefined ? {} : { customData: read.customData }),
    },
  };
}

export function readBranch(
  branch: Branch,
  id: string,
  kind: 'saga' | 'tcc' | 'message',
  targets: BranchTargets,
  where: string,
): BranchDefinition {
  const words: Partial<Record<Side, keyof Branch>> = wordsOf[kind];
  const known = new Set<string>(Object.values(words));
  for (const word of ['action', 'compensate', 'try', 'confirm', 'cancel'] as const)
    if (branch[word] !== undefined && !known.has(word)) throw new BadRequest(`${where}.${word}: a ${kind} has none`);
  const urls: Partial<Record<Side, string>> = {};
  for (const [side, word] of Object.entries(words) as [Side, keyof Branch][]) {
    const value = branch[word];
    if (typeof value === 'string') urls[side] = url(targets, value, `${where}.${word}`);
  }
  return {
    id,
    urls,
    payload: branch.payload === undefined ? '' : JSON.stringify(branch.payload),
    after: [],
    ...(branch.headers === undefined ? {} : { headers: checkedHeaders(branch.headers, `${where}.headers`) }),
    ...(branch.timeoutMs === undefined ? {} : { timeoutMs: branch.timeoutMs }),
    ...(branch.barrierUrl === undefined ? {} : { barrierUrl: url(targets, branch.barrierUrl, `${where}.barrierUrl`) }),
  };
}
