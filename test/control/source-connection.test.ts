/** Control connections: TLS modes, hanging servers, reasons without secrets. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RowDataPacket } from 'mysql2/promise';
import { openSource, reasonOf, withSource } from '../../src/control/index.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { sampleSource } from './sample-rules.ts';

describe('control connections', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ schemas: ['s0'] });
  });
  after(async () => await server.stop());
  const one = async (mode: 'disabled' | 'preferred' | 'required' | 'verify-identity'): Promise<number> => {
    const connection = await openSource({ ...sampleSource('ds_0', server.port, 's0'), tls: { mode } });
    const [rows] = await connection.query<RowDataPacket[]>('SELECT 1 AS one');
    await connection.end();
    return Number(rows[0]?.['one']);
  };

  it('preferred goes on without TLS where the server has none; required does not', async () => {
    assert.equal(await one('disabled'), 1);
    assert.equal(await one('preferred'), 1);
    await assert.rejects(one('required'), /secure connection/);
    await assert.rejects(one('verify-identity'), /secure connection/);
  });

  it('a server that hangs is cut off', async () => {
    const source = sampleSource('ds_0', server.port, 's0');
    server.pause();
    try {
      await assert.rejects(openSource(source, 300), /timeout|ETIMEDOUT/i);
    } finally {
      server.resume();
    }
    await assert.rejects(
      withSource(source, async (connection) => await connection.query('SELECT SLEEP(20)'), 300),
      /no answer within 300 ms/,
    );
  });

  it('reasons are short and hold no secret', async () => {
    const failed = await openSource({ ...sampleSource('ds_0', server.port, 's0'), password: 'top-secret-word' }).then(
      () => undefined,
      reasonOf,
    );
    assert.match(failed ?? '', /^Access denied for user 'mesh'/);
    assert.ok(!failed?.includes('top-secret-word'));
    assert.equal(reasonOf(new AggregateError([new Error('first'), new Error('second')])), 'first');
    assert.equal(reasonOf(Object.assign(new Error(''), { code: 'ECONNRESET' })), 'ECONNRESET');
  });
});
