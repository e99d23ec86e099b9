/** Whom the services' listener hears, and whom the coordinator asks when an answer is lost. */
import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { openServiceServer } from '../../src/coordinator/index.ts';
import type { HttpListener } from '../../src/http/index.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { type Ground, openGround, storeOn } from './ground.ts';

describe('the listener of services', () => {
  const token = 'a-token-of-the-right-length';
  let guarded: HttpListener;
  let open: HttpListener;
  before(async () => {
    const address = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
    const routes = [['POST /v1/x', () => ({ status: 200, body: {} })]] as const;
    guarded = await openServiceServer({ address, token, routes: routes.map(([key, handler]) => [key, handler]) });
    open = await openServiceServer({
      address,
      token: undefined,
      routes: routes.map(([key, handler]) => [key, handler]),
    });
  });
  after(async () => {
    await guarded?.close();
    await open?.close();
  });

  const status = (listener: HttpListener, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = request(
        `http://${listener.address}/v1/x`,
        { method: 'POST', headers, agent: false },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      asked.on('error', reject);
      asked.end('{}');
    });

  it('with a token hears only who has it', async () => {
    assert.equal(await status(guarded, {}), 401);
    assert.equal(await status(guarded, { authorization: `Bearer ${token}x` }), 401);
    assert.equal(await status(guarded, { authorization: `Basic ${token}` }), 401);
    assert.equal(await status(guarded, { authorization: `Bearer ${token}` }), 200);
  });

  it('on loopback refuses web pages: a foreign Host, any Origin, a body that is no JSON', async () => {
    assert.equal(await status(open, {}), 200);
    assert.equal(await status(open, { host: 'localhost:1' }), 200);
    assert.equal(await status(open, { host: 'evil.example' }), 421);
    assert.equal(await status(open, { host: '127.0.0.1.evil.example' }), 421);
    assert.equal(await status(open, { origin: 'http://evil.example' }), 403);
    assert.equal(await status(open, { origin: 'null' }), 403);
    assert.equal(await status(open, { 'content-type': 'text/plain' }), 415);
    assert.equal(await status(guarded, { authorization: `Bearer ${token}`, host: 'evil.example' }), 421);
  });

  it('does not open where others reach it without TLS and a token', async () => {
    await assert.rejects(
      openServiceServer({ address: { kind: 'tcp', host: '0.0.0.0', port: 0 }, token, routes: [] }),
      /needs tls/,
    );
  });
});

describe('the coordinator', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(async () => {
    await server?.stop();
  });

  describe('asks the barrier of a called service’s sidecar', () => {
    /** A service whose calls end with 500 though they took effect, and what its sidecar says of them. */
    let both: Server;
    let base = '';
    let ground: Ground;
    let header = '';
    let verdict = 'done';
    const asked: { readonly url: string; readonly authorization: string | undefined }[] = [];
    before(async () => {
      both = createServer((incoming, response) => {
        const { url = '', headers } = incoming;
        incoming.resume();
        if (url.startsWith('/v1/branches/')) {
          asked.push({ url, authorization: headers.authorization });
          response.end(JSON.stringify({ verdict }));
        } else {
          response.writeHead(500, header === '' ? {} : { 'x-shardmesh-barrier': header }).end('lost');
        }
      });
      await new Promise<void>((resolve) => both.listen(0, '127.0.0.1', resolve));
      const { port } = both.address() as AddressInfo;
      base = `http://127.0.0.1:${port}`;
      ground = await openGround(storeOn(server, 'barrier'), {
        barrier: async () => 'none',
        barrierUrl: `http://{host}:${port}`,
        barrierToken: 'secret-of-the-sidecars',
      });
    });
    after(async () => {
      await ground?.close();
      both?.closeAllConnections();
      both?.close();
    });
    const phaseOf = async (gid: string, more: Record<string, unknown> = {}): Promise<unknown> => {
      asked.length = 0;
      const { body } = await ground.ask('POST', '/v1/transactions?wait=30', {
        gid,
        kind: 'saga',
        branches: [{ id: 'b', action: `${base}/act`, ...more }],
        retry: { baseMs: 20, maxMs: 50 },
      });
      return body['phase'];
    };

    it('named by the header of its answer, without the token', async () => {
      // Another text than the configured one: that alone is trusted with the token.
      header = `${base}/`;
      assert.equal(await phaseOf('by-header'), 'succeeded');
      assert.deepEqual(asked, [{ url: '/v1/branches/by-header/b/action', authorization: undefined }]);
    });

    it('named by the branch’s barrierUrl, without the token', async () => {
      header = '';
      assert.equal(await phaseOf('by-branch', { barrierUrl: `${base}/` }), 'succeeded');
      assert.deepEqual(asked, [{ url: '/v1/branches/by-branch/b/action', authorization: undefined }]);
    });

    it('named by the configuration, with the token', async () => {
      assert.equal(await phaseOf('by-configuration'), 'succeeded');
      assert.equal(asked[0]?.authorization, 'Bearer secret-of-the-sidecars');
    });

    it('and undoes what it says cannot run any more', async () => {
      verdict = 'hanging';
      assert.equal(await phaseOf('hanging'), 'failed');
    });
  });
});
