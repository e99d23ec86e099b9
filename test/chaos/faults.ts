/** What can be done to sidecars, servers and the network between them. Every fault ends by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosGround } from './ground.ts';

export interface Fault {
  readonly name: string;
  run(ground: ChaosGround, random: () => number): Promise<void>;
}

const pick = (random: () => number, count: number): number => Math.floor(random() * count);

export const faults: readonly Fault[] = [
  {
    name: 'sidecar killed',
    async run(ground, random) {
      ground.sidecars[pick(random, 2)]!.signal('SIGKILL');
    },
  },
  {
    name: 'sidecar paused',
    async run(ground, random) {
      const sidecar = ground.sidecars[pick(random, 2)]!;
      sidecar.signal('SIGSTOP');
      // Now and then for longer than a heartbeat may be late.
      await sleep(random() < 0.25 ? 15_000 : 500 + random() * 3000);
      sidecar.signal('SIGCONT');
    },
  },
  {
    name: 'server killed',
    async run(ground, random) {
      const server = ground.servers[pick(random, ground.servers.length)]!;
      await server.kill();
      await sleep(random() * 1500);
      await server.restart();
    },
  },
  {
    name: 'server paused',
    async run(ground, random) {
      const server = ground.servers[pick(random, ground.servers.length)]!;
      server.pause();
      await sleep(300 + random() * 3000);
      server.resume();
    },
  },
  {
    name: 'connections cut',
    async run(ground, random) {
      ground.relays[pick(random, ground.relays.length)]!.cut();
    },
  },
  {
    name: 'server unreachable',
    async run(ground, random) {
      const relay = ground.relays[pick(random, ground.relays.length)]!;
      relay.refuse(true);
      await sleep(300 + random() * 3000);
      relay.refuse(false);
    },
  },
  {
    name: 'connections half-open',
    async run(ground, random) {
      const relay = ground.relays[pick(random, ground.relays.length)]!;
      relay.hang(true);
      await sleep(500 + random() * 4000);
      relay.hang(false);
    },
  },
];
