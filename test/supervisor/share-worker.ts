/** A process that shares: what a test asks it to publish, and what it has applied. */
import { Channel, type SupervisorQuestions, type WorkerQuestions, WorkerShare } from '../../src/supervisor/index.ts';

export type ShareWorkerQuestions = Pick<WorkerQuestions, 'share.apply'> & {
  publish: { ask: { readonly key: string; readonly order: bigint }; answer: undefined };
  latest: { ask: string; answer: bigint | undefined };
  /** Keys whose handlers have ended. */
  handled: { ask: undefined; answer: readonly string[] };
};

const handled: string[] = [];
export type ShareQuestions = Pick<SupervisorQuestions, 'share.publish'>;
const channel: Channel<ShareWorkerQuestions, ShareQuestions> = new Channel<ShareWorkerQuestions, ShareQuestions>(
  process,
  {
    'share.apply': (entries) => share.apply(entries),
    publish: async ({ key, order }) => {
      await share.publish('position', key, { order, text: String(order) });
      return undefined;
    },
    latest: (key) => share.latest('position', key)?.order,
    handled: () => handled,
  },
);
const share = new WorkerShare(
  (entries) => channel.ask('share.publish', entries),
  () => undefined,
);
share.subscribe('position', async (key) => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  handled.push(key);
});
process.on('disconnect', () => process.exit(0));
