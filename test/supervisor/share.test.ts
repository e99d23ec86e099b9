/** What is published in one process is known in all others when the promise resolves; processes that die hold nobody up. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { localCounters, localShare, SharedValues } from '../../src/base/index.ts';
import { Channel, ChannelFault, CounterHub, ShareHub } from '../../src/supervisor/index.ts';
import type { ShareQuestions, ShareWorkerQuestions } from './share-worker.ts';

interface Process {
  readonly child: ChildProcess;
  readonly channel: Channel<ShareQuestions, ShareWorkerQuestions>;
}

describe('values that workers share', () => {
  const hub = new ShareHub();
  const processes: Process[] = [];

  const start = (): Process => {
    const child = fork(join(import.meta.dirname, 'share-worker.ts'), { serialization: 'advanced' });
    const channel: Process['channel'] = new Channel<ShareQuestions, ShareWorkerQuestions>(child, {
      'share.publish': (entries) => hub.publish(member, entries),
    });
    const member = {
      apply: (entries: Parameters<ShareHub['publish']>[1]) => channel.ask('share.apply', entries),
      serving: () => true,
    };
    hub.add(member);
    child.once('exit', () => {
      hub.remove(member);
      channel.close('the process has ended');
    });
    const started = { child, channel };
    processes.push(started);
    return started;
  };

  before(() => {
    for (let count = 0; count < 3; count += 1) start();
  });
  after(() => {
    for (const { child } of processes) child.kill('SIGKILL');
  });

  it('are known to all others when publish resolves, handlers included', async () => {
    const [a, b, c] = processes as [Process, Process, Process];
    for (let order = 1n; order <= 50n; order += 1n) {
      await a.channel.ask('publish', { key: 'ds_0', order });
      for (const other of [b, c]) assert.equal(await other.channel.ask('latest', 'ds_0'), order);
    }
    for (const other of [b, c]) assert.equal((await other.channel.ask('handled', undefined)).length, 50);
  });

  it('keep the greatest position, whoever publishes it and when', async () => {
    const [a, b, c] = processes as [Process, Process, Process];
    await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        [a, b, c][index % 3]?.channel.ask('publish', { key: 'ds_1', order: BigInt((index * 7919) % 300) }),
      ),
    );
    for (const { channel } of [a, b, c]) assert.equal(await channel.ask('latest', 'ds_1'), 299n);
    const late = start();
    await late.channel.ask('handled', undefined);
    assert.equal(await late.channel.ask('latest', 'ds_1'), 299n);
    assert.equal(await late.channel.ask('latest', 'ds_0'), 50n);
  });

  it('do not wait for a process that dies', async () => {
    const [a, b] = processes as [Process, Process];
    b.child.kill('SIGSTOP');
    let resolved = false;
    const published = a.channel.ask('publish', { key: 'ds_0', order: 99n }).then(() => {
      resolved = true;
    });
    await a.channel.ask('handled', undefined);
    assert.equal(resolved, false, 'a process that cannot apply it is waited for while it lives');
    b.child.kill('SIGKILL');
    await published;
    await assert.rejects(b.channel.ask('latest', 'ds_0'), ChannelFault);
  });

  it('answer with an error what is not answered', async () => {
    const [a] = processes as [Process];
    const anything = a.channel as unknown as Channel<ShareQuestions, { toString: { ask: number; answer: number } }>;
    await assert.rejects(anything.ask('toString', 1), /not answered/);
    a.child.kill('SIGKILL');
    await once(a.child, 'exit');
    await assert.rejects(anything.ask('toString', 1), ChannelFault);
  });
});

describe('the rules of sharing', () => {
  it('forgets the keys that were published least recently', () => {
    const values = new SharedValues();
    for (let index = 0; index < 10_002; index += 1) {
      values.merge('position', `key ${index}`, { order: 1n, text: '' });
      values.merge('position', 'key 0', { order: BigInt(index), text: '' });
    }
    assert.equal(values.get('position', 'key 0')?.order, 10_001n);
    assert.equal(values.get('position', 'key 1'), undefined);
    assert.equal(values.entries().length, 10_000);
    values.merge('schema', 'shop', 'DDL');
    assert.equal(values.get('schema', 'shop'), undefined);
  });

  it('is the same for a process without others', async () => {
    const share = localShare();
    await share.publish('position', 'ds_0', { order: 2n, text: '0-1-2' });
    await share.publish('position', 'ds_0', { order: 1n, text: '0-1-1' });
    assert.equal(share.latest('position', 'ds_0')?.text, '0-1-2');
    const counters = localCounters();
    assert.deepEqual(
      [await counters.take('u', 2), await counters.take('u', 2), await counters.take('u', 2)],
      [true, true, false],
    );
    counters.give('u');
    assert.equal(await counters.take('u', 2), true);
  });

  it('counts over all workers, and gives back what a dead one held', () => {
    const hub = new CounterHub<string>();
    assert.ok(hub.take('a', 'app', 3) && hub.take('a', 'app', 3) && hub.take('b', 'app', 3));
    assert.equal(hub.take('b', 'app', 3), false);
    assert.equal(hub.take('b', 'other', 3), true);
    hub.give('b', 'app');
    hub.give('b', 'app');
    assert.ok(hub.take('b', 'app', 3));
    assert.equal(hub.take('b', 'app', 3), false);
    hub.remove('a');
    assert.ok(hub.take('b', 'app', 3) && hub.take('b', 'app', 3));
    assert.equal(hub.take('b', 'app', 3), false);
  });
});
