/** Both HTTP APIs on a real store: what services may ask, what is answered, and what becomes of it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startServer, type TestServer } from '../servers/index.ts';
import { FakeService, type Ground, openGround, storeOn } from './ground.ts';

describe('transactions over HTTP', () => {
  let server: TestServer;
  let ground: Ground;
  let service: FakeService;
  before(async () => {
    server = await startServer();
    service = await new FakeService().open();
    ground = await openGround(storeOn(server));
  });
  after(async () => {
    await ground?.close();
    await service?.close();
    await server?.stop();
  });

  const saga = (gid: string, more: Record<string, unknown> = {}) => ({
    gid,
    kind: 'saga',
    branches: [
      { action: `${service.url}/out`, compensate: `${service.url}/out-undo`, payload: { amount: 30 } },
      { action: `${service.url}/in`, compensate: `${service.url}/in-undo`, payload: { amount: 30 } },
    ],
    ...more,
  });

  describe('/v1', () => {
    it('does a saga in order and answers its end', async () => {
      const { status, body } = await ground.ask(
        'POST',
        '/v1/transactions?wait=20',
        saga('v1-1', { headers: { 'x-tenant': 't1' } }),
      );
      assert.deepEqual([status, body['phase']], [200, 'succeeded']);
      assert.deepEqual(service.of('v1-1'), ['action@out', 'action@in']);
      const [first] = service.calls.filter(({ gid }) => gid === 'v1-1');
      assert.equal(first?.body, '{"amount":30}');
      assert.equal(first?.headers['x-tenant'], 't1');
      assert.equal(first?.headers['tracestate'], 'shardmesh=v1-1/01/action');
    });

    it('undoes it in the opposite order after a 409', async () => {
      service.reply = ({ path }) => (path === '/in' ? [409, 'no account'] : 200);
      const { body } = await ground.ask('POST', '/v1/transactions?wait=20', saga('v1-2'));
      assert.equal(body['phase'], 'failed');
      assert.match(String(body['reason']), /no account/);
      assert.deepEqual(service.of('v1-2'), ['action@out', 'action@in', 'compensate@in-undo', 'compensate@out-undo']);
      service.reply = () => 200;
    });

    it('answers the same transaction to the same request, and 409 to another with its gid', async () => {
      await ground.ask('POST', '/v1/transactions?wait=20', saga('v1-3'));
      const again = await ground.ask('POST', '/v1/transactions', saga('v1-3'));
      assert.deepEqual([again.status, again.body['phase']], [200, 'succeeded']);
      assert.equal(service.of('v1-3').length, 2);
      const other = await ground.ask('POST', '/v1/transactions', saga('v1-3', { timeoutMs: 77 }));
      assert.equal(other.status, 409);
    });

    it('does what has no order at once, and keeps the order that there is', async () => {
      const branches = ['a', 'b', 'c'].map((id) => ({ id, action: `${service.url}/${id}` }));
      const body = {
        gid: 'v1-4',
        kind: 'saga',
        concurrent: true,
        branches: [...branches, { id: 'd', action: `${service.url}/d`, after: ['a', 'b', 'c'] }],
      };
      let open = 0;
      let most = 0;
      service.reply = async () => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setTimeout(resolve, 100));
        open -= 1;
        return 200;
      };
      const { body: end } = await ground.ask('POST', '/v1/transactions?wait=20', body);
      service.reply = () => 200;
      assert.equal(end['phase'], 'succeeded');
      assert.equal(most, 3);
      assert.equal(service.of('v1-4').at(-1), 'action@d');
    });

    it('confirms all branches of a TCC that it tried itself, and cancels them when one refuses', async () => {
      const tcc = (gid: string) => ({
        gid,
        kind: 'tcc',
        branches: ['stock', 'pay'].map((id) => ({
          id,
          try: `${service.url}/${id}-try`,
          confirm: `${service.url}/${id}-confirm`,
          cancel: `${service.url}/${id}-cancel`,
          payload: {},
        })),
      });
      const done = await ground.ask('POST', '/v1/transactions?wait=20', tcc('v1-5'));
      assert.equal(done.body['phase'], 'succeeded');
      assert.deepEqual(service.of('v1-5').sort(), [
        'confirm@pay-confirm',
        'confirm@stock-confirm',
        'try@pay-try',
        'try@stock-try',
      ]);
      service.reply = ({ path }) => (path === '/pay-try' ? 409 : 200);
      const undone = await ground.ask('POST', '/v1/transactions?wait=20', tcc('v1-6'));
      service.reply = () => 200;
      assert.equal(undone.body['phase'], 'failed');
      assert.ok(service.of('v1-6').includes('cancel@stock-cancel'));
    });

    it('takes branches of a prepared TCC until it is submitted', async () => {
      assert.equal(
        (await ground.ask('POST', '/v1/transactions', { gid: 'v1-7', kind: 'tcc', prepare: true })).status,
        202,
      );
      const branch = (id: string) => ({
        id,
        confirm: `${service.url}/confirm-${id}`,
        cancel: `${service.url}/cancel-${id}`,
        payload: { id },
      });
      for (const id of ['x', 'y'])
        assert.equal((await ground.ask('POST', '/v1/transactions/v1-7/branches', branch(id))).status, 201);
      // The same once more is no second one.
      assert.equal((await ground.ask('POST', '/v1/transactions/v1-7/branches', branch('y'))).status, 201);
      const end = await ground.ask('POST', '/v1/transactions/v1-7/submit?wait=20', {});
      assert.equal(end.body['phase'], 'succeeded');
      assert.deepEqual(service.of('v1-7').sort(), ['confirm@confirm-x', 'confirm@confirm-y']);
      assert.equal((await ground.ask('POST', '/v1/transactions/v1-7/branches', branch('z'))).status, 409);
      assert.equal((await ground.ask('POST', '/v1/transactions/v1-7/abort', {})).status, 409);
      assert.equal((await ground.ask('POST', '/v1/transactions/nobody/submit', {})).status, 404);
    });

    it('undoes a prepared TCC that nobody submits in time', async () => {
      await ground.ask('POST', '/v1/transactions', { gid: 'v1-8', kind: 'tcc', prepare: true, failAfterMs: 300 });
      await ground.ask('POST', '/v1/transactions/v1-8/branches', {
        id: 'x',
        confirm: `${service.url}/c`,
        cancel: `${service.url}/x`,
        payload: {},
      });
      const { body } = await ground.ask('GET', '/v1/transactions/v1-8?wait=20');
      assert.equal(body['phase'], 'failed');
      assert.deepEqual(service.of('v1-8'), ['cancel@x']);
    });

    it('asks the sender of a message that was prepared only', async () => {
      const message = (gid: string) => ({
        gid,
        kind: 'message',
        prepare: true,
        failAfterMs: 200,
        queryUrl: `${service.url}/meant`,
        branches: [{ action: `${service.url}/deliver`, payload: {} }],
      });
      service.reply = ({ gid, path }) => (path === '/meant' && gid === 'v1-10' ? 409 : 200);
      await ground.ask('POST', '/v1/transactions', message('v1-9'));
      await ground.ask('POST', '/v1/transactions', message('v1-10'));
      assert.equal((await ground.ask('GET', '/v1/transactions/v1-9?wait=20')).body['phase'], 'succeeded');
      assert.equal((await ground.ask('GET', '/v1/transactions/v1-10?wait=20')).body['phase'], 'failed');
      service.reply = () => 200;
      assert.deepEqual(service.of('v1-9'), ['msg@meant', 'action@deliver']);
      assert.deepEqual(service.of('v1-10'), ['msg@meant']);
    });

    it('repeats what gave no verdict, each branch within its own time', async () => {
      let tries = 0;
      service.reply = ({ path }) => (path === '/out' && ++tries < 3 ? (tries === 1 ? 500 : 'hang') : 200);
      const body = saga('v1-11', { retry: { baseMs: 20 } });
      (body.branches[0] as Record<string, unknown>)['timeoutMs'] = 200;
      const end = await ground.ask('POST', '/v1/transactions?wait=20', body);
      service.reply = () => 200;
      assert.equal(end.body['phase'], 'succeeded');
      assert.equal(tries, 3);
    });

    it('suspends at once when a compensation answers 409; an operator skips it, and the audit says so', async () => {
      service.reply = ({ path }) => (path === '/in' || path === '/out-undo' ? [409, 'cannot'] : 200);
      const { body } = await ground.ask('POST', '/v1/transactions?wait=20', saga('v1-12'));
      assert.equal(body['phase'], 'suspended');
      assert.match(String(body['reason']), /01 undo answered 409/);
      assert.equal(service.of('v1-12').filter((call) => call === 'compensate@out-undo').length, 1);
      const listed = await ground.ask('GET', '/v1/transactions?phase=suspended');
      assert.deepEqual(
        (listed.body['transactions'] as { gid: string }[]).map(({ gid }) => gid),
        ['v1-12'],
      );
      assert.equal((await ground.ask('POST', '/v1/transactions/v1-12/resolve', { order: 'RETRY' })).status, 400);
      await ground.ask('POST', '/v1/transactions/v1-12/resolve', { order: 'RETRY', reason: 'looked at it' });
      assert.equal((await ground.ask('GET', '/v1/transactions/v1-12?wait=20')).body['phase'], 'suspended');
      await ground.ask('POST', '/v1/transactions/v1-12/resolve', {
        order: 'SKIP BRANCH',
        branch: '01',
        reason: 'paid back by hand',
      });
      service.reply = () => 200;
      const end = await ground.ask('GET', '/v1/transactions/v1-12?wait=20');
      assert.equal(end.body['phase'], 'failed');
      const audit = end.body['audit'] as { order: string; reason: string }[];
      assert.deepEqual(
        audit.map(({ order, reason }) => [order, reason]),
        [
          ["SKIP BRANCH '01'", 'paid back by hand'],
          ['RETRY', 'looked at it'],
        ],
      );
    });

    it('takes a parent only while that can still succeed, and lists its children', async () => {
      await ground.ask('POST', '/v1/transactions', { gid: 'v1-13', kind: 'tcc', prepare: true });
      assert.equal(
        (await ground.ask('POST', '/v1/transactions?wait=20', saga('v1-14', { parent: 'v1-13' }))).status,
        200,
      );
      const parent = await ground.ask('GET', '/v1/transactions/v1-13');
      assert.deepEqual(
        (parent.body['children'] as { gid: string }[]).map(({ gid }) => gid),
        ['v1-14'],
      );
      await ground.ask('POST', '/v1/transactions/v1-13/abort?wait=20', {});
      assert.equal((await ground.ask('POST', '/v1/transactions', saga('v1-15', { parent: 'v1-13' }))).status, 409);
    });

    it('says what is wrong with a request', async () => {
      const cases: [unknown, RegExp][] = [
        [{ kind: 'sage' }, /kind/],
        [{ kind: 'saga', brnches: [] }, /brnches/],
        [{ kind: 'saga', branches: [{ confirm: 'http://127.0.0.1/' }] }, /branches\.0\.confirm: a saga has none/],
        [{ kind: 'saga', branches: [{ action: 'ftp://127.0.0.1/' }] }, /ftp/],
        [{ kind: 'saga', branches: [{ action: 'http://169.254.169.254/latest' }] }, /branchHosts/],
        [{ kind: 'saga', branches: [{ action: 'http://[::1]:1/' }] }, /branchHosts/],
        [{ kind: 'saga', branches: [{ id: 'a', action: 'http://127.0.0.1/', after: ['b'] }] }, /no branch 'b'/],
        [{ kind: 'saga', gid: 'a/b' }, /gid/],
        [{ kind: 'saga', headers: { host: 'x' } }, /cannot be set/],
      ];
      for (const [body, message] of cases) {
        const answer = await ground.ask('POST', '/v1/transactions', body);
        assert.equal(answer.status, 400, JSON.stringify(body));
        assert.match(String(answer.body['error']), message);
      }
    });

    it('follows no redirect', async () => {
      service.reply = ({ path }) => (path === '/out' ? 302 : 200);
      const end = await ground.ask(
        'POST',
        '/v1/transactions?wait=20',
        saga('v1-16', { retry: { forwardLimit: 1, baseMs: 10 } }),
      );
      service.reply = () => 200;
      assert.match(String(end.body['reason']), /302/);
    });

    it('keeps web pages out, and bodies within limits', async () => {
      const post = (headers: Record<string, string>, body = '{}') =>
        fetch(`${ground.base}/v1/transactions`, { method: 'POST', headers, body });
      assert.equal((await post({ origin: 'http://evil.example', 'content-type': 'application/json' })).status, 403);
      assert.equal((await post({ 'content-type': 'text/plain' })).status, 415);
      assert.equal(
        (await post({ 'content-type': 'application/json' }, `{"customData":"${'x'.repeat(5 * 1024 * 1024)}"}`)).status,
        400,
      );
    });

    it('publishes its description', async () => {
      const { body } = await ground.ask('GET', '/v1/openapi.json');
      assert.equal(body['openapi'], '3.1.0');
      assert.ok('/v1/transactions' in (body['paths'] as object));
    });
  });

  describe("DTM's API", () => {
    const dtm = (path: string, body: unknown) => ground.ask('POST', `/api/dtmsvr/${path}`, body);
    const steps = () => [
      { action: `${service.url}/out`, compensate: `${service.url}/out-undo` },
      { action: `${service.url}/in`, compensate: `${service.url}/in-undo` },
    ];

    it('submits a saga and waits for its result', async () => {
      const { gid } = (await ground.ask('GET', '/api/dtmsvr/newGid')).body as { gid: string };
      const request = {
        gid,
        trans_type: 'saga',
        steps: steps(),
        payloads: ['{"amount":1}', '{"amount":1}'],
        wait_result: true,
        custom_data: null,
      };
      assert.deepEqual((await dtm('submit', request)).body, { dtm_result: 'SUCCESS' });
      assert.deepEqual(service.of(gid), ['action@out', 'action@in']);
      const { body } = await ground.ask('GET', `/api/dtmsvr/query?gid=${gid}`);
      assert.equal((body['transaction'] as { status: string }).status, 'succeed');
      assert.equal((body['branches'] as unknown[]).length, 4);
      assert.equal((await dtm('submit', request)).status, 200);
    });

    it('answers 409 with the reason for a saga that was undone, and 425 for one that is under way', async () => {
      service.reply = ({ path }) => (path === '/in' ? [200, '{"dtm_result":"FAILURE"}'] : 200);
      const undone = await dtm('submit', { gid: 'dtm-2', trans_type: 'saga', steps: steps(), wait_result: true });
      assert.equal(undone.status, 409);
      assert.match(JSON.stringify(undone.body), /FAILURE/);
      service.reply = ({ path }) => (path === '/in' ? 425 : 200);
      const open = await dtm('submit', {
        gid: 'dtm-3',
        trans_type: 'saga',
        steps: steps(),
        wait_result: true,
        request_timeout: 1,
      });
      assert.equal(open.status, 425);
      service.reply = () => 200;
      assert.equal((await ground.ask('GET', '/v1/transactions/dtm-3?wait=20')).body['phase'], 'succeeded');
    });

    it('runs a TCC as its clients do', async () => {
      for (const [gid, end] of [
        ['dtm-4', 'submit'],
        ['dtm-5', 'abort'],
      ] as const) {
        assert.equal((await dtm('prepare', { gid, trans_type: 'tcc' })).status, 200);
        for (const branch_id of ['01', '02'])
          assert.equal(
            (
              await dtm('registerBranch', {
                gid,
                branch_id,
                trans_type: 'tcc',
                data: '{}',
                confirm: `${service.url}/c${branch_id}`,
                cancel: `${service.url}/x${branch_id}`,
              })
            ).status,
            200,
          );
        assert.equal((await dtm(end, { gid, trans_type: 'tcc' })).status, 200);
        await ground.ask('GET', `/v1/transactions/${gid}?wait=20`);
      }
      assert.deepEqual(service.of('dtm-4').sort(), ['confirm@c01', 'confirm@c02']);
      assert.deepEqual(service.of('dtm-5').sort(), ['cancel@x01', 'cancel@x02']);
      assert.equal((await dtm('registerBranch', { gid: 'dtm-4', branch_id: '03', trans_type: 'tcc' })).status, 409);
      assert.equal((await dtm('abort', { gid: 'dtm-4', trans_type: 'tcc' })).status, 409);
      assert.equal((await dtm('submit', { gid: 'dtm-5', trans_type: 'tcc' })).status, 409);
    });

    it('takes options with a submit that the prepare had not', async () => {
      const message = {
        gid: 'dtm-6',
        trans_type: 'msg',
        steps: [{ action: `${service.url}/deliver` }],
        payloads: ['{}'],
        query_prepared: `${service.url}/q`,
      };
      assert.equal((await dtm('prepare', message)).status, 200);
      assert.equal((await dtm('submit', { ...message, custom_data: '{"delay":0}' })).status, 200);
      assert.equal((await ground.ask('GET', '/v1/transactions/dtm-6?wait=20')).body['phase'], 'succeeded');
    });

    it('lists transactions page by page', async () => {
      const gids: string[] = [];
      let position = '';
      do {
        const { body } = await ground.ask('GET', `/api/dtmsvr/all?limit=3&position=${encodeURIComponent(position)}`);
        gids.push(...(body['transactions'] as { gid: string }[]).map(({ gid }) => gid));
        position = String(body['next_position']);
      } while (position !== '');
      assert.equal(new Set(gids).size, gids.length);
      assert.ok(gids.includes('dtm-4') && gids.includes('v1-1'));
    });
  });
});
