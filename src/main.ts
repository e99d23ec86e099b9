/** Builds a sidecar and ties its rooms together, in the order in which a query passes them. The only place that does. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import {
  type HealthReason,
  loadAdminToken,
  meshRows,
  openAdminServer,
  openHealthServer,
  type ReloadAnswer,
  type SourceStatus,
  type StatusReport,
} from './admin/index.ts';
import { localCounters, localShare, MeshError, systemClock } from './base/index.ts';
import type { SchemaSnapshot } from './catalog/index.ts';
import { loadMesh, type RunningMesh, type StartOptions } from './cli/index.ts';
import {
  type Configuration,
  fileRuleSource,
  judgeLimits,
  Lifecycle,
  type LimitVerdict,
  Publisher,
  processLimits,
  type ReloadResult,
  redisLeaseStore,
  tableLeaseStore,
  tableSegments,
  WorkerLease,
} from './control/index.ts';
import { startCoordinator } from './coordinator-service.ts';
import {
  deliveryGround,
  lookupTables,
  ownSource,
  ruleSources,
  SourcePools,
  serverTargets,
  TransactionTally,
} from './execute/index.ts';
import {
  accountsOf,
  Listener,
  type ListenerShare,
  type LogicalDatabase,
  type MeshSnapshot,
  metricsObserver,
  SessionDirectory,
  StatementLog,
  tlsContexts,
} from './frontend/index.ts';
import { type KeySupply, PlanCache, parserDisagreements } from './plan/index.ts';
import {
  createKeyGenerator,
  type DataSource,
  type KeyGenerator,
  type MeshConfig,
  primaryOf,
  type RuleSet,
  replicasOf,
} from './rules/index.ts';
import { Lexer } from './sql/index.ts';
import {
  createLogger,
  createMeshMetrics,
  DigestTable,
  detectTracing,
  exposition,
  type Logger,
  relayEvents,
  watchOutboxes,
  watchPools,
  watchProcess,
  watchSessions,
} from './telemetry/index.ts';
import {
  bestEffortDefaults,
  bestEffortProtocol,
  type DeliveryGround,
  DeliveryRelay,
  localProtocol,
  relayDefaults,
  XaNode,
  xaProtocol,
} from './transaction/index.ts';
import { FastAuthCache, newRsaKey } from './wire/index.ts';

const PLAN_CACHE_BYTES = 64 * 1024 * 1024;
/** Rows of the statement statistics. */
const DIGESTS_MAX = 1000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** One process, one worker: the supervisor of several is to pass these. */
const WORKER_INDEX = 0;
const WORKERS = 1;

/** Starts everything; resolves when the listeners are open. Rejects with ConfigurationRefused, MeshError or a listen error. */
export async function startMesh(options: StartOptions): Promise<RunningMesh> {
  const clock = systemClock;
  const startedAt = clock.now();
  const metrics = createMeshMetrics();
  const pools = new SourcePools();
  /** The mesh's own connections: what it delivers must not wait for what sessions hold. */
  const ownPools = new SourcePools();
  const plans = new PlanCache(PLAN_CACHE_BYTES);
  /** What the workers of this sidecar know together; there is one so far. */
  const shared = localShare();
  const load = () => loadMesh(options.file, options.overrides, options.env);

  // -- configuration: what is in force --
  const first = load();
  const root = createLogger({
    level: first.value?.log.level ?? 'info',
    format: first.value?.log.format ?? 'json',
  });
  const logger: Logger = root;
  if (detectTracing()) logger.info({}, 'tracing.on');
  if (first.value !== undefined) root.addSecrets(secretsOf(first.value));
  const publisher = new Publisher({
    source: fileRuleSource(resolve(options.file), load, clock),
    logger,
    clock,
    onReload: (result) => metrics.reloads.add(metrics.reloads.series({ result: result.kind })),
  });
  await publisher.start();

  // -- the logical databases, rebuilt only where rules changed --
  const databases = new Map<RuleSet, LogicalDatabase>();
  const leases = new Map<string, WorkerLease>();
  /** First steps that the listener waits for. */
  const starting: Promise<void>[] = [];
  let snapshot = buildSnapshot(publisher.current, undefined);
  publisher.subscribe((next, previous) => {
    if (next.config === previous?.config) return;
    root.addSecrets(secretsOf(next.config));
    root.setLevel(next.config.log.level);
    statements.settings = { slowMs: next.config.log.slow, audit: next.config.log.audit };
    snapshot = buildSnapshot(next, snapshot);
    const sources = [...next.ruleSets.values()].flatMap((rules) => [...rules.dataSources.values()]);
    pools.keepOnly(sources);
    ownPools.keepOnly(sources.map(ownSource));
  });

  function buildSnapshot(configuration: Configuration, before: MeshSnapshot | undefined): MeshSnapshot {
    const { config } = configuration;
    const current = new Map<string, LogicalDatabase>();
    for (const [name, rules] of configuration.ruleSets) {
      const known = databases.get(rules) ?? logicalDatabase(name, rules);
      databases.set(rules, known);
      current.set(name, known);
    }
    for (const rules of databases.keys())
      if (!current.has(rules.databaseName) || current.get(rules.databaseName)?.rules !== rules) databases.delete(rules);
    return {
      version: (before?.version ?? 0) + 1,
      accounts: accountsOf(config.users, config.tls?.require ?? false),
      databases: current,
      proxies: config.proxyProtocol,
      serverVersion: config.serverVersion ?? serverVersionOf(configuration),
      limits: {
        ...config.limits,
        connections: limitsOf(config).connections,
        handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      },
      transactionType: config.transaction.defaultType,
    };
  }

  /** What the process may use, against what the configuration may ask of it; told at the start and after each reload. */
  function limitsOf(config: MeshConfig): LimitVerdict {
    const verdict = judgeLimits(config, processLimits());
    if (verdict.descriptors !== undefined) logger.warn({ ...verdict.descriptors }, 'limits.descriptors');
    if (verdict.memory !== undefined) logger.warn({ ...verdict.memory }, 'limits.memory');
    return verdict;
  }

  function logicalDatabase(name: string, rules: RuleSet): LogicalDatabase {
    /** Of these rules: a transaction that began before a reload goes on with the last one that was read for them. */
    let last: SchemaSnapshot | undefined = publisher.current.schemas.get(name);
    return {
      name,
      rules,
      schema: () => {
        const { ruleSets, schemas } = publisher.current;
        if (ruleSets.get(name) === rules) last = schemas.get(name);
        if (last === undefined) throw new Error(`database ${name} has no schema`);
        return last;
      },
      directory: ruleSources(rules, pools),
      keys: keySupply(rules),
      schemaChanged: async (reason) => {
        await publisher.refreshSchema(name, reason === 'DDL' ? 'ddl' : 'unknown name');
        if (reason === 'DDL' || reason === 'not understood') await shared.publish('schema', name, reason);
      },
    };
  }

  /** Generators come to life when they are first asked; a leased worker id is asked for once per default source. */
  function keySupply(rules: RuleSet): KeySupply {
    const generators = new Map<string, KeyGenerator>();
    for (const [name, spec] of rules.keyGenerators) {
      const lease = spec.kind === 'snowflake' && spec.workerId === undefined ? workerLease(rules) : undefined;
      generators.set(
        name,
        createKeyGenerator(spec, {
          clock,
          workerIndex: WORKER_INDEX,
          workers: WORKERS,
          random: (size) => randomBytes(size),
          segments: tableSegments(() => rules),
          ...(lease === undefined ? {} : { workerIds: lease }),
        }),
      );
    }
    const lookups = lookupTables(rules, pools);
    return {
      lookUp: (request) => lookups.lookUp(request),
      take(generator, count) {
        const live = generators.get(generator);
        if (live === undefined) throw new Error(`there is no key generator '${generator}'`);
        return live.take(count) as bigint[] | string[] | Promise<bigint[] | string[]>;
      },
    };
  }

  function workerLease(rules: RuleSet): WorkerLease {
    const source = primaryOf(rules, rules.defaultSource) as DataSource;
    const { redis } = publisher.current.config.control;
    const key = redis ?? `${source.host}:${source.port}/${source.database}`;
    const known = leases.get(key);
    if (known !== undefined) return known;
    const lease = new WorkerLease({
      store: redis === undefined ? tableLeaseStore(source) : redisLeaseStore(redis.replace(/^unix:/, '')),
      owner: `${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`,
      clock,
      logger,
    });
    leases.set(key, lease);
    starting.push(lease.start());
    return lease;
  }

  // -- transactions over several servers --
  const xa = new XaNode({
    clock,
    servers: () => serverTargets(publisher.current.ruleSets.values()),
    unsafeReplication: () => publisher.current.config.transaction.unsafeReplication,
    keepMs: () => publisher.current.config.transaction.keepDecisionsMs,
    report: (event, fields) => logger.warn(fields, event),
  });
  xa.start();

  // -- what best-effort transactions leave behind --
  const grounds = new WeakMap<RuleSet, DeliveryGround>();
  function groundsOf(): DeliveryGround[] {
    return [...publisher.current.ruleSets.values()].map((rules) => {
      const ground = grounds.get(rules) ?? deliveryGround(rules, ownPools);
      grounds.set(rules, ground);
      return ground;
    });
  }
  function groundOf(database: string): DeliveryGround {
    const ground = groundsOf().find((each) => each.logicalDatabase === database);
    if (ground === undefined) throw new MeshError('ER_BAD_DB_ERROR', { database });
    return ground;
  }
  const relay = new DeliveryRelay({
    ...relayDefaults,
    clock,
    random: Math.random,
    grounds: groundsOf,
    events: relayEvents(metrics, logger),
  });

  // -- the front end --
  const sessions = new SessionDirectory(WORKER_INDEX);
  const config = publisher.current.config;
  const digests = new DigestTable(DIGESTS_MAX);
  const statements = new StatementLog(logger, { slowMs: config.log.slow, audit: config.log.audit });
  const transactions = new TransactionTally();
  const authCache = new FastAuthCache();
  // Not waited for: a worker that has not heard of it asks for the password once more.
  authCache.onLearn = (key, digest) => void shared.publish('digest', key, digest).catch(() => undefined);
  shared.subscribe('digest', (key, digest) => authCache.accept(key, Buffer.from(digest)));
  shared.subscribe('schema', async (database) => {
    await publisher.refreshSchema(database, 'ddl');
  });
  const share: ListenerShare = {
    mesh: {
      current: () => snapshot,
      reload: async () => reloadProblems(await publisher.reload('statement')),
      show: (words) =>
        meshRows(words, {
          sources: sourceStatuses,
          ruleSets: () => publisher.current.ruleSets.values(),
          sessions: () => sessions.statuses(),
          digests: () => digests.list(),
        }),
    },
    lexer: new Lexer(),
    plans,
    sessions,
    observer: metricsObserver({ metrics, digests, statements, logger }),
    transactions,
    protocols: {
      LOCAL: localProtocol,
      XA: xaProtocol(xa),
      BEST_EFFORT: bestEffortProtocol({
        ...bestEffortDefaults,
        ground: groundOf,
        handOver: (database, source) => relay.handOver(database, source),
        now: () => clock.now(),
      }),
    },
    authCache,
    counters: localCounters(),
    rsaKey: newRsaKey(),
    tls: config.tls === undefined ? undefined : tlsContexts(config.tls, clock, logger),
  };
  const listeners: Listener[] = [];

  // -- life --
  const stopped = Promise.withResolvers<number>();
  const lifecycle = new Lifecycle({
    clock,
    handles: {
      stopAccepting: () => {
        for (const listener of listeners) listener.stopAccepting();
      },
      closeAtQuietPoint: () => {
        for (const listener of listeners) listener.closeWhenQuiet();
      },
      closeAll: () => {
        for (const listener of listeners) listener.closeAll();
      },
      sessionCount: () => sessions.size,
    },
    onPhase: (phase, reason) => logger.info({ phase, reason }, 'lifecycle.phase'),
  });
  const closers: (() => Promise<void> | void)[] = [];
  async function end(): Promise<void> {
    publisher.stop();
    await xa.stop();
    await Promise.all([...leases.values()].map((lease) => lease.stop()));
    for (const close of closers.reverse()) await close();
    await relay.stop();
    pools.close();
    ownPools.close();
    stopped.resolve(0);
  }

  // -- what is seen --
  const sourceFigures = () =>
    [...publisher.current.ruleSets.values()].flatMap((rules) =>
      rules.shardSources.flatMap((name) => {
        const primary = primaryOf(rules, name);
        return primary === undefined
          ? []
          : [
              {
                database: rules.databaseName,
                source: primary.name,
                role: 'primary' as const,
                pools: pools.stats(primary),
              },
            ];
      }),
    );
  watchPools(metrics, sourceFigures);
  closers.push(watchProcess(metrics, options.version));
  metrics.connections.readFrom(() => [{ labels: {}, value: sessions.size }]);
  metrics.ready.readFrom(() => [{ labels: {}, value: lifecycle.ready ? 1 : 0 }]);
  metrics.planCacheEntries.readFrom(() => [{ labels: {}, value: plans.size }]);
  metrics.planCacheLookups.readFrom(() => [
    { labels: { result: 'hit' }, value: plans.hits },
    { labels: { result: 'miss' }, value: plans.misses },
  ]);
  metrics.parserDisagreements.readFrom(() => [{ labels: {}, value: parserDisagreements() }]);
  metrics.resultMemory.readFrom(() => [{ labels: {}, value: sessions.resultMemory() }]);
  metrics.clientBytes.readFrom(() => {
    const bytes = sessions.clientBytes();
    return (['in', 'out'] as const).map((direction) => ({ labels: { direction }, value: bytes[direction] }));
  });
  watchSessions(metrics, () => sessions.statuses(), transactions);
  watchOutboxes(metrics, () => relay.counts);
  metrics.planCacheBytes.readFrom(() => [{ labels: {}, value: plans.weight }]);
  metrics.configuration.readFrom(() => [
    { labels: { version: String(publisher.current.version), hash: publisher.current.config.version }, value: 1 },
  ]);
  metrics.schemaVersion.readFrom(() =>
    [...publisher.current.schemas].map(([database, schema]) => ({ labels: { database }, value: schema.version })),
  );
  metrics.schemaMissing.readFrom(() =>
    [...publisher.current.schemas].map(([database, schema]) => ({ labels: { database }, value: schema.missing.size })),
  );

  function sourceStatuses(): SourceStatus[] {
    return [...publisher.current.ruleSets].flatMap(([database, rules]) =>
      rules.shardSources.flatMap((group) => {
        const missing = publisher.current.schemas.get(database)?.missing.get(group);
        const members = [primaryOf(rules, group), ...replicasOf(rules, group)].filter((source) => source !== undefined);
        return members.map((source, index): SourceStatus => {
          const stats = pools.stats(source);
          const down = stats.some((pool) => pool.down);
          return {
            database,
            source: source.name,
            group,
            role: index === 0 ? 'primary' : 'replica',
            address: `${source.socketPath ?? `${source.host}:${source.port}`}/${source.database}`,
            up: !down && (index > 0 || missing === undefined),
            ...(index === 0 && missing !== undefined ? { reason: missing } : {}),
            idle: stats.reduce((sum, pool) => sum + pool.idle, 0),
            leased: stats.reduce((sum, pool) => sum + pool.leased, 0),
            waiting: stats.reduce((sum, pool) => sum + pool.waiting, 0),
          };
        });
      }),
    );
  }

  function healthReasons(): HealthReason[] {
    const reasons: HealthReason[] = [];
    if (lifecycle.phase !== 'ready')
      reasons.push({ code: lifecycle.phase, message: `the sidecar is ${lifecycle.phase}` });
    for (const [database, schema] of publisher.current.schemas) {
      for (const [source, reason] of schema.missing)
        reasons.push({ code: 'source', message: `${database}.${source}: ${reason}` });
    }
    if (publisher.lastResult?.kind === 'refused')
      reasons.push({ code: 'configuration', message: publisher.lastResult.reason });
    return reasons;
  }

  function statusReport(): StatusReport {
    const { config: now, version, loadedAt } = publisher.current;
    return {
      version: options.version,
      pid: process.pid,
      phase: lifecycle.phase,
      uptimeSeconds: Math.floor((clock.now() - startedAt) / 1000),
      listen: listeners.map((listener) => listener.address),
      ...(http === undefined ? {} : { http: http.address }),
      ...(admin === undefined ? {} : { admin: admin.address }),
      workers: WORKERS,
      sessions: sessions.size,
      configuration: {
        version,
        hash: now.version,
        loadedAt: new Date(loadedAt).toISOString(),
        databases: [...publisher.current.ruleSets.keys()],
        last: publisher.lastResult?.kind ?? 'applied',
        problems: publisher.problems.map(
          (problem) => `${problem.file}:${problem.line}:${problem.column} ${problem.code} ${problem.message}`,
        ),
      },
      reasons: healthReasons(),
    };
  }

  /** Gives back what the start has taken so far: worker ids, listeners, pools. */
  async function startFailed(error: unknown): Promise<never> {
    await Promise.allSettled(starting);
    await end();
    throw error;
  }

  const onError = (error: unknown): void => logger.error({ error }, 'http.error');
  const http =
    config.http === undefined
      ? undefined
      : await openHealthServer({
          address: config.http,
          health: {
            started: () => lifecycle.phase !== 'starting',
            ready: () => lifecycle.ready,
            reasons: healthReasons,
            alive: () => true,
          },
          metrics: { text: () => metrics.registry.text(), contentType: exposition },
          onError,
        }).catch(startFailed);
  if (http !== undefined) closers.push(() => http.close());
  const given = config.transaction.coordinator;
  const service =
    given === undefined
      ? undefined
      : await startCoordinator({
          config,
          given,
          version: options.version,
          metrics,
          logger,
          barrier: async () => 'none',
          ownPorts: () => ownPorts(config),
        }).catch(startFailed);
  if (service !== undefined) closers.push(() => service.close());
  const admin =
    config.admin === undefined
      ? undefined
      : await openAdminServer({
          address: config.admin,
          token: adminToken(),
          operator: {
            status: statusReport,
            sources: sourceStatuses,
            reload: async () => reloadAnswer(await publisher.reload('admin'), publisher.current),
            drain: (limits) => void drain('admin', limits),
            quit: () => void drain('quitquitquit', { minDrainMs: 0 }),
          },
          ...(service === undefined ? {} : { routes: service.operatorRoutes }),
          audit: (action) => logger.info(action, 'admin.order'),
          onError,
        }).catch(startFailed);
  if (admin !== undefined) closers.push(() => admin.close());

  /** Never in any log, whoever puts it there. */
  function adminToken(): string {
    const { token } = loadAdminToken(options.stateDirectory);
    root.addSecrets([token]);
    return token;
  }

  async function drain(
    reason: string,
    limits: { readonly minDrainMs?: number; readonly maxDrainMs?: number } = {},
  ): Promise<void> {
    await lifecycle.drain(reason, { minDrainMs: limits.minDrainMs ?? 0, maxDrainMs: limits.maxDrainMs ?? 30_000 });
    await end();
  }

  // -- open last --
  await Promise.all(starting);
  try {
    for (const address of config.listen) listeners.push(await Listener.open(share, address));
  } catch (error) {
    for (const listener of listeners) listener.stopAccepting();
    await startFailed(error);
  }
  publisher.watch();
  relay.start();
  lifecycle.markReady();
  return {
    listen: listeners.map((listener) => listener.address),
    ...(http === undefined ? {} : { http: http.address }),
    ...(admin === undefined ? {} : { admin: admin.address }),
    pid: process.pid,
    stopped: stopped.promise,
    drain: (reason) => drain(reason),
    kill: async (reason) => {
      logger.warn({ reason }, 'lifecycle.killed');
      for (const listener of listeners) {
        listener.stopAccepting();
        listener.closeAll();
      }
      await end();
    },
  };
}

/** Where no branch of a transaction across services may be. */
function ownPorts({ listen, http, admin, transaction }: MeshConfig): number[] {
  return [...listen, http, admin, transaction.coordinator?.listen].flatMap((address) =>
    address?.kind === 'tcp' ? [address.port] : [],
  );
}

function reloadProblems(result: ReloadResult): string[] {
  return result.kind === 'refused' ? [result.reason] : [];
}

function reloadAnswer(result: ReloadResult, current: Configuration): ReloadAnswer {
  return {
    result: result.kind,
    version: current.version,
    hash: current.config.version,
    problems: result.problems.map(
      ({ file, line, column, code, message }) => `${file}:${line}:${column} ${code} ${message}`,
    ),
    restart: result.kind === 'applied' ? result.restart : [],
  };
}

/** What the backends of the first database say; the build's own default while none has answered. */
function serverVersionOf(configuration: Configuration): string {
  for (const schema of configuration.schemas.values()) {
    const { serverVersion, mariadb } = schema;
    const text = `${Math.floor(serverVersion / 10_000)}.${Math.floor(serverVersion / 100) % 100}.${serverVersion % 100}`;
    return mariadb ? `${text}-MariaDB` : text;
  }
  return '10.11.0-MariaDB';
}

/** Every secret of a configuration. */
function secretsOf(config: MeshConfig): string[] {
  const sources = [...config.databases.values()].flatMap((rules) => [...rules.dataSources.values()]);
  const users = config.users.flatMap(({ secret }) =>
    secret.kind === 'plain' ? [secret.password] : secret.kind === 'native' ? [secret.hash] : [],
  );
  const redis = config.control.redis === undefined ? [] : [config.control.redis];
  const { token, store } = config.transaction.coordinator ?? {};
  const service = [token ?? '', store?.password ?? ''];
  return [...sources.map((source) => source.password), ...users, ...redis, ...service].filter(
    (secret) => secret !== '',
  );
}
