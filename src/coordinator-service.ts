/** Puts the coordinator of transactions across services together: its store, its listener, its routes, what is seen of it. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import {
  type BarrierVerdict,
  BranchClient,
  BranchTargets,
  Coordinator,
  dtmRoutes,
  guardedRoutes,
  mysqlStore,
  openApi,
  openServiceServer,
  operatorRoutes,
  type TransactionStore,
  v1Routes,
} from './coordinator/index.ts';
import type { OpenAddress, Routes } from './http/index.ts';
import { type CoordinatorConfig, type DataSource, type MeshConfig, primaryOf } from './rules/index.ts';
import type { Logger, MeshMetrics } from './telemetry/index.ts';
import { meshSchema, type OpenTransaction } from './transaction/index.ts';

export interface CoordinatorService {
  readonly address: string;
  readonly coordinator: Coordinator;
  /** For the admin listener. */
  readonly operatorRoutes: Routes;
  /** For SHOW MESH TRANSACTIONS. Rejects with StoreUnavailable: a list without them would look as if there were none. */
  openTransactions(): Promise<readonly OpenTransaction[]>;
  close(): Promise<void>;
}

export interface CoordinatorServiceOptions {
  readonly config: MeshConfig;
  readonly given: CoordinatorConfig;
  readonly version: string;
  readonly metrics: MeshMetrics;
  readonly logger: Logger;
  readonly barrier: (gid: string, branch: string, operation: string) => Promise<BarrierVerdict>;
  readonly ownPorts: () => readonly number[];
  /** Opens the listener's address for all workers. */
  readonly listen: OpenAddress;
}

const countsEveryMs = 15_000;
/** Of each phase in SHOW MESH TRANSACTIONS. */
const listMax = 200;

/** Opens the listener; the store may be down: it is waited for in the background. */
export async function startCoordinator(options: CoordinatorServiceOptions): Promise<CoordinatorService> {
  const { given, metrics, logger } = options;
  const targets = new BranchTargets(given.branchHosts, options.ownPorts);
  const store = openStore(options);
  let storeSaid: string | undefined;
  const coordinator = new Coordinator({
    store,
    client: new BranchClient(targets),
    barrier: options.barrier,
    keepMs: given.keepMs,
    ...(given.barrierUrl === undefined ? {} : { barrierUrl: given.barrierUrl }),
    ...(given.token === undefined ? {} : { barrierToken: given.token }),
    observer: {
      ended: (kind, outcome) => metrics.serviceTransactions.add(metrics.serviceTransactions.series({ kind, outcome })),
      called(operation, verdict, milliseconds) {
        metrics.branchCalls.add(metrics.branchCalls.series({ operation, verdict }));
        metrics.branchCallTime.observeMs(metrics.branchCallTime.series({}), milliseconds);
      },
      suspended: (gid, kind, reason) => logger.error({ gid, kind, reason }, 'transaction.suspended'),
      lost: (gid) => logger.info({ gid }, 'transaction.taken_over'),
      storeFailed(reason) {
        metrics.storeFailures.add(metrics.storeFailures.series({}));
        // A store that is down says so once, not once a write.
        if (storeSaid !== reason) logger.error({ store: store.name, reason }, 'transaction.store');
        storeSaid = reason;
      },
    },
  });
  let counts: Readonly<Record<string, number | undefined>> = {};
  const counting = setInterval(() => {
    if (!coordinator.storeReady) return;
    storeSaid = undefined;
    store.counts().then(
      (now) => {
        counts = now;
      },
      () => {},
    );
  }, countsEveryMs);
  counting.unref();
  metrics.serviceOpen.readFrom(() =>
    ['prepared', 'forward', 'complete', 'undo', 'suspended'].map((phase) => ({
      labels: { phase },
      value: counts[phase] ?? 0,
    })),
  );
  metrics.serviceHeld.readFrom(() => [{ labels: {}, value: coordinator.held }]);
  metrics.storeUp.readFrom(() => [{ labels: {}, value: coordinator.storeReady ? 1 : 0 }]);

  const { tls } = given;
  const listener = await openServiceServer({
    address: given.listen,
    open: options.listen,
    token: given.token,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            cert: readFileSync(tls.certFile),
            key: readFileSync(tls.keyFile),
            ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile) }),
          },
        }),
    routes: [
      ...dtmRoutes(coordinator, targets, options.version),
      ...v1Routes({ coordinator, targets, openApi: openApi(options.version), barrier: options.barrier }),
    ],
    onError: (error) => logger.error({ error }, 'http.error'),
  });
  coordinator.start();
  return {
    address: listener.address,
    coordinator,
    operatorRoutes: guardedRoutes(operatorRoutes(coordinator)),
    openTransactions: () => openTransactions(store),
    async close() {
      clearInterval(counting);
      await listener.close();
      await coordinator.stop();
    },
  };
}

/** The newest of each phase; a row without gid says that there are more. */
async function openTransactions(store: TransactionStore): Promise<OpenTransaction[]> {
  const now = store.now();
  const lists = await Promise.all(
    (['suspended', 'prepared', 'forward', 'complete', 'undo'] as const).map(async (phase) => {
      const { transactions, next } = await store.list({ phase, limit: listMax });
      const rows = transactions.map(
        ({ gid, kind, owner, createdAt, reason }): OpenTransaction => ({
          gid,
          type: `SERVICE_${kind.toUpperCase() as Uppercase<typeof kind>}`,
          state: phase,
          place: store.name,
          branch: '',
          owner,
          ageMs: Math.max(0, now - createdAt),
          tries: 0,
          detail: reason ?? '',
        }),
      );
      const [first] = rows;
      return next === undefined || first === undefined
        ? rows
        : [...rows, { ...first, gid: '', owner: '', detail: `more than ${listMax} are in this phase` }];
    }),
  );
  return lists.flat();
}

function openStore({ config, given }: CoordinatorServiceOptions): TransactionStore {
  const owner = `${hostname()}:${process.pid}`.slice(0, 128).replaceAll(/[^\x20-\x7e]/g, '?');
  if (given.store !== undefined) return mysqlStore({ ...given.store, owner });
  const [first] = config.databases.values();
  const source: DataSource | undefined = first === undefined ? undefined : primaryOf(first, first.defaultSource);
  if (source === undefined) throw new Error('no data source');
  return mysqlStore({
    ...(source.socketPath === undefined ? { host: source.host, port: source.port } : { socketPath: source.socketPath }),
    user: source.username,
    password: source.password,
    schema: meshSchema,
    owner,
  });
}
