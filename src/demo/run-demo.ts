/** The demo from start to end: servers, sidecar, data, tour, self-check, wait, and an orderly end of everything. */
import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type DemoOptions, defaultFolder, demoHelp, parseDemoOptions } from './demo-options.ts';
import {
  type DemoServers,
  isLoaded,
  markLoaded,
  removeDemoData,
  startDemoServers,
  waitForReplicas,
  waitUntilUnused,
} from './demo-servers.ts';
import { portIsFree } from './free-port.ts';
import { loadShop } from './load-shop.ts';
import { sampleShop } from './sample-shop.ts';
import { createScreen, type Screen } from './screen.ts';
import { selfCheck } from './self-check.ts';
import { runServicesDemo } from './services-demo.ts';
import { type SidecarProcess, startSidecar } from './sidecar-process.ts';
import { takeTour } from './tour.ts';

const checkout = join(import.meta.dirname, '../..');
const config = join(checkout, 'rules/shardmesh.yaml');
const httpAddress = '127.0.0.1:16090';
const adminAddress = '127.0.0.1:16091';

/** The usual address, or a free port when somebody has it. */
const freeAddress = async (usual: string): Promise<string> => {
  const port = Number(usual.slice(usual.lastIndexOf(':') + 1));
  return (await portIsFree(port)) ? usual : '127.0.0.1:0';
};

const startDemoSidecar = async (
  options: DemoOptions,
  servers: DemoServers,
  password: string,
): Promise<SidecarProcess> => {
  const ports = servers.servers.map((server, index) => [`SHARDMESH_DEMO_PORT_${index}`, String(server.process.port)]);
  return await startSidecar({
    config,
    folder: options.folder,
    listen: `127.0.0.1:${options.port}`,
    http: await freeAddress(httpAddress),
    admin: await freeAddress(adminAddress),
    environment: {
      ...Object.fromEntries(ports),
      MESH_PASSWORD: password,
      ...(options.folder === defaultFolder ? {} : { SHARDMESH_STATE_DIR: join(options.folder, 'state') }),
    },
  });
};

const showTopology = (screen: Screen, servers: DemoServers, sidecar: SidecarProcess): void => {
  screen.heading('Topology');
  screen.line(`  application -> sidecar ${screen.strong(sidecar.listen)} -> sources:`);
  screen.table(
    ['source', 'role', 'address', 'schema', 'server'],
    servers.servers.map(({ name, role, process: server, schema }) => [
      name,
      role,
      `127.0.0.1:${server.port}`,
      schema,
      `${server.binary.kind} ${server.binary.version}`,
    ]),
  );
  screen.line(screen.dim('  All reads go to the primaries for now; the replicas follow by GTID.'));
};

const showConnections = (screen: Screen, options: DemoOptions, sidecar: SidecarProcess): void => {
  const file = relative(process.cwd(), config) || config;
  screen.heading('Connect');
  screen.line(`  ${screen.strong(`mysql -h 127.0.0.1 -P ${sidecar.port} -u app -papp shop`)}`);
  screen.line('  try: EXPLAIN FORMAT=MESH SELECT COUNT(*) FROM orders;');
  if (sidecar.http !== undefined) {
    screen.line(`  health   http://${sidecar.http}/readiness`);
    screen.line(`  metrics  http://${sidecar.http}/metrics`);
  }
  screen.line(`  rules    ${join(file, '../shop.yaml')} (edit, then: bin/shardmesh check ${file})`);
  screen.line(`  data     ${options.folder}`);
  screen.line(`  log      ${sidecar.logPath}`);
};

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; the signal aborts `controller` at once. */
const watchSignals = (controller: AbortController): { readonly received: Promise<NodeJS.Signals>; stop(): void } => {
  let resolveReceived: (signal: NodeJS.Signals) => void;
  const received = new Promise<NodeJS.Signals>((done) => {
    resolveReceived = done;
  });
  const listener = (signal: NodeJS.Signals) => {
    controller.abort(new Error('interrupted'));
    resolveReceived(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, listener);
  return {
    received,
    stop: () => {
      for (const signal of signals) process.off(signal, listener);
    },
  };
};

/** Starts everything and checks it; pushes the way to stop each part before it starts. Answers false when a check fails. */
const run = async (
  options: DemoOptions,
  screen: Screen,
  interrupted: AbortSignal,
  stops: (() => Promise<void>)[],
): Promise<{ readonly ok: boolean; readonly ended: Promise<unknown> }> => {
  const password = process.env['MESH_PASSWORD'] || 'mesh';
  if (!(await portIsFree(options.port))) {
    throw new Error(`port ${options.port} is in use: choose another with --port`);
  }
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  await waitUntilUnused(options.folder);
  const reuse = !options.reset && isLoaded(options.folder, options.orders);
  if (!reuse) removeDemoData(options.folder);
  screen.line(reuse ? 'starting the servers with the data of the last start' : 'starting four servers');
  const servers = await startDemoServers(options.folder, password, (stop) => stops.push(stop));
  interrupted.throwIfAborted();
  screen.line('starting the sidecar');
  const sidecar = await startDemoSidecar(options, servers, password);
  stops.push(() => sidecar.stop());
  interrupted.throwIfAborted();
  const shop = sampleShop(options.orders);
  if (!reuse) {
    screen.line('loading the sample shop through the sidecar');
    await loadShop(sidecar.port, shop, screen, interrupted);
    await waitForReplicas(servers);
    markLoaded(options.folder, options.orders);
  }
  showTopology(screen, servers, sidecar);
  const failedStops = await takeTour(sidecar.port, shop, screen);
  interrupted.throwIfAborted();
  const checks = await selfCheck(sidecar, servers, shop);
  const failed = checks.filter((check) => !check.ok);
  screen.heading('Self-check');
  for (const { name, ok, detail } of checks) {
    screen.line(`  ${ok ? screen.good('ok    ') : screen.bad('FAILED')} ${name}: ${detail}`);
  }
  for (const text of failedStops) screen.line(`  ${screen.bad('FAILED')} ${text}`);
  showConnections(screen, options, sidecar);
  return { ok: failed.length === 0 && failedStops.length === 0, ended: sidecar.ended };
};

/** `shardmesh demo`: takes the arguments after the word, answers the exit code (demo-options.ts lists them). */
export const runDemo = async (argv: readonly string[]): Promise<number> => {
  let options: DemoOptions | undefined;
  try {
    options = parseDemoOptions(argv);
  } catch (error) {
    process.stderr.write(`shardmesh demo: ${(error as Error).message}\nTry: shardmesh demo --help\n`);
    return 2;
  }
  if (options === undefined) {
    process.stdout.write(demoHelp);
    return 0;
  }
  options = { ...options, folder: resolve(options.folder) };
  const screen = createScreen();
  const controller = new AbortController();
  const signals = watchSignals(controller);
  const stops: (() => Promise<void>)[] = [];
  // Keeps the event loop alive: the servers and the sidecar do not.
  const alive = setInterval(() => {}, 60_000);
  let exitCode = 0;
  try {
    const demo = options.services
      ? await runServicesDemo(options.folder, screen, controller.signal, stops)
      : await run(options, screen, controller.signal, stops);
    if (!demo.ok) {
      process.stderr.write(`\n${screen.bad('The self-check failed.')}\n`);
      exitCode = 1;
    }
    if (options.wait) {
      screen.line(`\n${screen.strong('Running.')} Ctrl-C stops everything.`);
      const reason = await Promise.race([signals.received, demo.ended.then(() => 'ended' as const)]);
      if (reason === 'ended') {
        process.stderr.write(`${screen.bad('The sidecar ended by itself:')} see sidecar.log in ${options.folder}\n`);
        exitCode = 1;
      }
    }
  } catch (error) {
    if (controller.signal.aborted) exitCode = 130;
    else {
      process.stderr.write(`\n${screen.bad('The demo failed:')} ${(error as Error).message}\n`);
      exitCode = 1;
    }
  } finally {
    screen.line('stopping');
    // The sidecar first, so that its sessions end before their servers do.
    for (const stop of stops.reverse()) await stop();
    clearInterval(alive);
    signals.stop();
  }
  return exitCode;
};
