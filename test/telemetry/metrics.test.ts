/** Metrics: arrays inside, Prometheus text outside. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  CombinedMetrics,
  Counter,
  createMeshMetrics,
  Gauge,
  Histogram,
  LabelSet,
  latencyBuckets,
  MetricRegistry,
  Observed,
  watchPools,
  watchProcess,
  watchSidecar,
} from '../../src/telemetry/index.ts';

/** `name{labels} value` lines. */
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('label sets', () => {
  it('number every combination once, and back', () => {
    const set = new LabelSet({ a: ['x', 'y', 'z'], b: ['1', '2'], c: ['only'] });
    assert.equal(set.size, 6);
    const seen = new Set<number>();
    for (const a of ['x', 'y', 'z']) {
      for (const b of ['1', '2']) {
        const series = set.series({ a, b, c: 'only' });
        seen.add(series);
        assert.deepEqual(set.labels(series), { a, b, c: 'only' });
      }
    }
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5]);
    assert.throws(() => set.series({ a: 'w', b: '1', c: 'only' }), /label a has no value 'w'/);
    assert.equal(new LabelSet({}).size, 1);
  });
});

describe('exposition', () => {
  it('shows counters, gauges and histograms as Prometheus reads them', async () => {
    const registry = new MetricRegistry();
    const counter = new Counter('t_total', 'A counter.', { kind: ['a', 'b'] });
    const gauge = new Gauge('t_gauge', 'A gauge.', {});
    const histogram = new Histogram('t_seconds', 'A histogram.', { phase: ['p'] }, [0.1, 1]);
    for (const metric of [counter, gauge, histogram]) registry.register(metric);
    counter.series({ kind: 'a' });
    counter.add(counter.series({ kind: 'b' }));
    counter.add(counter.series({ kind: 'b' }), 2);
    gauge.set(gauge.series({}), 4.5);
    gauge.add(0, -1);
    for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(histogram.series({ phase: 'p' }), value);
    const text = await registry.text();
    assert.match(text, /# HELP t_total A counter\.\n# TYPE t_total counter/);
    assert.match(text, /# TYPE t_seconds histogram/);
    assert.deepEqual(lines(text), [
      't_total{kind="a"} 0',
      't_total{kind="b"} 3',
      't_gauge 3.5',
      't_seconds_bucket{phase="p",le="0.1"} 2',
      't_seconds_bucket{phase="p",le="1"} 3',
      't_seconds_bucket{phase="p",le="+Inf"} 4',
      't_seconds_sum{phase="p"} 7.65',
      't_seconds_count{phase="p"} 4',
    ]);
    assert.throws(() => registry.register(new Gauge('t_gauge', 'Again.', {})), /already been registered/);
  });

  it('adds workers up: counters and histograms by sum, gauges as they declare', async () => {
    const worker = async (n: number) => {
      const registry = new MetricRegistry();
      const counter = new Counter('t_total', 'A counter.', { kind: ['a'] });
      const histogram = new Histogram('t_seconds', 'A histogram.', {}, [1]);
      const largest = new Gauge('t_max', 'A gauge.', {}, 'max');
      const info = new Observed('gauge', 't_info', 'An info.', ['version'], 'first');
      for (const metric of [counter, histogram, largest, info]) registry.register(metric);
      counter.add(counter.series({ kind: 'a' }), n);
      histogram.observe(histogram.series({}), n);
      largest.set(largest.series({}), n);
      info.readFrom(() => [{ labels: { version: '7' }, value: 1 }]);
      // As it crosses a process boundary.
      return JSON.parse(JSON.stringify(await registry.values())) as Awaited<ReturnType<MetricRegistry['values']>>;
    };
    const all = new CombinedMetrics<string>();
    all.seen('a', await worker(1));
    all.seen('b', await worker(2));
    all.seen('b', await worker(3));
    const together = lines(await all.text([]));
    assert.deepEqual(together, [
      't_total{kind="a"} 4',
      't_seconds_bucket{le="1"} 1',
      't_seconds_bucket{le="+Inf"} 2',
      't_seconds_sum 4',
      't_seconds_count 2',
      't_max 3',
      't_info{version="7"} 1',
    ]);
    // What counts up never goes back, gauges of an ended process go.
    all.ended('b');
    assert.deepEqual(
      lines(await all.text([])),
      together.map((line) => line.replace('t_max 3', 't_max 1')),
    );
    all.seen('b again', await worker(1));
    assert.equal(lines(await all.text([]))[0], 't_total{kind="a"} 5');
    all.ended('b again');
    all.ended('a');
    assert.deepEqual(lines(await all.text([])).slice(0, 1), ['t_total{kind="a"} 5']);
  });

  it('buckets: each value is counted in the first bucket that holds it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 30 }), (values) => {
        const histogram = new Histogram('h', 'h', {});
        histogram.series({});
        for (const value of values) histogram.observe(histogram.series({}), value);
        const samples = histogram.samples();
        for (const [index, bound] of latencyBuckets.entries()) {
          assert.equal(samples[index]!.value, values.filter((value) => value <= bound).length);
        }
        assert.equal(samples.at(-1)!.value, values.length);
      }),
    );
  });
});

describe('the metrics of the mesh', () => {
  it('are all named shardmesh_, explained, and shown with what is read on a scrape', async () => {
    const metrics = createMeshMetrics();
    watchSidecar(metrics, '1.2.3');
    const stop = watchProcess(metrics);
    watchPools(metrics, () => [
      {
        database: 'shop',
        source: 'ds_0',
        role: 'primary',
        pools: [
          {
            idle: 1,
            leased: 2,
            connecting: 0,
            waiting: 3,
            connects: 4,
            connectFailures: 5,
            acquires: 6,
            acquireTimeouts: 7,
            discarded: 8,
            down: false,
          },
        ],
      },
    ]);
    metrics.queries.add(metrics.queries.series({ route: 'scatter' }));
    metrics.latency.observeMs(metrics.latency.series({ phase: 'plan' }), 0.2);
    const text = await metrics.registry.text();
    stop();
    // What nobody records is not shown as zero.
    assert.ok(!text.includes('shardmesh_slow_queries_total 0'));
    assert.ok(!text.includes('phase="merge"'));
    for (const metric of metrics.registry.metrics) {
      assert.match(metric.name, /^shardmesh_[a-z_]+$/);
      assert.match(metric.help, /\.$/);
      assert.equal(metric.name.endsWith('_total'), metric.kind === 'counter', metric.name);
      assert.ok(text.includes(`# TYPE ${metric.name} ${metric.kind}`), metric.name);
    }
    for (const line of [
      'shardmesh_queries_total{route="scatter"} 1',
      'shardmesh_query_duration_seconds_bucket{phase="plan",le="0.00025"} 1',
      'shardmesh_pool_connections{database="shop",source="ds_0",state="leased"} 2',
      'shardmesh_pool_connects_total{database="shop",source="ds_0",result="failed"} 5',
      'shardmesh_source_up{database="shop",source="ds_0",role="primary"} 1',
    ])
      assert.ok(text.includes(line), line);
    assert.match(text, /shardmesh_build_info\{version="1\.2\.3",node="v\d+/);
    assert.match(text, /shardmesh_memory_bytes\{area="resident"\} \d+/);
  });
});
