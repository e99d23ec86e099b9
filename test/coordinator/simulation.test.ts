/** The pure coordinator under a seed: failures at any call, crashes at any step, and every transaction ends as it must. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BranchDefinition,
  type CallEffect,
  idleBranch,
  inFlight,
  isFinal,
  nextWake,
  type Progress,
  type TransactionDefinition,
  type TransactionEvent,
  transactionMachine,
  type Verdict,
} from '../../src/coordinator/index.ts';

/** Mulberry32: small, seeded, good enough to shuffle. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const base: TransactionDefinition = {
  kind: 'saga',
  branches: [],
  external: false,
  headers: {},
  timeoutMs: 1000,
  retry: { baseMs: 100, maxMs: 2000, forwardLimit: 0, settleLimit: 0 },
  failAfterMs: 0,
  maxAgeMs: 600_000,
  delayMs: 0,
};

const branch = (
  id: string,
  after: number[] = [],
  urls = { forward: 'f', complete: 'c', undo: 'u' },
): BranchDefinition => ({
  id,
  urls,
  payload: '',
  after,
});

const begin = (definition: TransactionDefinition, at = 0): Progress => ({
  phase: 'prepared',
  createdAt: at,
  phaseAt: at,
  branches: definition.branches.map(() => idleBranch),
});

const seeds = Number(process.env['SEEDS'] ?? 400);
const firstSeed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

/** One service behind a barrier that is as the real one: what it did, by branch. */
class World {
  readonly tried = new Set<number>();
  readonly completed = new Set<number>();
  readonly undone = new Set<number>();
  readonly blocked = new Set<number>();

  /** Does the work of a call once; answers what a barrier says afterwards. */
  run(index: number, side: CallEffect['side']): boolean {
    if (side === 'forward') {
      if (this.blocked.has(index)) return false;
      this.tried.add(index);
      return true;
    }
    if (side === 'complete') {
      this.completed.add(index);
      return true;
    }
    if (this.tried.has(index)) this.undone.add(index);
    else this.blocked.add(index);
    return true;
  }
}

describe('transactions in simulation', () => {
  it(`end done or undone, whatever fails (seeds from ${firstSeed})`, () => {
    const outcomes: Record<string, number> = {};
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const dice = random(seed);
      const kind = (['saga', 'tcc', 'message'] as const)[Math.floor(dice() * 3)] ?? 'saga';
      const count = 1 + Math.floor(dice() * 5);
      const branches = Array.from({ length: count }, (_, index) => {
        const after = Array.from({ length: index }, (_, before) => before).filter(() => dice() < 0.4);
        return branch(`b${index}`, after);
      });
      const definition: TransactionDefinition = {
        ...base,
        kind,
        branches,
        failAfterMs: kind !== 'message' && dice() < 0.3 ? 3000 : 0,
        retry: { ...base.retry, forwardLimit: dice() < 0.3 ? 4 : 0 },
      };
      const refused = kind === 'message' || dice() < 0.5 ? -1 : Math.floor(dice() * count);
      const machine = transactionMachine(definition);
      const world = new World();
      let clock = 0;
      let durable = begin(definition);
      let flying: CallEffect[] = [];
      const undoOrder: number[] = [];
      const apply = (event: TransactionEvent): void => {
        const step = machine(durable, event);
        // A crash after the write and before the effects: nobody makes the calls, until it is claimed.
        durable = JSON.parse(JSON.stringify(step.next)) as Progress;
        if (dice() < 0.05) flying = [];
        else flying.push(...step.effects.filter((effect) => effect.kind === 'call'));
      };
      apply({ kind: 'submit', at: clock });
      for (let turn = 0; turn < 3000 && !isFinal(durable.phase) && durable.phase !== 'suspended'; turn++) {
        if (flying.length === 0) {
          // Whoever made the calls is gone: its lease runs out, and somebody takes over. Otherwise time passes.
          const left = inFlight(durable) > 0;
          clock = left ? clock + 1000 : Math.max(clock, nextWake(definition, durable) ?? clock);
          clock += 1;
          apply({ kind: left || dice() < 0.5 ? 'claimed' : 'tick', at: clock });
          continue;
        }
        const [call] = flying.splice(Math.floor(dice() * flying.length), 1);
        if (call === undefined) continue;
        clock += Math.floor(dice() * 200);
        const luck = dice();
        let verdict: Verdict = 'unknown';
        if (call.side === 'forward' && call.branch === refused) verdict = luck < 0.8 ? 'failed' : 'unknown';
        else if (luck < 0.6) verdict = world.run(call.branch, call.side) ? 'done' : 'failed';
        else if (luck < 0.8) world.run(call.branch, call.side);
        else if (luck < 0.9) verdict = 'ongoing';
        if (call.side === 'undo' && verdict === 'done') undoOrder.push(call.branch);
        apply({ kind: 'answer', at: clock, branch: call.branch, side: call.side, verdict, random: dice() });
      }
      outcomes[`${kind} ${durable.phase}`] = (outcomes[`${kind} ${durable.phase}`] ?? 0) + 1;
      const told = `seed ${seed}: ${kind} ${JSON.stringify(durable)}`;
      assert.ok(isFinal(durable.phase), told);
      for (let index = 0; index < count; index++) {
        if (durable.phase === 'succeeded') {
          if (kind !== 'message') assert.ok(world.tried.has(index), `branch ${index} was not done; ${told}`);
          if (kind !== 'saga') assert.ok(world.completed.has(index), `branch ${index} was not completed; ${told}`);
          assert.ok(!world.undone.has(index), `branch ${index} was undone; ${told}`);
        } else {
          assert.ok(!world.tried.has(index) || world.undone.has(index), `branch ${index} was left; ${told}`);
          assert.ok(!world.completed.has(index), `branch ${index} was completed; ${told}`);
        }
      }
      if (refused >= 0) assert.equal(durable.phase, 'failed', told);
      if (kind === 'saga')
        for (const [position, index] of undoOrder.entries())
          for (const before of branches[index]?.after ?? [])
            assert.ok(
              undoOrder.indexOf(before) < 0 || undoOrder.indexOf(before) > position,
              `undone in order; ${told}`,
            );
    }
    assert.ok((outcomes['saga failed'] ?? 0) > 0 && (outcomes['tcc succeeded'] ?? 0) > 0, JSON.stringify(outcomes));
  });

  it('begins only what its order allows, and undoes only what began', () => {
    const definition = { ...base, branches: [branch('a'), branch('b'), branch('c', [0, 1]), branch('d', [2])] };
    const machine = transactionMachine(definition);
    let { next, effects } = machine(begin(definition), { kind: 'submit', at: 0 });
    assert.deepEqual(
      effects.map((effect) => effect.kind === 'call' && effect.branch),
      [0, 1],
    );
    ({ next, effects } = machine(next, answer(0, 'forward', 'done')));
    assert.deepEqual(effects, []);
    ({ next, effects } = machine(next, answer(1, 'forward', 'done')));
    assert.deepEqual(
      effects.map((effect) => effect.kind === 'call' && effect.branch),
      [2],
    );
    ({ next, effects } = machine(next, answer(2, 'forward', 'failed')));
    assert.equal(next.phase, 'undo');
    assert.deepEqual(
      effects.map((effect) => effect.kind === 'call' && [effect.branch, effect.side]),
      [[2, 'undo']],
    );
    ({ next, effects } = machine(next, answer(2, 'undo', 'done')));
    assert.deepEqual(
      effects.map((effect) => effect.kind === 'call' && effect.branch),
      [0, 1],
    );
    ({ next } = machine(next, answer(0, 'undo', 'done')));
    ({ next } = machine(next, answer(1, 'undo', 'done')));
    assert.equal(next.phase, 'failed');
  });

  it('is suspended at once by a 409 from what must not fail, and goes on by an order', () => {
    const definition = { ...base, kind: 'tcc' as const, branches: [branch('a')] };
    const machine = transactionMachine(definition);
    let { next, effects } = machine(begin(definition), { kind: 'submit', at: 0 });
    ({ next } = machine(next, answer(0, 'forward', 'done')));
    assert.equal(next.phase, 'complete');
    ({ next, effects } = machine(next, answer(0, 'complete', 'failed')));
    assert.equal(next.phase, 'suspended');
    assert.equal(effects[0]?.kind, 'alert');
    assert.equal(nextWake(definition, next), undefined);
    const retried = machine(next, { kind: 'order', at: 9, order: { kind: 'retry' } });
    assert.deepEqual(
      retried.effects.map((effect) => effect.kind),
      ['call'],
    );
    assert.equal(machine(retried.next, answer(0, 'complete', 'done', 10)).next.phase, 'succeeded');
    assert.equal(machine(next, { kind: 'order', at: 9, order: { kind: 'skip', branch: 'a' } }).next.phase, 'succeeded');
    assert.equal(
      machine(next, { kind: 'order', at: 9, order: { kind: 'force', outcome: 'failed' } }).next.phase,
      'failed',
    );
  });
});

function answer(index: number, side: CallEffect['side'], verdict: Verdict, at = 1): TransactionEvent {
  return { kind: 'answer', at, branch: index, side, verdict, random: 0.5 };
}
