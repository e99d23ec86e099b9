/** Builds a worker and ties its rooms together, in the order in which a query passes them. The only place that does. */
import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import {
  type DigestStatus,
  mergeDigests,
  mergeSources,
  meshRows,
  type SessionStatus,
  type SourceStatus,
} from './admin/index.ts';
import { MeshError, systemClock } from './base/index.ts';
import type { SchemaSnapshot } from './catalog/index.ts';
import { loadRecorded } from './cli/index.ts';
import {
  barrierVerdict,
  type Configuration,
  judgeLimits,
  type LimitVerdict,
  Publisher,
  type ReloadResult,
  redisLeaseStore,
  tableLeaseStore,
  tableSegments,
  WorkerLease,
} from './control/index.ts';
import { type CoordinatorService, startCoordinator } from './coordinator-service.ts';
import {
  deliveryGround,
  lookupTables,
  ownSource,
  ReplicaSets,
  ruleSources,
  SourcePools,
  serverTargets,
  TransactionTally,
} from './execute/index.ts';
import {
  accountsOf,
  type KillOrder,
  type KillOutcome,
  killSession,
  Listener,
  type ListenerShare,
  type LogicalDatabase,
  type MeshSnapshot,
  metricsObserver,
  type ProcessStatus,
  SessionDirectory,
  StatementLog,
  tlsContexts,
  workerOf,
} from './frontend/index.ts';
import { answerRoute, type RouteHandler, type RouteQuestion } from './http/index.ts';
import { type KeySupply, PlanCache, parserDisagreements } from './plan/index.ts';
import {
  createKeyGenerator,
  type DataSource,
  type KeyGenerator,
  type MeshConfig,
  primaryOf,
  type RuleProblem,
  type RuleSet,
  replicasOf,
} from './rules/index.ts';
import { learnPositions, PositionBook, PositionTokens, sharePositions } from './session/index.ts';
import { Lexer } from './sql/index.ts';
import type {
  BeginOrder,
  ConfigurationFiles,
  ConfigurationSummary,
  HealthReason,
  LoadOrder,
  LoadOutcome,
  ReloadOrder,
  ReloadOutcome,
  WorkerPort,
} from './supervisor/index.ts';
import {
  createLogger,
  createMeshMetrics,
  DigestTable,
  detectTracing,
  type Logger,
  type MetricValues,
  processLimits,
  relayEvents,
  watchOutboxes,
  watchPools,
  watchProcess,
  watchReplicas,
  watchSessions,
  watchXa,
  xaReports,
} from './telemetry/index.ts';
import {
  bestEffortDefaults,
  bestEffortProtocol,
  DeliveryDesk,
  type DeliveryGround,
  DeliveryRelay,
  localProtocol,
  relayDefaults,
  TransactionDesk,
  XaDesk,
  XaNode,
  xaProtocol,
} from './transaction/index.ts';
import { FastAuthCache, newRsaKey } from './wire/index.ts';

const PLAN_CACHE_BYTES = 64 * 1024 * 1024;
/** Rows of the statement statistics. */
const DIGESTS_MAX = 1000;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** What the supervisor asks of a worker that runs. */
export interface RunningWorker {
  reload(order: ReloadOrder): Promise<ReloadOutcome>;
  metrics(): Promise<MetricValues>;
  health(): readonly HealthReason[];
  /** What another worker, or the supervisor, asks: a name of `answers`. */
  answer(name: string, body: unknown): unknown;
  /** Drain: each session ends at its quiet point. */
  closeWhenQuiet(): undefined;
  closeAll(): undefined;
  /** Gives back what it holds. */
  end(): Promise<void>;
  /** A handler of what workers share threw. */
  shareFailed(topic: string, error: unknown): void;
}

/** Reads and checks a configuration, before anything is built. */
export function loadConfiguration({ file, overrides, files }: LoadOrder): LoadOutcome {
  const { loaded, files: read } = loadRecorded(file, overrides, process.env, files);
  const { value, problems } = loaded;
  return value === undefined
    ? { kind: 'refused', reason: firstProblem(problems), problems }
    : { kind: 'loaded', files: read, summary: summaryOf(value) };
}

/** Starts everything; resolves when clients may come. Rejects with MeshError or a fault. */
export async function startWorker(order: LoadOrder, begin: BeginOrder, port: WorkerPort): Promise<RunningWorker> {
  const clock = systemClock;
  const metrics = createMeshMetrics();
  const pools = new SourcePools();
  /** The mesh's own connections: what it delivers must not wait for what sessions hold. */
  const ownPools = new SourcePools();
  const plans = new PlanCache(PLAN_CACHE_BYTES);
  /** What the workers of this sidecar know together. */
  const shared = port.share;
  /** What the users' sessions have written and seen, so that replicas are not read too early. */
  const positions = new PositionBook(sharePositions(shared));
  learnPositions(shared, positions);
  /** What the next load reads instead of the disk, what the last one has read, and whether this worker tells how it went. */
  const reading: { given: ConfigurationFiles | undefined; read: ConfigurationFiles | undefined; lead: boolean } = {
    given: order.files,
    read: undefined,
    lead: begin.lead,
  };
  const load = () => {
    const { loaded, files } = loadRecorded(order.file, order.overrides, process.env, reading.given);
    reading.read = files;
    return loaded;
  };

  // -- configuration: what is in force --
  const first = load();
  const root = createLogger({
    level: first.value?.log.level ?? 'info',
    format: first.value?.log.format ?? 'json',
    fields: { worker: begin.index },
  });
  const logger: Logger = root;
  if (detectTracing()) logger.info({}, 'tracing.on');
  if (first.value !== undefined) root.addSecrets(secretsOf(first.value));
  const replicaSets = new ReplicaSets(
    pools,
    () => publisher.current.config.replicas,
    (database, group, event) => replicaWatch.told(database, group, event),
  );
  const tokens = new PositionTokens(
    () => positionKey(publisher.current.config),
    () => [...replicaSets.list()].map(({ set }) => set.cluster),
  );
  const replicaWatch = watchReplicas(metrics, logger, replicaSets);
  const publisher: Publisher = new Publisher({
    source: { name: order.file, load },
    logger,
    clock,
    tells: () => reading.lead,
    // All swap, or none.
    prepare: async (_, current) => {
      if (current !== undefined) await port.prepared(reading.lead ? reading.read : undefined);
    },
    onReload: (result) => {
      if (reading.lead) metrics.reloads.add(metrics.reloads.series({ result: result.kind }));
    },
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
    replicaSets.keepOnly(next.ruleSets.values());
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
      consistency: config.replicas.consistency,
    };
  }

  /** What the process may use, against what the configuration may ask of it; told at the start and after each reload. */
  function limitsOf(config: MeshConfig): LimitVerdict {
    const verdict = judgeLimits(config, processLimits());
    if (!reading.lead) return verdict;
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
      directory: ruleSources(rules, pools, replicaSets),
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
          workerIndex: begin.index,
          workers: begin.workers,
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

  /** Of transactions across services; starts last. */
  let service: CoordinatorService | undefined;

  // -- transactions over several servers --
  const sessions = new SessionDirectory(begin.index, begin.firstConnection);
  function rulesInUse(): Set<RuleSet> {
    const rules = new Set(publisher.current.ruleSets.values());
    for (const { databases: used } of sessions.snapshotsInUse())
      for (const each of used.values()) rules.add(each.rules);
    return rules;
  }
  const xa = new XaNode({
    clock,
    // A transaction that began before a reload may come to a server that has been taken out since.
    servers: () => serverTargets(rulesInUse()),
    unsafeReplication: () => publisher.current.config.transaction.unsafeReplication,
    keepMs: () => publisher.current.config.transaction.keepDecisionsMs,
    report: xaReports(logger),
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

  const desk = new TransactionDesk(
    new XaDesk(xa),
    new DeliveryDesk(groundsOf, (database, source) => relay.handOver(database, source)),
    async () => (await service?.openTransactions()) ?? [],
  );

  // -- the front end --
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
      resolve: (order) => desk.resolve(order),
      reload: async () => {
        const { result, reason } = await port.reload('statement');
        return result === 'refused' ? [reason] : [];
      },
      show: (words) =>
        meshRows(words, {
          transactions: () => desk.list(),
          sources: async () => mergeSources(await ofAll<readonly SourceStatus[]>('sources')),
          ruleSets: () => publisher.current.ruleSets.values(),
          sessions: async () => (await ofAll<readonly SessionStatus[]>('sessions')).flat(),
          digests: async () => mergeDigests(await ofAll<readonly DigestStatus[]>('digests')),
        }),
      processes: async () => (await ofAll<readonly ProcessStatus[]>('processes')).flat(),
      kill: async (kill) => {
        const index = workerOf(kill.id);
        if (index === begin.index) return 'unknown';
        return ((await port.one(index, 'kill', kill))?.answer as KillOutcome | undefined) ?? 'unknown';
      },
    },
    lexer: new Lexer(),
    plans,
    sessions,
    observer: metricsObserver({ metrics, digests, statements, logger }),
    transactions,
    positions,
    tokens,
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
    counters: port.counters,
    rsaKey: newRsaKey(),
    tls: config.tls === undefined ? undefined : tlsContexts(config.tls, clock, logger),
  };
  const listener = new Listener(share);

  /** What other workers and the supervisor may ask. */
  const answers: Readonly<Record<string, (body: unknown) => unknown>> = {
    sources: sourceStatuses,
    sessions: () => sessions.statuses(),
    digests: () => digests.list().map((digest) => ({ ...digest })),
    processes: () => sessions.processes(),
    kill: (body) => killSession(sessions, body as KillOrder),
    // Of the admin listener, which the supervisor has: any worker answers them.
    'operator.routes': () => [...operatorRoutes.keys()],
    operator: (body) => answerRoute(operatorRoutes, body as RouteQuestion),
  };

  /** The same of every worker, this one first. */
  async function ofAll<T>(name: string): Promise<readonly T[]> {
    const others = (await port.others(name, undefined)) as readonly T[];
    return [answers[name]?.(undefined) as T, ...others];
  }

  /** Filled when what they belong to has started. */
  const operatorRoutes = new Map<string, RouteHandler>();

  // -- life --
  const closers: (() => Promise<void> | void)[] = [];
  async function end(): Promise<void> {
    publisher.stop();
    await xa.stop();
    await Promise.all([...leases.values()].map((lease) => lease.stop()));
    for (const close of closers.reverse()) await close();
    await relay.stop();
    replicaSets.close();
    pools.close();
    ownPools.close();
    root.flush();
  }

  // -- what is seen --
  const sourceFigures = () =>
    [...publisher.current.ruleSets.values()].flatMap((rules) =>
      rules.shardSources.flatMap((name) => {
        const primary = primaryOf(rules, name);
        const now = replicaSets.of(rules, name)?.primary.name ?? primary?.name;
        return [primary, ...replicasOf(rules, name)].flatMap((source) =>
          source === undefined
            ? []
            : [
                {
                  database: rules.databaseName,
                  source: source.name,
                  role: source.name === now ? ('primary' as const) : ('replica' as const),
                  pools: pools.stats(source),
                },
              ],
        );
      }),
    );
  watchPools(metrics, sourceFigures);
  closers.push(watchProcess(metrics));
  metrics.connections.readFrom(() => [{ labels: {}, value: sessions.size }]);
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
  watchXa(metrics, xa);
  watchSessions(metrics, () => sessions.statuses(), transactions.byType);
  watchOutboxes(metrics, () => relay.counts);
  metrics.planCacheBytes.readFrom(() => [{ labels: {}, value: plans.weight }]);
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
        const set = replicaSets.of(rules, group);
        return members.map((source, index): SourceStatus => {
          const stats = pools.stats(source);
          const member = set?.members[index];
          const primary = set === undefined ? index === 0 : member === set.primary;
          const why = (member === undefined ? undefined : set?.whyNot(member)) || (primary ? missing : undefined);
          return {
            database,
            source: source.name,
            group,
            role: primary ? 'primary' : 'replica',
            address: `${source.socketPath ?? `${source.host}:${source.port}`}/${source.database}`,
            up: (member?.health.up ?? !stats.some((pool) => pool.down)) && (!primary || missing === undefined),
            ...(why === undefined ? {} : { reason: why }),
            ...(member === undefined
              ? {}
              : {
                  member: {
                    state: member.quarantined ? 'quarantined' : member.health.state,
                    lagSeconds: member.facts?.lagSeconds,
                    latencyMs: member.latencyMs,
                    reads: member.reads,
                    epoch: member.facts?.epoch ?? 0,
                    zone: member.zone,
                  },
                }),
            idle: stats.reduce((sum, pool) => sum + pool.idle, 0),
            leased: stats.reduce((sum, pool) => sum + pool.leased, 0),
            waiting: stats.reduce((sum, pool) => sum + pool.waiting, 0),
          };
        });
      }),
    );
  }

  function healthReasons(): HealthReason[] {
    return [...publisher.current.schemas].flatMap(([database, schema]) =>
      [...schema.missing].map(([source, reason]) => ({ code: 'source', message: `${database}.${source}: ${reason}` })),
    );
  }

  async function reload({ reason, files, lead }: ReloadOrder): Promise<ReloadOutcome> {
    reading.given = files;
    reading.lead = lead;
    return reloadOutcome(await publisher.reload(reason), publisher.current.config);
  }

  const given = config.transaction.coordinator;
  service =
    given === undefined
      ? undefined
      : await startCoordinator({
          config,
          given,
          version: begin.build,
          metrics,
          logger,
          barrier: (gid, branch, operation) =>
            barrierVerdict(publisher.current.ruleSets.values(), gid, branch, operation),
          ownPorts: () => ownPorts(config),
          listen: (address, accept) => port.listen(address, accept),
        });
  if (service !== undefined) {
    const opened = service;
    closers.push(() => opened.close());
    for (const [key, handler] of opened.operatorRoutes) operatorRoutes.set(key, handler);
  }

  // -- clients last --
  await Promise.all(starting);
  relay.start();
  port.acceptClients((socket, full) => listener.accept(socket, full));
  return {
    reload,
    metrics: () => metrics.registry.values(),
    health: healthReasons,
    answer(name, body) {
      const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
      if (answer === undefined) throw new Error(`'${name}' is not answered here`);
      return answer(body);
    },
    closeWhenQuiet: () => listener.closeWhenQuiet() as undefined,
    closeAll: () => listener.closeAll() as undefined,
    end,
    shareFailed: (topic, error) => logger.error({ topic, error }, 'share.failed'),
  };
}

/** Where no branch of a transaction across services may be. */
function ownPorts({ listen, http, admin, transaction }: MeshConfig): number[] {
  return [...listen, http, admin, transaction.coordinator?.listen].flatMap((address) =>
    address?.kind === 'tcp' ? [address.port] : [],
  );
}

function reloadOutcome(result: ReloadResult, current: MeshConfig): ReloadOutcome {
  return {
    result: result.kind,
    reason: result.kind === 'refused' ? result.reason : '',
    problems: result.problems.map(
      ({ file, line, column, code, message }) => `${file}:${line}:${column} ${code} ${message}`,
    ),
    restart: result.kind === 'applied' ? result.restart : [],
    summary: summaryOf(current),
  };
}

function firstProblem(problems: readonly RuleProblem[]): string {
  const first = problems.find((problem) => problem.severity === 'error');
  return first === undefined
    ? 'the configuration cannot be loaded'
    : `${first.file}:${first.line}:${first.column} ${first.code} ${first.message}`;
}

/** What the supervisor needs to know. */
function summaryOf(config: MeshConfig): ConfigurationSummary {
  return {
    listen: config.listen,
    http: config.http,
    admin: config.admin,
    workers: config.workers,
    hash: config.version,
    log: { level: config.log.level, format: config.log.format },
    connections: config.limits.connections,
    connectionsOfWorker: judgeLimits(config, processLimits()).connections,
    watchdogMs: config.watchdogMs,
    files: config.files,
    databases: [...config.databases.keys()],
    secrets: secretsOf(config),
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

/** What signs positions: sidecars with the same sources and passwords have the same. */
function positionKey(config: MeshConfig): Buffer {
  const { positionKey: given } = config.replicas;
  const sources = [...config.databases.values()].flatMap((rules) =>
    [...rules.dataSources.values()].map(({ host, port, socketPath, database, username, password }) =>
      [host, port, socketPath ?? '', database, username, password].join('\0'),
    ),
  );
  return createHash('sha256')
    .update(given ?? [...new Set(sources)].sort().join('\n'))
    .digest();
}

/** Every secret of a configuration. */
function secretsOf(config: MeshConfig): string[] {
  const sources = [...config.databases.values()].flatMap((rules) => [...rules.dataSources.values()]);
  const users = config.users.flatMap(({ secret }) =>
    secret.kind === 'plain' ? [secret.password] : secret.kind === 'native' ? [secret.hash] : [],
  );
  const redis = config.control.redis === undefined ? [] : [config.control.redis];
  const { token, store } = config.transaction.coordinator ?? {};
  const service = [token ?? '', store?.password ?? '', config.replicas.positionKey ?? ''];
  return [...sources.map((source) => source.password), ...users, ...redis, ...service].filter(
    (secret) => secret !== '',
  );
}
