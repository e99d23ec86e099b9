/** The decisions about replica sets, as pure functions: who is primary, who takes a read, who is worth asking. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Balancer, type BalancerType, type Candidate } from '../../src/backend/balancer.ts';
import { elect } from '../../src/backend/primary-election.ts';
import { SourceHealth } from '../../src/backend/source-health.ts';
import type { SourceFacts } from '../../src/backend/source-probe.ts';

const facts = (more: Partial<SourceFacts>): SourceFacts => ({
  identity: 'x',
  mariadb: true,
  readOnly: false,
  replicating: false,
  follows: [],
  running: false,
  lagSeconds: undefined,
  applied: '',
  seen: '0-1-1',
  wrote: false,
  epoch: 0,
  epochHolder: '',
  ...more,
});
const member = (name: string, more: Partial<SourceFacts> | undefined) => ({
  name,
  facts: more === undefined ? undefined : facts({ identity: name, ...more }),
});
const replica = { readOnly: true, replicating: true, running: true } as const;

describe('who is primary', () => {
  test('the configured one, while it is writable and replicates from nobody', () => {
    const election = elect([member('a', { wrote: true }), member('b', replica)], 'a', 'a', 0);
    assert.equal(election.primary, 'a');
    assert.equal(election.takeover, undefined);
  });
  test('a replica that is not read-only is a replica all the same', () => {
    assert.equal(elect([member('a', {}), member('b', { ...replica, readOnly: false })], 'a', 'a', 0).primary, 'a');
    assert.equal(
      elect([member('a', undefined), member('b', { ...replica, readOnly: false })], 'a', 'a', 0).primary,
      undefined,
    );
  });
  test('another candidate takes over when it is down or read-only, with a higher epoch', () => {
    for (const old of [undefined, { readOnly: true }]) {
      const election = elect([member('a', old), member('b', {})], 'a', 'a', 0);
      assert.deepEqual([election.primary, election.takeover], ['b', 1]);
    }
  });
  test('an old primary that comes back is quarantined', () => {
    const now = { epoch: 1, epochHolder: 'b', wrote: true };
    const election = elect([member('a', { wrote: true }), member('b', now)], 'a', 'b', 1);
    assert.deepEqual([election.primary, election.takeover, election.quarantined], ['b', undefined, ['a']]);
    // Also while the new one cannot be reached.
    const alone = elect([member('a', { wrote: true }), member('b', undefined)], 'a', 'b', 1);
    assert.deepEqual([alone.primary, alone.quarantined], [undefined, ['a']]);
  });
  test('switched back on purpose: the row has replicated, so the old one may take over again', () => {
    const row = { epoch: 1, epochHolder: 'b' };
    const election = elect([member('a', row), member('b', { ...row, readOnly: true })], 'a', 'b', 1);
    assert.deepEqual([election.primary, election.takeover], ['a', 2]);
  });
  test('two candidates of one epoch that both took writes are split brain; one that did not write is no rival', () => {
    const both = elect([member('a', { wrote: true }), member('b', { wrote: true })], 'a', 'a', 0);
    assert.deepEqual([both.primary, both.splitBrain], [undefined, ['a', 'b']]);
    assert.equal(elect([member('a', { wrote: true }), member('b', {})], 'a', 'a', 0).primary, 'a');
  });
  test('an account that may not ask about replication vouches for the configured primary only', () => {
    const unknown = { replicating: undefined };
    assert.equal(elect([member('a', unknown), member('b', unknown)], 'a', 'a', 0).primary, 'a');
    assert.equal(elect([member('a', undefined), member('b', unknown)], 'a', 'a', 0).primary, undefined);
  });
});

describe('who takes a read', () => {
  const candidate = (name: string, more: Partial<Candidate> = {}): Candidate => ({
    name,
    zone: undefined,
    latencyMs: 1,
    inFlight: 0,
    warmth: 1,
    ...more,
  });
  const shares = (
    type: BalancerType,
    candidates: readonly Candidate[],
    props: Record<string, string> = {},
    zone?: string,
  ): Readonly<Record<string, number>> => {
    let state = 1;
    const random = (): number => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const balancer = new Balancer({ type, props }, zone, random);
    const counts: Record<string, number> = {};
    for (let index = 0; index < 3000; index += 1) {
      const { name } = balancer.choose(candidates) as Candidate;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  test('in turn, at random, by weight', () => {
    const three = [candidate('a'), candidate('b'), candidate('c')];
    assert.deepEqual(shares('ROUND_ROBIN', three), { a: 1000, b: 1000, c: 1000 });
    for (const count of Object.values(shares('RANDOM', three))) assert.ok(count > 850 && count < 1150);
    const weighted = shares('WEIGHT', three, { a: '4', b: '1', c: '1' });
    assert.ok((weighted['a'] ?? 0) > 1800 && (weighted['a'] ?? 0) < 2200);
  });
  test('of two at random the one with less latency and load', () => {
    const counts = shares('LEAST_LATENCY', [
      candidate('fast'),
      candidate('busy', { inFlight: 9 }),
      candidate('slow', { latencyMs: 50 }),
    ]);
    assert.equal(counts['slow'], undefined, 'it loses against both');
    assert.ok((counts['fast'] ?? 0) > (counts['busy'] ?? 0));
  });
  test('those of the own zone first; a cold one gets a small share', () => {
    const zones = [candidate('here', { zone: 'z1' }), candidate('there', { zone: 'z2' })];
    assert.deepEqual(shares('ROUND_ROBIN', zones, {}, 'z1'), { here: 3000 });
    assert.deepEqual(Object.keys(shares('ROUND_ROBIN', zones, {}, 'z3')).sort(), ['here', 'there']);
    const cold = shares('ROUND_ROBIN', [candidate('warm'), candidate('cold', { warmth: 0.1 })]);
    assert.ok((cold['cold'] ?? 0) > 50 && (cold['cold'] ?? 0) < 300, String(cold['cold']));
  });
  test('nobody, if there is none', () => {
    assert.equal(new Balancer({ type: 'RANDOM', props: {} }, undefined).choose([]), undefined);
  });
});

describe('who is worth asking', () => {
  test('a failed probe or three failed statements open the circuit; two probes close it', () => {
    const states: string[] = [];
    const health = new SourceHealth(
      (_, to) => states.push(to),
      () => 1,
    );
    health.probeAnswered(0);
    health.statementFailed(1, 'gone');
    health.statementFailed(2, 'gone');
    health.statementAnswered();
    health.statementFailed(3, 'gone');
    health.statementFailed(4, 'gone');
    assert.equal(health.state, 'up', 'an answer between them');
    health.statementFailed(5, 'gone');
    assert.equal(health.state, 'down');
    assert.equal(health.reason, 'gone');
    assert.equal(health.probeDelay(5, 500), 250);
    health.probing();
    health.probeAnswered(300);
    assert.equal(health.state, 'half-open');
    health.probeAnswered(400);
    assert.equal(health.state, 'up');
    assert.ok(health.warmth(400, 1000) < 0.2 && health.warmth(900, 1000) === 0.5 && health.warmth(5000, 1000) === 1);
    assert.deepEqual(states, ['up', 'down', 'half-open', 'up']);
  });
  test('the back-off doubles up to a limit, with jitter', () => {
    for (const [random, factor] of [
      [1, 1],
      [0, 0.5],
    ] as const) {
      const health = new SourceHealth(
        () => undefined,
        () => random,
      );
      const delays: number[] = [];
      for (let index = 0; index < 7; index += 1) {
        health.probing();
        health.probeFailed(0, 'no');
        delays.push(health.probeDelay(0, 500));
      }
      assert.deepEqual(
        delays,
        [250, 500, 1000, 2000, 4000, 5000, 5000].map((delay) => delay * factor),
      );
    }
  });
});
