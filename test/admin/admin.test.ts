/** The HTTP surfaces: what they answer, and whom they refuse. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type AdminServerOptions,
  loadAdminToken,
  type OperatorHandles,
  openAdminServer,
  openHealthServer,
  readAdminToken,
} from '../../src/admin/index.ts';
import { isLoopback, MeshError } from '../../src/base/index.ts';
import type { HttpListener } from '../../src/http/index.ts';

interface Asked {
  readonly status: number;
  readonly body: unknown;
  readonly type: string;
}
const ask = (
  address: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Asked> =>
  new Promise((resolve, reject) => {
    const socket = address.startsWith('unix:')
      ? { socketPath: address.slice(5) }
      : { host: '127.0.0.1', port: Number(address.split(':').at(-1)) };
    const outgoing = request({ ...socket, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const type = response.headers['content-type'] ?? '';
        resolve({ status: response.statusCode ?? 0, type, body: type.includes('json') ? JSON.parse(text) : text });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

const loopback = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;

describe('health listener', () => {
  let listener: HttpListener;
  const state = { started: false, ready: false, alive: true };
  before(async () => {
    listener = await openHealthServer({
      address: loopback,
      health: {
        started: () => state.started,
        ready: () => state.ready,
        alive: () => state.alive,
        reasons: () => (state.ready ? [] : [{ code: 'starting', message: 'the listeners are not open yet' }]),
      },
      metrics: { text: async () => 'a 1\n', contentType: 'text/plain; version=0.0.4' },
    });
  });
  after(async () => await listener.close());

  it('answers each probe by its own condition, with reasons', async () => {
    assert.deepEqual(await ask(listener.address, 'GET', '/startup'), {
      status: 503,
      type: 'application/json; charset=utf-8',
      body: { ok: false, reasons: [{ code: 'starting', message: 'the listeners are not open yet' }] },
    });
    assert.equal((await ask(listener.address, 'GET', '/liveness')).status, 200);
    state.started = true;
    state.ready = true;
    assert.equal((await ask(listener.address, 'GET', '/startup')).status, 200);
    assert.deepEqual((await ask(listener.address, 'GET', '/readiness?verbose')).body, { ok: true, reasons: [] });
    state.alive = false;
    assert.equal((await ask(listener.address, 'GET', '/liveness')).status, 503);
  });

  it('shows metrics, and nothing else', async () => {
    assert.deepEqual(await ask(listener.address, 'GET', '/metrics'), {
      status: 200,
      type: 'text/plain; version=0.0.4',
      body: 'a 1\n',
    });
    assert.equal((await ask(listener.address, 'HEAD', '/metrics')).status, 200);
    assert.equal((await ask(listener.address, 'GET', '/')).status, 404);
    assert.equal((await ask(listener.address, 'POST', '/readiness')).status, 405);
    assert.equal((await ask(listener.address, 'POST', '/drain')).status, 404);
  });

  it('a port in use rejects', async () => {
    const port = Number(listener.address.split(':').at(-1));
    await assert.rejects(
      openHealthServer({
        address: { ...loopback, port },
        health: { started: () => true, ready: () => true, alive: () => true, reasons: () => [] },
        metrics: { text: async () => '', contentType: 'x' },
      }),
      { code: 'EADDRINUSE' },
    );
  });
});

describe('admin listener', () => {
  const token = 'a-token-of-the-right-length';
  const orders: string[] = [];
  const audit: string[] = [];
  let listener: HttpListener;
  const operator = {
    status: () => ({ phase: 'ready' }),
    sources: () => [],
    reload: async () => ({
      result: orders.includes('bad') ? 'refused' : 'applied',
      version: 2,
      hash: 'h',
      problems: [],
      restart: [],
    }),
    drain: (limits: object) => void orders.push(`drain ${JSON.stringify(limits)}`),
    quit: () => void orders.push('quit'),
  } as unknown as OperatorHandles;
  const options: AdminServerOptions = {
    address: loopback,
    token,
    operator,
    audit: (action) => audit.push(`${action.route} ${action.outcome}`),
  };
  before(async () => {
    listener = await openAdminServer(options);
  });
  after(async () => await listener.close());
  const good = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };

  it('carries out an operator’s orders', async () => {
    assert.deepEqual((await ask(listener.address, 'GET', '/v1/status', good)).body, { phase: 'ready' });
    assert.deepEqual((await ask(listener.address, 'GET', '/v1/sources', good)).body, { sources: [] });
    assert.equal((await ask(listener.address, 'POST', '/drain', good, '{"maxDrainMs":500}')).status, 202);
    assert.equal((await ask(listener.address, 'POST', '/quitquitquit', good)).status, 202);
    assert.deepEqual(orders, ['drain {"maxDrainMs":500}', 'quit']);
    assert.equal((await ask(listener.address, 'POST', '/reload', good)).status, 200);
    orders.push('bad');
    assert.equal((await ask(listener.address, 'POST', '/reload', good)).status, 422);
    assert.deepEqual(audit.slice(0, 3), ['GET /v1/status 200', 'GET /v1/sources 200', 'POST /drain 202']);
  });

  it('refuses whoever lacks the token, and every web page', async () => {
    const before = orders.length;
    const tries: readonly [string, Record<string, string>, number][] = [
      ['no token', { 'content-type': 'application/json' }, 401],
      ['wrong token', { ...good, authorization: 'Bearer a-token-of-the-wrong-lengt' }, 401],
      ['token as basic', { ...good, authorization: `Basic ${token}` }, 401],
      ['foreign host', { ...good, host: 'evil.example' }, 421],
      ['rebound host with port', { ...good, host: 'evil.example:16091' }, 421],
      ['foreign origin', { ...good, origin: 'https://evil.example' }, 403],
      ['opaque origin', { ...good, origin: 'null' }, 403],
      ['form', { ...good, 'content-type': 'application/x-www-form-urlencoded' }, 415],
      ['plain text', { ...good, 'content-type': 'text/plain' }, 415],
      ['almost json', { ...good, 'content-type': 'application/json-patch' }, 415],
    ];
    for (const [name, headers, status] of tries) {
      assert.equal((await ask(listener.address, 'POST', '/drain', headers)).status, status, name);
    }
    assert.equal((await ask(listener.address, 'GET', '/v1/status', { host: 'localhost' })).status, 401);
    assert.equal(
      (
        await ask(listener.address, 'GET', '/v1/status', {
          ...good,
          host: 'localhost',
          origin: 'http://localhost:16091',
        })
      ).status,
      200,
    );
    assert.equal(orders.length, before);
  });

  it('refuses bodies that it does not understand', async () => {
    for (const body of [
      '{',
      '[]',
      '{"maxDrain":1}',
      '{"maxDrainMs":-1}',
      '{"maxDrainMs":"1"}',
      `{"x":"${'y'.repeat(70_000)}"}`,
    ]) {
      assert.equal((await ask(listener.address, 'POST', '/drain', good, body)).status, 400, body.slice(0, 30));
    }
  });

  it('does not open on an address that others reach without token and TLS', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      const address = { kind: 'tcp', host, port: 0 } as const;
      assert.equal(isLoopback(address), false);
      await assert.rejects(
        openAdminServer({ ...options, address }),
        (error: unknown) => error instanceof MeshError && error.code === 'SM_CONFIG' && /lacks TLS/.test(error.message),
      );
      await assert.rejects(openAdminServer({ ...options, address, token: undefined }), /lacks a token and TLS/);
    }
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1'])
      assert.ok(isLoopback({ kind: 'tcp', host, port: 1 }));
    const open = await openAdminServer({ ...options, token: undefined });
    assert.equal((await ask(open.address, 'POST', '/drain', good)).status, 401);
    await open.close();
  });

  it('listens on a socket path', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shardmesh-admin-'));
    const socket = await openAdminServer({ ...options, address: { kind: 'unix', path: join(folder, 'a.sock') } });
    assert.equal(socket.address, `unix:${join(folder, 'a.sock')}`);
    assert.equal((await ask(socket.address, 'GET', '/v1/status', { ...good, host: 'localhost' })).status, 200);
    await socket.close();
    rmSync(folder, { recursive: true });
  });
});

describe('admin token', () => {
  it('is made once, for this user only', () => {
    const folder = mkdtempSync(join(tmpdir(), 'shardmesh-token-'));
    const state = join(folder, 'deep', 'state');
    assert.equal(readAdminToken(state), undefined);
    const made = loadAdminToken(state);
    assert.ok(made.created && made.token.length >= 32);
    assert.equal(statSync(made.file).mode & 0o777, 0o600);
    assert.deepEqual(loadAdminToken(state), { ...made, created: false });
    assert.equal(readFileSync(made.file, 'utf8').trim(), made.token);
    chmodSync(made.file, 0o644);
    assert.throws(() => loadAdminToken(state), /can be read by others/);
    chmodSync(made.file, 0o600);
    writeFileSync(made.file, '\n');
    assert.throws(() => loadAdminToken(state), /holds no token/);
    rmSync(folder, { recursive: true });
  });
});
