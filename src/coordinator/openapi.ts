/** The OpenAPI document of `/v1`, made from the schemas that check the requests. */
import { z } from 'zod';
import { phases } from './progress.ts';
import { abortSchema, orderSchema, registerSchema, transactionSchema } from './v1-request.ts';

const gid = { name: 'gid', in: 'path', required: true, schema: { type: 'string' } };
const wait = {
  name: 'wait',
  in: 'query',
  description: 'Seconds to wait for the end, at most 60.',
  schema: { type: 'number' },
};
const error = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } };
const transaction = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Transaction' } } } };
const answers = {
  '200': { description: 'It has ended.', ...transaction },
  '202': { description: 'It is under way.', ...transaction },
  '400': { description: 'The request is not in order; `error` lists what.', ...error },
  '404': { description: 'There is no such transaction.', ...error },
  '409': { description: 'It is past the point at which this could be asked, or another one has this gid.', ...error },
  '503': { description: 'The store does not answer; the same request may be sent again.', ...error },
};

function body(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>;
  return { content: { 'application/json': { schema: json } } };
}

export function openApi(version: string): Record<string, unknown> {
  const call = {
    type: 'object',
    properties: {
      status: { enum: ['idle', 'calling', 'waiting', 'done', 'failed', 'skipped'] },
      attempts: { type: 'integer' },
      dueAt: { type: 'integer', description: 'Milliseconds since 1970.' },
      firstAt: { type: 'integer' },
      lastAt: { type: 'integer' },
      error: { type: 'string' },
    },
  };
  return {
    openapi: '3.1.0',
    info: { title: 'Shardmesh transactions across services', version },
    paths: {
      '/v1/transactions': {
        post: {
          summary: 'Begins a transaction; the same request again answers the same transaction.',
          parameters: [wait],
          requestBody: body(transactionSchema),
          responses: answers,
        },
        get: {
          summary: 'Lists transactions, the newest first.',
          parameters: [
            { name: 'phase', in: 'query', schema: { enum: [...phases] } },
            { name: 'kind', in: 'query', schema: { enum: ['saga', 'tcc', 'message', 'xa'] } },
            { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 1000 } },
            { name: 'after', in: 'query', description: '`next` of the answer before.', schema: { type: 'string' } },
          ],
          responses: { '200': { description: 'Summaries, and `next` if there are more.' } },
        },
      },
      '/v1/transactions/{gid}': {
        get: {
          summary: 'One transaction with its branches, children and audit.',
          parameters: [gid, wait],
          responses: answers,
        },
      },
      '/v1/transactions/{gid}/branches': {
        post: {
          summary: 'Registers a branch of a prepared TCC, before its try is called.',
          parameters: [gid],
          requestBody: body(registerSchema),
          responses: { ...answers, '201': { description: 'It is registered.' } },
        },
      },
      '/v1/transactions/{gid}/submit': {
        post: { summary: 'All tries succeeded: confirms every branch.', parameters: [gid, wait], responses: answers },
      },
      '/v1/transactions/{gid}/abort': {
        post: {
          summary: 'Undoes what is not decided yet.',
          parameters: [gid, wait],
          requestBody: body(abortSchema),
          responses: answers,
        },
      },
      '/v1/transactions/{gid}/resolve': {
        post: {
          summary: 'An operator’s order: only on the admin listener, with its token; written into the audit.',
          parameters: [gid],
          requestBody: body(orderSchema),
          responses: answers,
        },
      },
      '/v1/branches/{gid}/{branch}/{operation}': {
        get: {
          summary: 'What the barrier of this sidecar’s databases knows of an operation.',
          parameters: [
            gid,
            { name: 'branch', in: 'path', required: true, schema: { type: 'string' } },
            { name: 'operation', in: 'path', required: true, schema: { type: 'string' } },
          ],
          responses: { '200': { description: '`verdict`: done, empty, hanging or none.' } },
        },
      },
    },
    components: {
      schemas: {
        Error: { type: 'object', properties: { error: { type: 'string' } }, required: ['error'] },
        Transaction: {
          type: 'object',
          required: ['gid', 'kind', 'phase', 'branches'],
          properties: {
            gid: { type: 'string' },
            kind: { type: 'string' },
            phase: { enum: [...phases] },
            reason: { type: 'string', description: 'Why it is undone or suspended.' },
            createdAt: { type: 'integer', description: 'Milliseconds since 1970.' },
            branches: {
              type: 'array',
              items: { type: 'object', properties: { id: { type: 'string' }, forward: call, settle: call } },
            },
          },
        },
      },
    },
  };
}
