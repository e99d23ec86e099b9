/** The bench itself: its smallest form runs through, every target answers, and the page says everything it should. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type BenchOptions, benchOptions } from '../../bench/options.ts';
import { type BenchResults, resultsPage } from '../../bench/report.ts';
import { runBench } from '../../bench/run.ts';

let results: BenchResults;

before(async () => {
  const options = benchOptions([
    '--tiny',
    '--protocols',
    'prepared',
    '--workloads',
    'oltp_point_select,oltp_read_write',
  ]);
  results = await runBench(options as BenchOptions, () => undefined);
});

test('every cell has a sample of every target that is there', () => {
  const there = ['direct', 'node-tcp', 'mesh', 'mesh-2x2'];
  for (const cell of results.cells) {
    for (const target of there) assert.ok(cell.samples.has(target as 'direct'), `${cell.workload}: ${target}`);
    for (const [target, samples] of cell.samples) {
      assert.equal(samples.length, 1);
      assert.ok(
        samples.every((sample) => sample.queries > 0 && sample.p99 >= sample.p50),
        `${cell.workload}: ${target}`,
      );
    }
  }
  assert.deepEqual(
    results.cells.map((cell) => cell.workload),
    [
      'scatter: count',
      'scatter: top 10',
      'scatter: group by',
      'scatter: 8 ids',
      'oltp_point_select',
      'oltp_read_write',
    ],
  );
});

test('the large result came whole through every target', () => {
  assert.ok((results.large?.size ?? 0) >= 4);
});

test('starts, reloads and idle connections were measured', () => {
  assert.equal(results.life?.starts.length, 1);
  assert.equal(results.life?.reloads.length, 1);
});

test('what is missing is said with the way to get it', () => {
  for (const line of results.missing) assert.match(line, /is not measured: .*=\/path\/to\//);
});

test('the page has its sections', () => {
  const page = resultsPage(results);
  for (const title of [
    'In short',
    'What limits it now',
    'oltp_point_select',
    'oltp_read_write',
    'Statements over all shards',
    'Life',
  ])
    assert.ok(page.includes(`## ${title}`), title);
  assert.doesNotMatch(page, /NaN|undefined|Infinity/);
});
