/** A reload over workers: all swap or none does; one that dies meanwhile holds nobody up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConfigurationSummary, type ReloadOutcome, ReloadRound } from '../../src/supervisor/index.ts';

type How = 'swaps' | 'refuses' | 'dies';

interface Member {
  readonly index: number;
  swapped: boolean;
  reload(): Promise<ReloadOutcome>;
}

const files = { texts: new Map<string, string>(), globs: new Map<string, readonly string[]>() };

function outcome(result: ReloadOutcome['result'], reason = ''): ReloadOutcome {
  return { result, reason, problems: [], restart: [], summary: {} as ConfigurationSummary };
}

async function run(...hows: readonly How[]) {
  const round = new ReloadRound<Member>();
  const [lead, ...others] = hows.map((how, index): Member => {
    const member: Member = {
      index,
      swapped: false,
      reload: async () => {
        if (how === 'dies') throw new Error('the worker has ended');
        if (how === 'refuses') return outcome('refused', 'no memory is left');
        try {
          await round.prepared(member, files);
        } catch (error) {
          return outcome('refused', (error as Error).message);
        }
        member.swapped = true;
        return outcome('applied');
      },
    };
    return member;
  });
  const end = await round.run(lead as Member, others, 'admin');
  return { end, swapped: [lead as Member, ...others].map((member) => member.swapped) };
}

describe('a reload over workers', () => {
  it('is swapped by all', async () => {
    const { end, swapped } = await run('swaps', 'swaps', 'swaps');
    assert.deepEqual(swapped, [true, true, true]);
    assert.equal(end.outcome?.result, 'applied');
    assert.equal(end.files, files);
  });

  it('is swapped by none if a follower refuses, whose reason is told', async () => {
    const { end, swapped } = await run('swaps', 'swaps', 'refuses');
    assert.deepEqual(swapped, [false, false, false]);
    assert.equal(end.outcome?.result, 'refused');
    assert.match(end.outcome?.reason ?? '', /^worker 2: no memory is left$/);
    assert.equal(end.files, undefined);
  });

  it('goes on without a follower that dies in the middle', async () => {
    const { end, swapped } = await run('swaps', 'dies', 'swaps');
    assert.deepEqual(swapped, [true, false, true]);
    assert.equal(end.outcome?.result, 'applied');
    assert.deepEqual(end.strays, []);
  });
});
