/** Positions over the workers of one sidecar: published before a writer's OK is sent, learnt from the others. */
import type { Share } from '../base/index.ts';
import type { PositionBook, PositionPublisher } from './position-book.ts';

/** User, cluster and sequence in one key; none of them holds a NUL. */
const SEPARATOR = '\0';

export function sharePositions(share: Share): PositionPublisher {
  return (user, cluster, sequence, number, text) =>
    share.publish('position', [user, cluster, sequence].join(SEPARATOR), { order: number, text });
}

export function learnPositions(share: Share, book: PositionBook): void {
  share.subscribe('position', (key, { text }) => {
    const [user, cluster] = key.split(SEPARATOR);
    if (user !== undefined && cluster !== undefined) book.learn(user, cluster, text);
  });
}
