/** Limits of the process against the configuration. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeLimits } from '../../src/control/index.ts';
import type { MeshConfig } from '../../src/rules/index.ts';
import { processLimits } from '../../src/telemetry/index.ts';

const config = (connections: number, pools: readonly number[], workers = 1): MeshConfig =>
  ({
    workers,
    limits: { connections, resultMemory: 1024 ** 3 },
    databases: new Map([
      ['shop', { dataSources: new Map(pools.map((sizeMax, index) => [`ds_${index}`, { pool: { sizeMax } }])) }],
    ]),
  }) as unknown as MeshConfig;
const plenty = 64 * 1024 ** 3;

describe('limits of the process', () => {
  it('are silent where there is room', () => {
    assert.deepEqual(judgeLimits(config(1000, [50, 50]), { descriptors: 2164, memory: plenty }), { connections: 1000 });
    assert.deepEqual(judgeLimits(config(1000, [50]), { descriptors: undefined, memory: undefined }), {
      connections: 1000,
    });
  });

  it('are told, and take connections away only where pools would starve', () => {
    const told = judgeLimits(config(1000, [50, 50]), { descriptors: 1500, memory: plenty });
    assert.equal(told.connections, 1000);
    assert.equal(told.descriptors?.wanted, 2164);
    assert.equal(judgeLimits(config(1000, [50, 50]), { descriptors: 1024, memory: plenty }).connections, 860);
    assert.equal(judgeLimits(config(1000, [50, 50]), { descriptors: 100, memory: plenty }).connections, 1);
    assert.equal(judgeLimits(config(10, []), { descriptors: 1024, memory: 1024 ** 3 }).memory?.available, 1024 ** 3);
    const memory = 3 * 1024 ** 3;
    assert.equal(judgeLimits(config(10, []), { descriptors: 1024, memory }).memory, undefined);
    assert.equal(judgeLimits(config(10, [], 3), { descriptors: 1024, memory }).memory?.wanted, 3.75 * 1024 ** 3);
  });

  it('are read from the system', () => {
    const limits = processLimits();
    assert.ok((limits.memory ?? 0) > 0);
    if (process.platform === 'linux') assert.ok((limits.descriptors ?? 0) >= 64);
  });
});
