/** The four servers of the demo: two sources, each a primary with one GTID replica, in folders that outlive a start. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pickPort, portIsFree } from './free-port.ts';
import { grantSchemas, makeTransactionTables } from './server-accounts.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import { followPrimary, waitForReplica } from './server-replica.ts';

export interface DemoServer {
  readonly name: string;
  readonly schema: string;
  readonly role: 'primary' | 'replica';
  readonly process: ServerProcess;
}

/** In the order of SHARDMESH_DEMO_PORT_0 to _3. */
const plan = [
  { name: 'ds_0', schema: 'shop_0', primary: undefined },
  { name: 'ds_1', schema: 'shop_1', primary: 0 },
  { name: 'ds_0_replica', schema: 'shop_0', primary: 0 },
  { name: 'ds_1_replica', schema: 'shop_1', primary: 1 },
] as const;

const firstPort = 3310;
const isReplica = (index: number): boolean => index >= 2;

/** What a complete earlier start left behind; anything else is started anew. */
interface DemoState {
  readonly version: number;
  readonly orders: number;
}
/** Changes when tables or rows of the sample change. */
const stateVersion = 1;
const stateFile = (folder: string): string => join(folder, 'loaded.json');

/** True when the folder holds the whole sample with this many orders. */
export const isLoaded = (folder: string, orders: number): boolean => {
  try {
    const state = JSON.parse(readFileSync(stateFile(folder), 'utf8')) as DemoState;
    return state.version === stateVersion && state.orders === orders;
  } catch {
    return false;
  }
};

export const markLoaded = (folder: string, orders: number): void => {
  writeFileSync(stateFile(folder), `${JSON.stringify({ version: stateVersion, orders } satisfies DemoState)}\n`);
};

const answers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Waits for servers of a demo that was killed to end; throws when they go on, because then another demo runs here. */
export const waitUntilUnused = async (folder: string): Promise<void> => {
  for (let attempt = 0; ; attempt++) {
    const used = await Promise.all(plan.map(({ name }) => answers(join(folder, name, 's.sock'))));
    if (!used.includes(true)) return;
    if (attempt === 150) throw new Error(`another demo is running in ${folder}; stop it, or use --folder`);
    await sleep(100);
  }
};

export const removeDemoData = (folder: string): void => {
  for (const { name } of plan) rmSync(join(folder, name), { recursive: true, force: true });
  rmSync(stateFile(folder), { force: true });
};

const choosePort = async (index: number, taken: ReadonlySet<number>): Promise<number> => {
  const named = process.env[`SHARDMESH_DEMO_PORT_${index}`];
  if (named) {
    if (!(await portIsFree(Number(named)))) throw new Error(`port ${named} (SHARDMESH_DEMO_PORT_${index}) is in use`);
    return Number(named);
  }
  const usual = firstPort + index;
  if (!taken.has(usual) && (await portIsFree(usual))) return usual;
  for (;;) {
    const port = await pickPort();
    if (!taken.has(port)) return port;
  }
};

export interface DemoServers {
  readonly servers: readonly DemoServer[];
  stop(): Promise<void>;
}

/**
 * Starts all four and sets up accounts, schemas and replication. `onStarting` gets the way to stop them before the first is started,
 * so that an interruption in the middle leaves none behind.
 */
export const startDemoServers = async (
  folder: string,
  password: string,
  onStarting: (stop: () => Promise<void>) => void,
): Promise<DemoServers> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ports: number[] = [];
  for (const index of plan.keys()) ports.push(await choosePort(index, new Set(ports)));
  const starting = plan.map(({ name }, index) =>
    startServerProcess({
      folder: join(folder, name),
      port: ports[index]!,
      serverId: 101 + index,
      binaryLog: true,
      readOnly: isReplica(index),
      options: ['--expire-logs-days=1', '--max-binlog-size=64M', '--innodb-buffer-pool-size=64M'],
    }),
  );
  const stop = async () => {
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map((one) => (one.status === 'fulfilled' ? one.value.stop() : undefined)));
  };
  onStarting(stop);
  const processes = await Promise.all(starting);
  const account = { user: 'mesh', password };
  for (const [index, one] of plan.entries()) {
    if (isReplica(index)) continue;
    await grantSchemas(processes[index]!, account, [one.schema]);
    await makeTransactionTables(processes[index]!);
  }
  for (const [index, one] of plan.entries()) {
    if (!isReplica(index)) continue;
    const primary = processes[one.primary!]!;
    await followPrimary(processes[index]!, primary);
    await waitForReplica(processes[index]!, primary);
  }
  return {
    servers: plan.map((one, index) => ({
      name: one.name,
      schema: one.schema,
      role: isReplica(index) ? 'replica' : 'primary',
      process: processes[index]!,
    })),
    stop,
  };
};

/** Waits until both replicas have everything. */
export const waitForReplicas = async ({ servers }: DemoServers): Promise<void> => {
  await Promise.all(
    servers
      .filter((server) => server.role === 'replica')
      .map((replica) => {
        const primary = servers.find((one) => one.role === 'primary' && one.schema === replica.schema)!;
        return waitForReplica(replica.process, primary.process, 120_000);
      }),
  );
};
