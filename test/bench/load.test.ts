/** The tiny form of `npm run load`: a slow reader must not fill the memory, and the limit on connections must hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runLoad } from '../../bench/load.ts';
import { tinyLoad } from '../../bench/load-options.ts';
import type { LoadFigures } from '../../bench/load-page.ts';
import { loadPage } from '../../bench/load-page.ts';

const MIB = 1024 * 1024;
/** Less than what a result that is not held back would take. */
const GROWTH_MAX = 64 * MIB;

test('a slow reader holds back the servers, 1040 beyond the limit, connects all answered', async () => {
  const figures: LoadFigures = await runLoad(tinyLoad, () => undefined);
  for (const slow of figures.slow) {
    assert.ok(slow.bytesRead > 0, `${slow.what}: nothing was read`);
    assert.ok(slow.bytesRead < tinyLoad.slowBytes / 2, `${slow.what}: the reader was not slow`);
    assert.ok(slow.growth < GROWTH_MAX, `${slow.what}: the sidecar grew by ${Math.round(slow.growth / MIB)} MiB`);
    assert.ok(slow.meanwhile.length > 0, `${slow.what}: nobody else was answered meanwhile`);
  }
  assert.match(figures.beyondLimit, /Too many connections/);
  assert.deepEqual(figures.connects.failures, []);
  assert.match(loadPage(tinyLoad, figures), /memory when all clients are gone/);
});
