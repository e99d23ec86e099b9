/** The bench's options and its reading of sysbench's report. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, spread } from '../../bench/figures.ts';
import { type BenchOptions, benchOptions, UsageError } from '../../bench/options.ts';
import { parseReport } from '../../bench/sysbench.ts';

const report = `
Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.081 |*                                        10
       0.200 |****************************************         80
       1.500 |                                         9
      30.260 |                                         1

SQL statistics:
    queries performed:
        read:                            100
        write:                           0
        other:                           0
        total:                           100
    transactions:                        100    (6538.10 per sec.)
    queries:                             100    (6538.10 per sec.)
    ignored errors:                      3      (1.00 per sec.)
    reconnects:                          0      (0.00 per sec.)
`;

test('percentiles come from the histogram', () => {
  assert.deepEqual(parseReport(report), {
    queries: 100,
    queriesPerSecond: 6538.1,
    p50: 0.2,
    p95: 1.5,
    p99: 1.5,
    retried: 3,
  });
});

test('a report without figures is an error, not zeros', () => {
  assert.throws(() => parseReport('FATAL: no'), /said nothing/);
});

test('options choose a subset', () => {
  const options = benchOptions([
    '--quick',
    '--threads',
    '1,8',
    '--targets',
    'direct,mesh',
    '--extras',
    'none',
  ]) as BenchOptions;
  assert.deepEqual([options.threads, options.targets, options.extras], [[1, 8], ['direct', 'mesh'], []]);
  assert.equal(options.out, undefined);
  assert.equal((benchOptions([]) as BenchOptions).out, 'bench/RESULTS.md');
});

for (const args of [['--targets', 'nobody'], ['--threads', '0'], ['--seconds', 'x'], ['--unknown']]) {
  test(`${args.join(' ')} is refused`, () => {
    assert.throws(() => benchOptions(args), UsageError);
  });
}

test('median and spread', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(spread([90, 100, 110]), 0.2);
});
