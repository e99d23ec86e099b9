/** Reads requests in the form of DTM's HTTP API into definitions. Absent, null and empty mean the same, as its clients write them. */

import { branchIdProblem, gidProblem } from '../base/index.ts';
import type { BranchTargets } from './branch-targets.ts';
import type { BranchDefinition, Kind, TransactionDefinition } from './definition.ts';

export type Body = Readonly<Record<string, unknown>>;

/** The request is not in order: 400, with the reason. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
}

export interface DtmRequest {
  readonly gid: string;
  readonly definition: TransactionDefinition;
  readonly waitResult: boolean;
  readonly rollbackReason: string;
}

const kindOf: Readonly<Record<string, Kind>> = { saga: 'saga', tcc: 'tcc', msg: 'message', xa: 'xa' };
/** DTM's own default for everything but Sagas. */
const FAIL_AFTER_MS = 35_000;
const CALL_MS = 3000;
const RETRY_MAX_MS = 300_000;
const MAX_AGE_MS = 24 * 3600 * 1000;
const branchesMax = 1000;

export function readDtmTransaction(body: Body, targets: BranchTargets): DtmRequest {
  const gid = readGid(body);
  const type = String(body['trans_type'] ?? '');
  const kind = kindOf[type];
  if (kind === undefined)
    throw new BadRequest(
      type === 'workflow'
        ? 'workflows are not supported: use saga, tcc, msg or xa'
        : `trans_type '${type}' is none of saga, tcc, msg, xa`,
    );
  const custom = readCustom(body['custom_data']);
  const concurrent = body['concurrent'] === true || custom.concurrent;
  const external = kind === 'tcc' || kind === 'xa';
  const timeoutToFail = seconds(body, 'timeout_to_fail');
  const retryInterval = seconds(body, 'retry_interval');
  return {
    gid,
    waitResult: body['wait_result'] === true,
    rollbackReason: typeof body['rollback_reason'] === 'string' ? body['rollback_reason'] : '',
    definition: {
      kind,
      external,
      branches: external ? [] : readSteps(body, kind, concurrent, custom.orders, targets),
      headers: readHeaders(body['branch_headers']),
      timeoutMs: seconds(body, 'request_timeout') || CALL_MS,
      retry: {
        baseMs: retryInterval || 1000,
        maxMs: Math.max(RETRY_MAX_MS, retryInterval),
        forwardLimit: whole(body, 'retry_limit'),
        settleLimit: 0,
      },
      failAfterMs: timeoutToFail || (kind === 'saga' ? 0 : FAIL_AFTER_MS),
      maxAgeMs: MAX_AGE_MS,
      delayMs: custom.delayMs,
      ...(kind === 'message' && text(body, 'query_prepared') !== ''
        ? { queryUrl: url(targets, text(body, 'query_prepared'), 'query_prepared') }
        : {}),
      ...(text(body, 'custom_data') === '' ? {} : { customData: text(body, 'custom_data') }),
    },
  };
}

export function readGid(body: Body): string {
  const problem = gidProblem(body['gid']);
  if (problem !== undefined) throw new BadRequest(problem);
  return body['gid'] as string;
}

export function readDtmBranch(
  body: Body,
  targets: BranchTargets,
): { readonly gid: string; readonly branch: BranchDefinition } {
  const gid = readGid(body);
  const id = body['branch_id'];
  const problem = branchIdProblem(id);
  if (problem !== undefined) throw new BadRequest(problem);
  const type = text(body, 'trans_type');
  const both = type === 'xa' ? text(body, 'url') : '';
  if (type !== 'tcc' && type !== 'xa')
    throw new BadRequest(`branches are registered with tcc and xa transactions, not with '${type}'`);
  const complete = type === 'xa' ? both : text(body, 'confirm');
  const undo = type === 'xa' ? both : text(body, 'cancel');
  return {
    gid,
    branch: {
      id: id as string,
      urls: {
        ...(complete === '' ? {} : { complete: url(targets, complete, type === 'xa' ? 'url' : 'confirm') }),
        ...(undo === '' ? {} : { undo: url(targets, undo, type === 'xa' ? 'url' : 'cancel') }),
      },
      payload: text(body, 'data'),
      after: [],
    },
  };
}

function readSteps(
  body: Body,
  kind: Kind,
  concurrent: boolean,
  orders: ReadonlyMap<number, readonly number[]>,
  targets: BranchTargets,
): BranchDefinition[] {
  const steps = body['steps'] ?? [];
  if (!Array.isArray(steps)) throw new BadRequest('steps must be a list');
  if (steps.length > branchesMax) throw new BadRequest(`more than ${branchesMax} steps`);
  const payloads = body['payloads'] ?? [];
  if (!Array.isArray(payloads)) throw new BadRequest('payloads must be a list');
  return steps.map((step: unknown, index): BranchDefinition => {
    if (typeof step !== 'object' || step === null) throw new BadRequest(`step ${index} is no object`);
    const { action, compensate, data } = step as Record<string, unknown>;
    const payload: unknown = payloads[index] ?? data ?? '';
    if (typeof payload !== 'string') throw new BadRequest(`the payload of step ${index} must be a string`);
    const forward = typeof action === 'string' ? action : '';
    const undo = typeof compensate === 'string' ? compensate : '';
    if (forward.startsWith('topic://'))
      throw new BadRequest('topics are not supported: give the URLs of the subscribers');
    const called =
      forward === ''
        ? {}
        : { [kind === 'message' ? 'complete' : 'forward']: url(targets, forward, `action of step ${index}`) };
    const after = concurrent ? (orders.get(index) ?? []) : index === 0 ? [] : [index - 1];
    if (after.some((other) => other >= index || other < 0))
      throw new BadRequest(`step ${index} can only come after steps with smaller numbers`);
    return {
      id: String(index + 1).padStart(2, '0'),
      urls: { ...called, ...(undo === '' ? {} : { undo: url(targets, undo, `compensate of step ${index}`) }) },
      payload,
      after,
    };
  });
}

function readCustom(value: unknown): {
  readonly concurrent: boolean;
  readonly orders: ReadonlyMap<number, readonly number[]>;
  readonly delayMs: number;
} {
  const orders = new Map<number, readonly number[]>();
  let read: Record<string, unknown> = {};
  if (typeof value === 'string' && value !== '') {
    try {
      const parsed: unknown = JSON.parse(value);
      if (typeof parsed === 'object' && parsed !== null) read = parsed as Record<string, unknown>;
    } catch {
      // Text of the application's own; only Sagas and messages put options there.
    }
  }
  if (typeof read['orders'] === 'object' && read['orders'] !== null)
    for (const [key, list] of Object.entries(read['orders']))
      if (Array.isArray(list)) orders.set(Number(key), list.map(Number));
  const delay = Number(read['delay'] ?? read['Delay'] ?? 0);
  return {
    concurrent: read['concurrent'] === true,
    orders,
    delayMs: Number.isFinite(delay) && delay > 0 ? delay * 1000 : 0,
  };
}

function readHeaders(value: unknown): Record<string, string> {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new BadRequest('branch_headers must be an object');
  return checkedHeaders(value as Record<string, unknown>, 'branch_headers');
}

const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
/** Set by the caller itself, or would change where the body ends. */
const ownHeaders = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);

export function checkedHeaders(value: Readonly<Record<string, unknown>>, where: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, content] of Object.entries(value)) {
    if (!headerName.test(name) || ownHeaders.has(name.toLowerCase()))
      throw new BadRequest(`${where}: '${name}' cannot be set`);
    if (typeof content !== 'string' || content.length > 8192 || /[^\t\x20-\x7e\x80-\xff]/.test(content))
      throw new BadRequest(`${where}: the value of '${name}' is no header text`);
    headers[name.toLowerCase()] = content;
  }
  return headers;
}

export function url(targets: BranchTargets, value: string, where: string): string {
  if (value.length > 4096) throw new BadRequest(`${where}: the URL is longer than 4096 characters`);
  const problem = targets.problem(value);
  if (problem !== undefined) throw new BadRequest(`${where}: ${problem}`);
  return value;
}

function text(body: Body, key: string): string {
  const value = body[key] ?? '';
  if (typeof value !== 'string') throw new BadRequest(`${key} must be a string`);
  return value;
}

function seconds(body: Body, key: string): number {
  return Math.round(whole(body, key) * 1000);
}

function whole(body: Body, key: string): number {
  const value = body[key] ?? 0;
  if (typeof value !== 'number' || !(value >= 0 && value <= 10_000_000))
    throw new BadRequest(`${key} must be a number from 0`);
  return value;
}
