/** An unchanged client library of DTM against our API: dtmcli 1.7.7.0 from PyPI, installed for the test. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startServer, type TestServer } from '../servers/index.ts';
import { FakeService, type Ground, openGround, storeOn } from './ground.ts';

describe('the Python client of DTM', () => {
  let server: TestServer;
  let ground: Ground;
  let service: FakeService;
  const folder = mkdtempSync(join(tmpdir(), 'shardmesh-dtmcli-'));
  before(async () => {
    const installed = spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--target', folder, 'dtmcli==1.7.7.0'], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.equal(installed.status, 0, `pip: ${installed.stderr}`);
    server = await startServer();
    service = await new FakeService().open();
    service.reply = ({ path }) => (path === '/refuse' ? [409, '{"dtm_result":"FAILURE"}'] : 200);
    ground = await openGround(storeOn(server));
  });
  after(async () => {
    await ground?.close();
    await service?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs saga, TCC and message', async () => {
    const { stdout } = await promisify(execFile)(
      'python3',
      [join(import.meta.dirname, 'dtm-samples.py'), `${ground.base}/api/dtmsvr`, service.url],
      { env: { ...process.env, PYTHONPATH: folder }, timeout: 60_000 },
    );
    const ended = new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1)]),
    );
    const expected: Record<string, [string, string, string[]]> = {
      saga: ['done', 'succeeded', ['action@in', 'action@out']],
      'saga-undone': ['undone', 'failed', ['action@out', 'action@refuse', 'compensate@in-undo', 'compensate@out-undo']],
      tcc: ['done', 'succeeded', ['confirm@in-confirm', 'confirm@out-confirm', 'try@in-try', 'try@out-try']],
      'tcc-undone': ['undone', 'failed', ['cancel@in-cancel', 'cancel@out-cancel', 'try@out-try', 'try@refuse']],
      message: ['done', 'succeeded', ['action@in']],
    };
    for (const [name, [said, phase, calls]] of Object.entries(expected)) {
      const [gid = '', outcome] = ended.get(name) ?? [];
      assert.equal(outcome, said, `${name}: ${stdout}`);
      const { body } = await ground.ask('GET', `/v1/transactions/${gid}?wait=20`);
      assert.equal(body['phase'], phase, name);
      assert.deepEqual(service.of(gid).sort(), calls, name);
    }
  });
});
