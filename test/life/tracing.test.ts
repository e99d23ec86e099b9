/** Spans of a real sidecar with an OpenTelemetry provider loaded before it: the client's trace goes on. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { QueryOptions } from 'mysql2/promise';
import { type LifeGround, startGround, until } from './life-ground.ts';

/** A provider as an SDK would register it; it prints its spans. */
const provider = `
import { trace } from '${import.meta.resolve('@opentelemetry/api')}';
class PrintingProvider {
  getTracer() {
    return {
      startSpan(name, options, context) {
        const span = { name, parent: trace.getSpanContext(context), attributes: {} };
        return {
          setAttribute: (key, value) => { span.attributes[key] = value; },
          setStatus: (status) => { span.status = status.code; },
          end: () => process.stderr.write('SPAN ' + JSON.stringify(span) + '\\n'),
        };
      },
    };
  }
}
trace.setGlobalTracerProvider(new PrintingProvider());
`;

describe('tracing', () => {
  let ground: LifeGround;
  before(async () => {
    ground = await startGround();
  });
  after(async () => ground?.stop());

  it('makes a span of each statement, below the one that the client names', async () => {
    writeFileSync(ground.file('provider.mjs'), provider);
    const wrapper = ground.file('traced.sh');
    const program = new URL('../../bin/shardmesh', import.meta.url).pathname;
    writeFileSync(
      wrapper,
      `#!/bin/sh\nNODE_OPTIONS="--import ${ground.file('provider.mjs')}" exec "${program}" "$@"\n`,
      { mode: 0o755 },
    );
    const sidecar = await ground.serve({ program: wrapper });
    const session = await ground.connect(sidecar);
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    await session.query(`SELECT id FROM accounts WHERE id = 4 /*traceparent='00-${traceId}-b7ad6b7169203331-01'*/`);
    await session.query('SELECT COUNT(*) FROM accounts');
    const named = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    await session.query({ sql: 'SELECT MAX(id) FROM accounts', attributes: named } as QueryOptions);
    await session.execute({ sql: 'SELECT MIN(id) FROM accounts', attributes: named } as QueryOptions);
    await assert.rejects(session.query('SELECT nothing_42 FROM accounts WHERE id = 4'));
    type Printed = { name: string; parent?: { traceId: string }; attributes: Record<string, unknown>; status?: number };
    const spans = await until('the spans', () => {
      const all = sidecar
        .output()
        .split('\n')
        .filter((line) => line.startsWith('SPAN '))
        .map((line) => JSON.parse(line.slice(5)) as Printed)
        .filter((span) => String(span.attributes['db.query.text']).includes('accounts'));
      return all.length >= 5 ? all : undefined;
    });
    const [point, count, byQuery, byExecute, failed] = spans;
    assert.equal(byQuery?.parent?.traceId, traceId);
    assert.equal(byExecute?.parent?.traceId, traceId);
    assert.equal(point?.name, 'shardmesh.statement');
    assert.equal(point?.parent?.traceId, traceId);
    assert.equal(point?.attributes['db.query.text'], 'SELECT id FROM accounts WHERE id = ?');
    assert.equal(point?.attributes['shardmesh.shards'], 1);
    assert.equal(count?.parent, undefined);
    assert.equal(count?.attributes['shardmesh.route'], 'scatter');
    assert.equal(count?.attributes['shardmesh.shards'], 2);
    assert.equal(failed?.attributes['db.response.status_code'], '1054');
    assert.equal(failed?.status, 2);
    await session.end();
  });
});
