/** Spans: nothing while off, parents from the client's comment while on. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type Context, type SpanContext, trace } from '@opentelemetry/api';
import { parseTraceparent, setTracing, startSpan, traceparentOf } from '../../src/telemetry/index.ts';

const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('spans', () => {
  afterEach(() => {
    setTracing(false);
    trace.disable();
  });

  it('are undefined while tracing is off', () => {
    assert.equal(startSpan('query', parent), undefined);
  });

  it('take the parent of the client, and nest', () => {
    const started: { name: string; parent: SpanContext | undefined; ended: boolean }[] = [];
    trace.setGlobalTracerProvider({
      getTracer: () => ({
        startSpan: (name: string, _: unknown, within?: Context) => {
          const record = {
            name,
            parent: within === undefined ? undefined : trace.getSpanContext(within),
            ended: false,
          };
          started.push(record);
          const own = trace.wrapSpanContext({
            traceId: record.parent?.traceId ?? '1'.repeat(32),
            spanId: String(started.length).padStart(16, '0'),
            traceFlags: 1,
          });
          return Object.assign(own, {
            end: () => {
              record.ended = true;
            },
          });
        },
        startActiveSpan: () => {
          throw new Error('not used');
        },
      }),
    });
    setTracing(true);
    const span = startSpan('query', parent)!;
    span.child('plan').end();
    span.end(new Error('x'));
    assert.deepEqual(
      started.map(({ name, parent: from, ended }) => [name, from?.traceId, from?.spanId, ended]),
      [
        ['query', '0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331', true],
        ['plan', '0af7651916cd43dd8448eb211c80319c', '0000000000000001', true],
      ],
    );
  });

  it('reads traceparent strictly', () => {
    assert.equal(parseTraceparent(parent)?.traceFlags, 1);
    for (const bad of [
      '',
      'x',
      parent.slice(1),
      `${parent}0`,
      parent.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
      `ff${parent.slice(2)}`,
    ]) {
      assert.equal(parseTraceparent(bad), undefined, bad);
    }
    assert.equal(traceparentOf(`application='a',traceparent='${parent}'`), parent);
    assert.equal(traceparentOf("application='traceparent'"), undefined);
  });
});
