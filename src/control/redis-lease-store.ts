/** Worker ids leased through Redis: one key per id, SET NX PX, owned by a token. */
import { Redis } from 'ioredis';
import { type LeaseStore, workerIdCount } from './worker-lease.ts';

const prefix = 'shardmesh:worker:';
/** Atomic: only the owner's own lease is prolonged or freed. */
const renewScript =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end";

/**
 * `url`: redis://[user:password@]host:port/db. Ids are tried in a cyclic order from a shared counter, so that a freed id
 * is the last to be used again.
 */
export function redisLeaseStore(url: string): LeaseStore {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3000,
    commandTimeout: 3000,
    maxRetriesPerRequest: 1,
    retryStrategy: (times) => Math.min(times * 200, 5000),
    connectionName: 'shardmesh',
  });
  // Each command rejects by itself; an unheard event would end the process.
  redis.on('error', () => {});
  const value = (owner: string, epoch: string): string => `${owner} ${epoch}`;
  return {
    name: 'redis',

    async acquire(owner, ttlMs) {
      const epoch = await redis.incr(`${prefix}epoch`);
      for (let step = 0; step < workerIdCount; step++) {
        const workerId = (epoch - 1 + step) % workerIdCount;
        if ((await redis.set(`${prefix}${workerId}`, value(owner, String(epoch)), 'PX', ttlMs, 'NX')) === 'OK') {
          return { workerId, epoch: String(epoch) };
        }
      }
      return undefined;
    },

    renew: async (owner, lease, ttlMs) =>
      (await redis.eval(renewScript, 1, `${prefix}${lease.workerId}`, value(owner, lease.epoch), ttlMs)) === 1,

    async release(owner, lease, graceMs) {
      await redis.eval(renewScript, 1, `${prefix}${lease.workerId}`, value(owner, lease.epoch), graceMs);
    },

    close: async () => redis.disconnect(),
  };
}
