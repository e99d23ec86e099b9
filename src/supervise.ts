/** Builds the supervisor of a sidecar: one small process that owns the addresses, the life and the workers, and parses nothing. */
import { flushCompileCache } from 'node:module';
import { extname, join, resolve } from 'node:path';
import {
  type HealthReason,
  loadAdminToken,
  mergeSources,
  openAdminServer,
  openHealthServer,
  type ReloadAnswer,
  type SourceStatus,
  type StatusReport,
} from './admin/index.ts';
import { systemClock } from './base/index.ts';
import type { RunningMesh, StartOptions } from './cli/index.ts';
import { type Answer, type RouteQuestion, remoteRoutes } from './http/index.ts';
import type { ListenAddress } from './rules/index.ts';
import {
  addressText,
  type ConfigurationSummary,
  clientDoor,
  Door,
  LastGood,
  Lifecycle,
  type LoadOutcome,
  type ReloadOutcome,
  type ReloadReason,
  StartRefused,
  WorkerPool,
  type WorkerProcess,
  watchFiles,
} from './supervisor/index.ts';
import {
  CombinedMetrics,
  createLogger,
  createMeshMetrics,
  exposition,
  logDestination,
  type RootLogger,
  watchProcess,
  watchSidecar,
} from './telemetry/index.ts';

/** A worker that answers later is left out of what is asked of all. */
const ANSWER_MS = 2000;

/** Starts everything; resolves when clients may come. Rejects with StartRefused, MeshError, a fault or a listen error. */
export async function startMesh(options: StartOptions): Promise<RunningMesh> {
  const clock = systemClock;
  const startedAt = clock.now();
  const destination = logDestination();
  let logger: RootLogger = createLogger({ level: 'info', destination });
  let version = 0;
  let loadedAt = startedAt;
  let last: {
    readonly result: ReloadOutcome['result'];
    readonly reason: string;
    readonly problems: readonly string[];
  } = {
    result: 'applied',
    reason: '',
    problems: [],
  };
  const lastGood = new LastGood(options.stateDirectory, resolve(options.file));
  const metrics = createMeshMetrics();
  const combined = new CombinedMetrics<WorkerProcess>();

  // -- doors --
  const clients: Door[] = [];
  /** What workers have opened besides: by name, with those that stand there. */
  const others = new Map<string, { readonly door: Promise<Door>; readonly members: Set<WorkerProcess> }>();
  const acceptFailed = (error: Error): void => logger.error({ error }, 'listener.accept_failed');
  const clientSockets = (): number =>
    workers.all().reduce((sum, worker) => sum + clients.reduce((all, door) => all + worker.socketsOf(door.name), 0), 0);

  function openClientDoor(address: ListenAddress, index: number): Promise<Door> {
    return Door.open({
      name: `${clientDoor}${index}`,
      address,
      receivers: () => workers.serving(),
      full: (receiver) => {
        const { connections, connectionsOfWorker } = workers.summary;
        return clientSockets() >= connections || receiver.sockets >= connectionsOfWorker;
      },
      onError: acceptFailed,
    });
  }

  async function openOtherDoor(
    worker: WorkerProcess,
    address: ListenAddress,
  ): Promise<{ door: string; address: string }> {
    const name = addressText(address);
    let known = others.get(name);
    if (known === undefined) {
      const members = new Set<WorkerProcess>();
      const receivers = (): WorkerProcess[] => workers.serving().filter((each) => members.has(each));
      const door = Door.open({ name, address, receivers, full: () => false, onError: acceptFailed });
      known = { door, members };
      others.set(name, known);
      door.catch(() => others.delete(name));
    }
    const { address: bound } = await known.door;
    known.members.add(worker);
    return { door: name, address: bound };
  }

  // -- workers --
  const workers = new WorkerPool({
    program: join(import.meta.dirname, `worker${extname(import.meta.filename)}`),
    file: options.file,
    overrides: options.overrides,
    build: options.version,
    log: destination,
    clock,
    logger: () => logger,
    doors: (worker) => ({
      listen: (address) => openOtherDoor(worker, address),
      unlisten: (name) => {
        others.get(name)?.members.delete(worker);
        return undefined;
      },
      'client.closed': (door) => {
        worker.socketClosed(door);
        return undefined;
      },
    }),
    onServing: () => {
      for (const door of clients) door.admitHeld();
    },
    onEnd: (worker) => {
      combined.ended(worker);
      for (const { members } of others.values()) members.delete(worker);
    },
    onConfiguration: (files, summary) => {
      version += 1;
      loadedAt = clock.now();
      logger.addSecrets(summary.secrets);
      logger.setLevel(summary.log.level);
      try {
        lastGood.keep(files);
      } catch (error) {
        logger.warn({ error }, 'configuration.not_kept');
      }
      watchAgain(summary);
    },
  });

  // -- configuration --
  let watching = false;
  let stopWatching: () => void = () => undefined;
  function watchAgain(summary: ConfigurationSummary): void {
    stopWatching();
    stopWatching = watching ? watchFiles(summary.files, () => void reload('file')) : () => undefined;
  }

  async function reload(reason: ReloadReason): Promise<ReloadAnswer> {
    const { result, problems, restart, summary, reason: because } = await workers.reload(reason);
    last = { result, reason: because, problems };
    return {
      result,
      version,
      hash: summary.hash,
      problems: problems.length === 0 && because !== '' ? [because] : problems,
      restart,
    };
  }

  /** The files, or after a crash what was in force before, so that a bad file is no outage. */
  async function firstLoad(): Promise<Extract<LoadOutcome, { kind: 'loaded' }>> {
    const outcome = await workers.load();
    if (outcome.kind === 'loaded') return outcome;
    const kept = lastGood.read();
    const again = kept === undefined ? undefined : await workers.load(kept);
    if (again?.kind !== 'loaded') throw new StartRefused(outcome.reason, outcome.problems);
    last = {
      result: 'refused',
      reason: `${outcome.reason} (the last good configuration is in force)`,
      problems: outcome.problems.map(
        ({ file, line, column, code, message }) => `${file}:${line}:${column} ${code} ${message}`,
      ),
    };
    return again;
  }

  // -- what is seen --
  watchSidecar(metrics, options.version);
  const stopProcessWatch = watchProcess(metrics);
  metrics.ready.readFrom(() => [{ labels: {}, value: ready() ? 1 : 0 }]);
  metrics.configuration.readFrom(() =>
    version === 0 ? [] : [{ labels: { version: String(version), hash: workers.summary.hash }, value: 1 }],
  );
  metrics.workers.readFrom(() => [
    { labels: { state: 'serving' }, value: workers.serving().length },
    { labels: { state: 'starting' }, value: workers.count - workers.serving().length },
  ]);
  metrics.workerRestarts.readFrom(() =>
    (['crashed', 'stuck'] as const).map((reason) => ({ labels: { reason }, value: workers.restarts[reason] })),
  );

  async function metricsText(): Promise<string> {
    await Promise.all(
      workers.serving().map(async (worker) => {
        const values = await inTime(worker.channel.ask('metrics', undefined));
        if (values !== undefined && !worker.gone) combined.seen(worker, values);
      }),
    );
    return await combined.text(await metrics.registry.values());
  }

  const ready = (): boolean => lifecycle.ready && workers.serving().length > 0;

  async function healthReasons(): Promise<HealthReason[]> {
    const reasons: HealthReason[] = [];
    if (lifecycle.phase !== 'ready')
      reasons.push({ code: lifecycle.phase, message: `the sidecar is ${lifecycle.phase}` });
    const serving = workers.serving();
    if (lifecycle.phase === 'ready' && serving.length < workers.count)
      reasons.push({ code: 'worker', message: `${serving.length} of ${workers.count} workers serve` });
    const told = await Promise.all(serving.map((worker) => inTime(worker.channel.ask('health', undefined))));
    for (const [index, list] of told.entries())
      reasons.push(...(list ?? [{ code: 'worker', message: `worker ${serving[index]?.index} does not answer` }]));
    if (last.result === 'refused') reasons.push({ code: 'configuration', message: last.reason });
    return [...new Map(reasons.map((reason) => [`${reason.code} ${reason.message}`, reason])).values()];
  }

  async function sources(): Promise<SourceStatus[]> {
    const lists = await Promise.all(
      workers.serving().map((worker) => inTime(worker.channel.ask('peer', { name: 'sources', body: undefined }))),
    );
    return mergeSources(lists.flatMap((list) => (list === undefined ? [] : [list as SourceStatus[]])));
  }

  /** Operator's routes of what runs in the workers: any of them answers. */
  async function operatorRouteKeys(): Promise<readonly string[]> {
    const [worker] = workers.serving();
    const keys = await worker?.channel.ask('peer', { name: 'operator.routes', body: undefined });
    return (keys ?? []) as readonly string[];
  }

  async function askOperator(question: RouteQuestion): Promise<Answer | undefined> {
    const [worker] = workers.serving();
    return (await worker?.channel.ask('peer', { name: 'operator', body: question })) as Answer | undefined;
  }

  async function status(): Promise<StatusReport> {
    return {
      version: options.version,
      pid: process.pid,
      phase: lifecycle.phase,
      uptimeSeconds: Math.floor((clock.now() - startedAt) / 1000),
      listen: clients.map((door) => door.address),
      ...(http === undefined ? {} : { http: http.address }),
      ...(admin === undefined ? {} : { admin: admin.address }),
      workers: workers.count,
      processes: workers.all().map((worker) => ({
        worker: worker.index,
        pid: worker.pid ?? 0,
        state: worker.serves ? (worker.answers ? 'serving' : 'silent') : 'starting',
        sessions: clients.reduce((sum, door) => sum + worker.socketsOf(door.name), 0),
      })),
      sessions: clientSockets(),
      configuration: {
        version,
        hash: workers.summary.hash,
        loadedAt: new Date(loadedAt).toISOString(),
        databases: workers.summary.databases,
        last: last.result,
        problems: last.problems,
      },
      reasons: await healthReasons(),
    };
  }

  // -- life --
  const stopped = Promise.withResolvers<number>();
  const lifecycle = new Lifecycle({
    clock,
    handles: {
      stopAccepting: () => {
        for (const door of clients) door.close();
      },
      closeAtQuietPoint: () => {
        for (const worker of workers.all()) worker.channel.tell('quiet', undefined);
      },
      closeAll,
      sessionCount: clientSockets,
    },
    onPhase: (phase, reason) => logger.info({ phase, reason }, 'lifecycle.phase'),
  });

  async function closeAll(): Promise<void> {
    await Promise.all(workers.all().map((worker) => inTime(worker.channel.ask('close', undefined))));
  }

  async function end(): Promise<void> {
    process.off('SIGHUP', hangUp);
    stopWatching();
    await workers.end();
    for (const { door } of others.values()) await door.then((open) => open.close()).catch(() => undefined);
    await admin?.close();
    await http?.close();
    stopProcessWatch();
  }

  async function drain(
    reason: string,
    limits: { readonly minDrainMs?: number; readonly maxDrainMs?: number } = {},
  ): Promise<void> {
    workers.stopRestarts();
    await lifecycle.drain(reason, { minDrainMs: limits.minDrainMs ?? 0, maxDrainMs: limits.maxDrainMs ?? 30_000 });
    await end();
    lastGood.forget();
    stopped.resolve(0);
  }

  async function kill(reason: string): Promise<void> {
    logger.warn({ reason }, 'lifecycle.killed');
    workers.stopRestarts();
    for (const door of clients) door.close();
    await closeAll();
    await end();
    lastGood.forget();
    stopped.resolve(0);
  }

  /** Before all workers serve there is nothing to reload: they have just read the files. */
  const hangUp = (): void => {
    if (lifecycle.phase === 'ready') void reload('signal');
  };
  process.on('SIGHUP', hangUp);

  const onError = (error: unknown): void => logger.error({ error }, 'http.error');
  let http: Awaited<ReturnType<typeof openHealthServer>> | undefined;
  let admin: Awaited<ReturnType<typeof openAdminServer>> | undefined;
  try {
    const { summary } = await firstLoad();
    logger = createLogger({
      level: summary.log.level,
      format: summary.log.format,
      destination,
      secrets: summary.secrets,
    });
    if (last.result === 'refused')
      logger.error({ because: last.reason, problems: last.problems }, 'configuration.last_good');
    if (summary.http !== undefined)
      http = await openHealthServer({
        address: summary.http,
        health: { started: () => lifecycle.phase !== 'starting', ready, reasons: healthReasons, alive: () => true },
        metrics: { text: metricsText, contentType: exposition },
        onError,
      });
    await workers.begin(summary.workers);
    if (summary.admin !== undefined) {
      const { token } = loadAdminToken(options.stateDirectory);
      // Never in any log, whoever puts it there.
      logger.addSecrets([token]);
      admin = await openAdminServer({
        address: summary.admin,
        token,
        operator: {
          status,
          sources,
          reload: () => reload('admin'),
          drain: (limits) => void drain('admin', limits),
          quit: () => void drain('quitquitquit', { minDrainMs: 0 }),
        },
        routes: remoteRoutes(await operatorRouteKeys(), askOperator),
        audit: (action) => logger.info(action, 'admin.order'),
        onError,
      });
    }
    for (const [index, address] of summary.listen.entries()) clients.push(await openClientDoor(address, index));
    watching = true;
    watchAgain(workers.summary);
  } catch (error) {
    // Gives back what the start has taken so far: worker ids, listeners, pools.
    for (const door of clients) door.close();
    await end();
    throw error;
  }
  lifecycle.markReady();
  flushCompileCache();
  return {
    listen: clients.map((door) => door.address),
    ...(http === undefined ? {} : { http: http.address }),
    ...(admin === undefined ? {} : { admin: admin.address }),
    pid: process.pid,
    stopped: stopped.promise,
    drain: (reason) => drain(reason),
    kill,
  };
}

/** Undefined: it failed, or is late. */
async function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
