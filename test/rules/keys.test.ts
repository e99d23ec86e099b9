/** Key generators: order, uniqueness, spread, clocks that go back, leases, ranges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/base/index.ts';
import type { KeyGeneratorSpec } from '../../src/rules/index.ts';
import { createKeyGenerator, type GeneratorPorts, type SegmentPort } from '../../src/rules/index.ts';
import { SNOWFLAKE_EPOCH } from '../../src/rules/keys/snowflake.ts';
import { loadRulesFile } from './load-text.ts';

class TestClock implements Clock {
  ms = SNOWFLAKE_EPOCH + 1_000_000;
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
  after(delayMs: number, callback: () => void): () => void {
    queueMicrotask(() => {
      this.ms += delayMs;
      callback();
    });
    return () => {};
  }
}

const snowflake = (changes: Partial<Extract<KeyGeneratorSpec, { kind: 'snowflake' }>> = {}): KeyGeneratorSpec => ({
  kind: 'snowflake',
  name: 'flake',
  type: 'SNOWFLAKE',
  props: {},
  workerId: 5,
  maxVibrationOffset: 1,
  maxTolerateTimeDifferenceMs: 10,
  ...changes,
});
const ports = (changes: Partial<GeneratorPorts> = {}): GeneratorPorts => ({
  clock: new TestClock(),
  workerIndex: 0,
  workers: 1,
  random: (size) => new Uint8Array(size).fill(0xff),
  ...changes,
});

test('SNOWFLAKE: 41 bits of time, 10 of worker, 12 of sequence', async () => {
  const clock = new TestClock();
  const [key] = await createKeyGenerator(
    snowflake({ maxVibrationOffset: 0 }),
    ports({ clock, workerIndex: 2, workers: 3 }),
  ).take(1);
  assert.equal(key, (1_000_000n << 22n) | (7n << 12n));
});

test('SNOWFLAKE: keys rise and repeat never, also beyond one millisecond', async () => {
  const generator = createKeyGenerator(snowflake(), ports());
  const keys = [
    ...(await generator.take(3)),
    ...(await generator.take(9000)),
    ...(await generator.take(5)),
  ] as bigint[];
  assert.equal(keys.length, 9008);
  for (let i = 1; i < keys.length; i++) assert.ok(keys[i]! > keys[i - 1]!);
});

test('SNOWFLAKE: a clock that goes back a little is waited for, further is refused', async () => {
  const clock = new TestClock();
  const generator = createKeyGenerator(snowflake(), ports({ clock }));
  const [first] = (await generator.take(1)) as bigint[];
  clock.ms -= 9;
  const [second] = (await generator.take(1)) as bigint[];
  assert.ok(second! > first!);
  clock.ms -= 10;
  assert.throws(() => generator.take(1), { code: 'SM_KEY_GENERATOR', message: /went back by 10 ms/ });
});

test('SNOWFLAKE: without worker-id and lease, with an ended lease, or beyond 1023: refused', async () => {
  const clock = new TestClock();
  assert.throws(() => createKeyGenerator(snowflake({ workerId: undefined }), ports()).take(1), {
    code: 'SM_KEY_GENERATOR',
  });
  const lease = { workerId: 9, validUntil: clock.ms + 5 };
  const generator = createKeyGenerator(
    snowflake({ workerId: undefined }),
    ports({ clock, workerIds: { current: () => lease } }),
  );
  const [key] = (await generator.take(1)) as bigint[];
  assert.equal((key! >> 12n) & 1023n, 9n);
  clock.ms += 5;
  assert.throws(() => generator.take(1), { code: 'SM_KEY_GENERATOR' });
  assert.throws(() => createKeyGenerator(snowflake({ workerId: 1023 }), ports({ workerIndex: 1, workers: 2 })), {
    code: 'SM_KEY_GENERATOR',
  });
});

test('the sample’s order ids spread evenly over its tables, also when orders and items draw in turn', async () => {
  const rules = loadRulesFile('../../rules/shop.yaml').value!;
  const spec = rules.tables.get('orders')!.keyGenerate!.generator;
  const clock = new TestClock();
  const generator = createKeyGenerator(spec, ports({ clock }));
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 8000; i++) {
    const [order] = (await generator.take(1)) as bigint[];
    counts[Number(order! % 4n)]!++;
    clock.ms += 1;
    await generator.take(1);
    clock.ms += 1 + (i % 3);
  }
  for (const count of counts) assert.ok(count > 1800 && count < 2200, counts.join());
});

test('UUID: version 4 in 32 hex digits', async () => {
  const [key] = await createKeyGenerator({ kind: 'uuid', name: 'u', type: 'UUID', props: {} }, ports()).take(1);
  assert.equal(key, 'ffffffffffff4fffbfffffffffffffff');
});

const segment: KeyGeneratorSpec = {
  kind: 'segment',
  name: 'seg',
  type: 'SEGMENT',
  props: {},
  source: 'ds_0',
  table: 'seq',
  sequence: 'orders',
  step: 10,
  prefetchBelow: 3,
};

test('SEGMENT: at once while a range is at hand, fetched ahead, in order for waiting takers', async () => {
  let next = 100n;
  const asked: number[] = [];
  const port: SegmentPort = {
    async fetch(_spec, count) {
      asked.push(count);
      const first = next;
      next += BigInt(count);
      return { first, count };
    },
  };
  const generator = createKeyGenerator(segment, ports({ segments: port }));
  const waiting = [generator.take(2), generator.take(2)];
  assert.ok(waiting.every((each) => each instanceof Promise));
  assert.deepEqual(await Promise.all(waiting), [
    [100n, 101n],
    [102n, 103n],
  ]);
  assert.deepEqual(generator.take(4), [104n, 105n, 106n, 107n]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, [10, 10]);
  assert.deepEqual(generator.take(4), [108n, 109n, 110n, 111n]);
  const many = (await generator.take(25)) as bigint[];
  assert.equal(new Set(many).size, 25);
});

test('SEGMENT: a failing table is told, and tried again', async () => {
  let fails = true;
  const port: SegmentPort = {
    fetch: async (_spec, count) => {
      if (fails) throw new Error('server is gone');
      return { first: 1n, count };
    },
  };
  const generator = createKeyGenerator(segment, ports({ segments: port }));
  await assert.rejects(async () => generator.take(1), { code: 'SM_KEY_GENERATOR', message: /server is gone/ });
  fails = false;
  assert.deepEqual(await generator.take(1), [1n]);
  await assert.rejects(async () => createKeyGenerator(segment, ports()).take(1), { code: 'SM_KEY_GENERATOR' });
});
