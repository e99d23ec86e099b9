/** Picks loopback ports that nobody listens on, outside the range from which systems take client ports. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** True when 127.0.0.1:port can be bound now. */
export const portIsFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });

/**
 * A port that was free a moment ago, from SHARDMESH_TEST_PORTS (`from-to`) or 20000-31999.
 * Somebody may take it before it is bound: the caller tries another one then.
 */
export const pickPort = async (): Promise<number> => {
  const range = /^(\d+)-(\d+)$/.exec(process.env['SHARDMESH_TEST_PORTS'] ?? '');
  const from = range ? Number(range[1]) : 20000;
  const to = range ? Number(range[2]) : 31999;
  for (let attempt = 0; attempt < 500; attempt++) {
    const port = randomInt(from, to + 1);
    if (await portIsFree(port)) return port;
  }
  throw new Error(`no free port between ${from} and ${to}`);
};
