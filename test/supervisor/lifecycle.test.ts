/** Life of a sidecar on a clock of our own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../src/base/index.ts';
import { type DrainLimits, Lifecycle } from '../../src/supervisor/index.ts';

const setUp = (sessions: number, limits: DrainLimits) => {
  const state = { now: 0, sessions, log: [] as string[] };
  const clock: Clock = {
    now: () => state.now,
    monotonic: () => state.now,
    after: (delayMs, callback) => {
      setImmediate(() => {
        state.now += delayMs;
        callback();
      });
      return () => {};
    },
  };
  const life = new Lifecycle({
    clock,
    limits,
    handles: {
      stopAccepting: () => void state.log.push(`stopAccepting@${state.now}`),
      closeAtQuietPoint: () => void state.log.push('closeAtQuietPoint'),
      closeAll: () => void state.log.push(`closeAll(${state.sessions})`),
      sessionCount: () => (state.now >= 100 && state.sessions > 0 ? --state.sessions : state.sessions),
    },
    onPhase: (phase, reason) => state.log.push(`${phase}: ${reason}`),
  });
  return { life, state };
};

describe('lifecycle', () => {
  it('keeps accepting for minDrain, then closes sessions as they become quiet', async () => {
    const { life, state } = setUp(3, { minDrainMs: 60, maxDrainMs: 10_000 });
    assert.equal(life.phase, 'starting');
    life.markReady();
    assert.ok(life.ready);
    const drained = life.drain('SIGTERM');
    assert.equal(life.phase, 'draining');
    assert.equal(life.drain('again'), drained);
    await drained;
    assert.equal(life.phase, 'stopped');
    assert.deepEqual(state.log, [
      'ready: listening',
      'draining: SIGTERM',
      'stopAccepting@60',
      'closeAtQuietPoint',
      'closeAll(0)',
      'stopped: SIGTERM',
    ]);
    await life.drain('late');
    assert.equal(state.log.length, 6);
  });

  it('ends what is left after maxDrain, which a second drain may shorten', async () => {
    const { life, state } = setUp(1_000_000, { minDrainMs: 0, maxDrainMs: 1_000_000 });
    life.markReady();
    const drained = life.drain('first');
    void life.drain('hurry', { minDrainMs: 0, maxDrainMs: 200 });
    await drained;
    assert.ok(state.now >= 200 && state.now < 300, String(state.now));
    assert.match(state.log.at(-2)!, /closeAll\(9999\d\d\)/);
  });

  it('a drain before it was ready stays a drain', async () => {
    const { life } = setUp(0, { minDrainMs: 0, maxDrainMs: 0 });
    const drained = life.drain('SIGTERM');
    life.markReady();
    assert.equal(life.ready, false);
    await drained;
    assert.equal(life.phase, 'stopped');
  });
});
