/** What operators have for transactions across services, on the admin port of a running sidecar: the routes, and the page in a real browser. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { pickPort } from '../../src/demo/index.ts';
import { FakeService } from '../coordinator/ground.ts';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

interface Asked {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

const markup = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';

describe('operators on the admin port', () => {
  let pair: ShardedPair;
  let service: FakeService;
  let api = '';
  let admin = '';
  let token = '';
  /** Paths that are refused for good, and those that fail. */
  const refused = new Set<string>();
  const failing = new Set<string>();
  before(async () => {
    const port = await pickPort();
    service = await new FakeService().open();
    service.reply = ({ path }) => (refused.has(path) ? [409, `no ${markup}`] : failing.has(path) ? 500 : 200);
    pair = await startShardedPair({
      rules: '- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }\n',
      sidecar: `transaction: { coordinator: { listen: 127.0.0.1:${port}, branchHosts: ["127.0.0.1"] } }\n`,
    });
    api = `http://127.0.0.1:${port}`;
    admin = `http://${pair.sidecar.admin}`;
    token = readFileSync(join(pair.folder, '.shardmesh/admin-token'), 'utf8').trim();
  });
  after(async () => {
    await pair?.stop();
    await service?.close();
  });

  const ask = async (base: string, method: string, path: string, body?: unknown, bearer?: string): Promise<Asked> => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const order = (path: string, body: unknown): Promise<Asked> => ask(admin, 'POST', path, body, token);
  const read = async (gid: string): Promise<Record<string, unknown>> =>
    (await ask(admin, 'GET', `/v1/transactions/${gid}`, undefined, token)).body;

  async function reaches(gid: string, phase: string): Promise<void> {
    let found = '';
    for (let attempt = 0; attempt < 300; attempt++) {
      found = String((await read(gid))['phase']);
      if (found === phase) return;
      await sleep(100);
    }
    assert.fail(`${gid} is ${found}, not ${phase}`);
  }

  /** The coordinator's store may not be open yet. */
  async function submit(body: unknown): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const { status, body: said } = await ask(api, 'POST', '/v1/transactions', body);
      if (status < 300) return;
      assert.ok(status === 503 && attempt < 200, JSON.stringify(said));
      await sleep(100);
    }
  }

  /** A message whose first step is refused: a dead letter at once. */
  async function suspended(gid: string): Promise<void> {
    refused.add(`/${gid}-first`);
    await submit({
      gid,
      kind: 'message',
      branches: [
        { action: `${service.url}/${gid}-first`, payload: { of: gid, note: markup } },
        { action: `${service.url}/${gid}-second`, payload: { of: gid } },
      ],
    });
    await reaches(gid, 'suspended');
  }

  describe('routes', () => {
    it('need the token, and are not for services', async () => {
      await suspended('routes-1');
      for (const bearer of [undefined, 'wrong'])
        for (const [method, path] of [
          ['GET', '/v1/transactions'],
          ['GET', '/v1/transactions/routes-1'],
          ['POST', '/v1/transactions/routes-1/resolve'],
          ['POST', '/api/dtmsvr/forceStop'],
        ] as const)
          assert.equal((await ask(admin, method, path, method === 'POST' ? {} : undefined, bearer)).status, 401, path);
      const elsewhere = await ask(api, 'POST', '/v1/transactions/routes-1/resolve', { order: 'RETRY', reason: 'r' });
      assert.equal(elsewhere.status, 404);
      assert.notEqual((await ask(api, 'POST', '/api/dtmsvr/forceStop', { gid: 'routes-1' })).status, 200);
      await reaches('routes-1', 'suspended');
    });

    it('list, skip and retry', async () => {
      const { body } = await ask(admin, 'GET', '/v1/transactions?phase=suspended', undefined, token);
      const listed = (body['transactions'] as { gid: string }[]).map(({ gid }) => gid);
      assert.ok(listed.includes('routes-1'));
      const skip = { order: 'SKIP BRANCH', branch: '01', reason: 'done by hand' };
      assert.equal((await order('/v1/transactions/routes-1/resolve', skip)).status, 200);
      await reaches('routes-1', 'succeeded');
      const [audit] = (await read('routes-1'))['audit'] as Record<string, unknown>[];
      assert.deepEqual([audit?.['order'], audit?.['reason']], ["SKIP BRANCH '01'", 'done by hand']);
      assert.match(String(audit?.['by']), /^admin@/);

      await suspended('routes-2');
      refused.delete('/routes-2-first');
      const retry = { order: 'RETRY', reason: 'mended' };
      assert.equal((await order('/v1/transactions/routes-2/resolve', retry)).status, 200);
      await reaches('routes-2', 'succeeded');
    });

    it('force, and refuse what is over, unknown or not said in full', async () => {
      await suspended('routes-3');
      const force = { order: 'FORCE ROLLBACK', reason: 'given up' };
      assert.equal((await order('/v1/transactions/routes-3/resolve', force)).status, 200);
      await reaches('routes-3', 'failed');
      assert.equal((await order('/v1/transactions/routes-3/resolve', force)).status, 409);
      assert.equal((await order('/v1/transactions/nothing/resolve', force)).status, 404);
      assert.equal((await order('/v1/transactions/routes-3/resolve', { order: 'RETRY' })).status, 400);
      assert.equal((await order('/v1/transactions/routes-3/resolve', { ...force, order: 'SKIP BRANCH' })).status, 400);
    });

    it('of DTM: forceStop ends one, resetNextCronTime repeats at once what would wait for an hour', async () => {
      await suspended('routes-4');
      assert.equal((await order('/api/dtmsvr/forceStop', { gid: 'routes-4' })).status, 200);
      await reaches('routes-4', 'failed');

      failing.add('/routes-5');
      await submit({
        gid: 'routes-5',
        kind: 'message',
        branches: [{ action: `${service.url}/routes-5` }],
        retry: { baseMs: 3_600_000, maxMs: 3_600_000 },
      });
      for (let attempt = 0; attempt < 300; attempt++) {
        const [branch] = (await read('routes-5'))['branches'] as { settle: { status: string } }[];
        if (branch?.settle.status === 'waiting') break;
        await sleep(50);
      }
      failing.delete('/routes-5');
      assert.equal((await order('/api/dtmsvr/resetNextCronTime', { gid: 'routes-5' })).status, 200);
      await reaches('routes-5', 'succeeded');
    });
  });

  describe('page', () => {
    const profile = mkdtempSync(join(tmpdir(), 'shardmesh-browser-'));
    let browser: BrowserContext;
    let page: Page;
    const complaints: string[] = [];
    before(async () => {
      browser = await chromium.launchPersistentContext(profile, {
        executablePath: '/usr/bin/chromium',
        headless: true,
        viewport: { width: 1400, height: 900 },
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      });
      page = browser.pages()[0] ?? (await browser.newPage());
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
    });
    after(async () => {
      await browser?.close();
      rmSync(profile, { recursive: true, force: true });
    });

    const text = async (selector: string): Promise<string> => (await page.locator(selector).textContent()) ?? '';
    const eventually = async (check: () => Promise<boolean>, what: string): Promise<void> => {
      for (let attempt = 0; attempt < 300; attempt++) {
        if (await check()) return;
        await sleep(100);
      }
      assert.fail(`not within 30 s: ${what}; the page says: ${await text('#message')}`);
    };
    const openTransaction = async (gid: string): Promise<void> => {
      await page.click('#refresh');
      await page.locator('#transactions .gid', { hasText: new RegExp(`^${gid}$`) }).click();
      await page.locator('#detail > h2', { hasText: gid }).waitFor();
    };

    it('holds nothing secret, runs no inline script, and shows nothing without the token', async () => {
      await suspended('page-1');
      const answer = await fetch(`${admin}/`);
      const html = await answer.text();
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/);
      assert.ok(!html.includes(token) && !html.includes('page-1'));
      assert.doesNotMatch(html, /<script(?![^>]*src=)|\son\w+=|style=/i);

      await page.goto(`${admin}/`);
      assert.equal(await page.isVisible('#main'), false);
      await page.fill('#token', 'a-wrong-token-of-some-length');
      await page.click('#login button');
      await eventually(async () => /401/.test(await text('#message')), 'the wrong token is refused');
      assert.equal(await page.isVisible('#main'), false);
      // The browser itself notes the refused request.
      complaints.length = 0;
      await page.fill('#token', token);
      await page.click('#login button');
      await page.waitForSelector('#main', { state: 'visible' });
      assert.equal(await page.inputValue('#token'), '');
      const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
      assert.equal(kept, '[{},{},""]');
    });

    it('shows dead letters with their payload and timeline, as text', async () => {
      assert.match(await text('#suspended'), /page-1/);
      await openTransaction('page-1');
      assert.ok((await text('#detail pre >> nth=0')).includes(JSON.stringify(markup)));
      assert.match(await text('#timeline'), /01deliverfailed1.*409 no <img/s);
      assert.ok((await page.locator('#timeline .bar').count()) > 0);
      assert.equal(await page.locator('#main img').count(), 0);
      assert.equal(await page.evaluate('window.pwned === undefined'), true);
      const picture = process.env['SHARDMESH_TEST_PICTURE'];
      if (picture !== undefined) await page.screenshot({ path: picture, fullPage: true });
    });

    it('gives no order without a reason, nor after Cancel', async () => {
      await page.click('#detail >> text="Skip step 01"');
      assert.equal(await page.isDisabled('#give'), true);
      await page.keyboard.press('Enter');
      await page.fill('#reason', 'a reason');
      assert.equal(await page.isEnabled('#give'), true);
      await page.click('#confirm >> text="Cancel"');
      assert.equal(await page.isVisible('#confirm'), false);
      assert.deepEqual((await read('page-1'))['audit'], []);
    });

    it('skips a step', async () => {
      await page.click('#detail >> text="Skip step 01"');
      await page.fill('#reason', `by hand ${markup}`);
      await page.click('#give');
      await reaches('page-1', 'succeeded');
      await eventually(async () => {
        await openTransaction('page-1');
        return /succeeded/.test(await text('#facts'));
      }, 'its end is shown');
      assert.match(await text('#audit'), /SKIP BRANCH '01'admin@.*by hand <img/s);
      assert.equal(await page.locator('.orders button').count(), 0);
      assert.equal(await page.evaluate('window.pwned === undefined'), true);
    });

    it('retries', async () => {
      await suspended('page-2');
      refused.delete('/page-2-first');
      await openTransaction('page-2');
      await page.click('#detail >> text="Retry"');
      await page.fill('#reason', 'the service is mended');
      await page.click('#give');
      await reaches('page-2', 'succeeded');
      assert.deepEqual(
        ((await read('page-2'))['audit'] as { order: string }[]).map(({ order: words }) => words),
        ['RETRY'],
      );
    });

    it('forces an end only when the transaction is named', async () => {
      await suspended('page-3');
      await openTransaction('page-3');
      await page.click('#detail >> text="Force commit"');
      await page.fill('#reason', 'delivered by hand');
      assert.equal(await page.isDisabled('#give'), true);
      await page.fill('#gid', 'page-2');
      assert.equal(await page.isDisabled('#give'), true);
      await page.fill('#gid', 'page-3');
      await page.click('#give');
      await reaches('page-3', 'succeeded');
    });

    it('finds by phase', async () => {
      await page.selectOption('#phase', 'failed');
      await eventually(async () => {
        const listed = await text('#transactions');
        return listed.includes('routes-3') && !listed.includes('page-1');
      }, 'only what failed is listed');
    });

    it('breaks no rule of its own policy', () => {
      assert.deepEqual(complaints, []);
    });
  });

  it('SHOW MESH TRANSACTIONS lists what has not ended', async () => {
    await suspended('shown-1');
    const dba: mysql.Connection = await pair.connect({ user: 'dba', password: 'dba' });
    const [rows] = await dba.query<mysql.RowDataPacket[]>('SHOW MESH TRANSACTIONS');
    await dba.end();
    const [row, ...others] = rows.filter(({ gid }) => gid === 'shown-1');
    assert.equal(others.length, 0);
    assert.deepEqual([row?.['type'], row?.['state']], ['SERVICE_MESSAGE', 'suspended']);
    assert.match(String(row?.['detail']), /409/);
    assert.equal(rows.filter(({ gid }) => gid === 'page-1').length, 0);
  });
});
