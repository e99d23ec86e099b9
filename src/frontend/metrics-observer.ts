/** Turns what the front end tells into metrics, statistics and logs: indexes are looked up once, recording is array access. */
import { MeshError } from '../base/index.ts';
import type { ErrorValues } from '../execute/index.ts';
import { digestText } from '../sql/index.ts';
import { type DigestTable, type ErrorKindLabel, type Logger, type MeshMetrics, routes } from '../telemetry/index.ts';
import { Command } from '../wire/index.ts';
import type { FrontendObserver } from './frontend-observer.ts';
import type { StatementLog } from './statement-log.ts';

/** Codes of the mesh that say that a server or the way to it failed; all other errors of the mesh are refusals. */
const faults: ReadonlySet<string> = new Set([
  'SM_SOURCE_DOWN',
  'SM_SOURCE_LOST',
  'SM_POOL_TIMEOUT',
  'SM_PARTIAL_COMMIT',
  'SM_TRANSACTION_ABORTED',
]);

export interface ObserverParts {
  readonly metrics: MeshMetrics;
  readonly digests: DigestTable;
  readonly statements: StatementLog;
  readonly logger: Logger;
}

export function metricsObserver({ metrics, digests, statements, logger }: ObserverParts): FrontendObserver {
  const queries = new Map<string, number>(routes.map((route) => [route, metrics.queries.series({ route })]));
  const { latency } = metrics;
  const parse = latency.series({ phase: 'parse' });
  const plan = latency.series({ phase: 'plan' });
  const lease = latency.series({ phase: 'lease' });
  const execute = latency.series({ phase: 'execute' });
  const merge = latency.series({ phase: 'merge' });
  const total = latency.series({ phase: 'total' });
  const fanOut = metrics.fanOut.series({});
  const slow = metrics.slowQueries.series({});
  const accepted = metrics.connectionsOpened.series({ result: 'accepted' });
  const denied = metrics.connectionsOpened.series({ result: 'denied' });
  const limit = metrics.connectionsOpened.series({ result: 'limit' });
  const errors: Record<ErrorKindLabel, number> = {
    refusal: metrics.errors.series({ kind: 'refusal' }),
    server: metrics.errors.series({ kind: 'server' }),
    fault: metrics.errors.series({ kind: 'fault' }),
    bug: metrics.errors.series({ kind: 'bug' }),
  };
  const commands = new Int32Array(256).fill(metrics.commands.series({ command: 'other' }));
  commands[Command.QUERY] = metrics.commands.series({ command: 'query' });
  commands[Command.STMT_EXECUTE] = metrics.commands.series({ command: 'execute' });
  commands[Command.STMT_PREPARE] = metrics.commands.series({ command: 'prepare' });
  commands[Command.PING] = metrics.commands.series({ command: 'ping' });
  commands[Command.INIT_DB] = metrics.commands.series({ command: 'init_db' });
  return {
    connectionOpened: () => undefined,
    connectionClosed: () => undefined,
    connectionRefused: () => metrics.connectionsOpened.add(limit),
    loggedIn(session) {
      metrics.connectionsOpened.add(accepted);
      statements.login(session);
    },
    loginFailed(error, host) {
      metrics.connectionsOpened.add(denied);
      statements.loginFailed(error, host);
    },
    command: (code) => metrics.commands.add(commands[code & 0xff] as number),
    errorAnswered: (error) => metrics.errors.add(errors[kindOf(error)]),
    digest: (database, fingerprint, tokens) =>
      digests.find(database, fingerprint.hash) ??
      digests.add(database, fingerprint.hash, digestText(tokens, fingerprint.firstToken, fingerprint.endToken)),
    statement(session, record) {
      const { meter } = session.backend.leases;
      const series = queries.get(record.route);
      if (series !== undefined) metrics.queries.add(series);
      latency.observeMs(parse, record.parseMs);
      latency.observeMs(plan, record.planMs);
      latency.observeMs(total, record.totalMs);
      if (record.shards > 0) {
        latency.observeMs(lease, meter.leaseMs);
        latency.observeMs(
          execute,
          Math.max(0, record.totalMs - record.parseMs - record.planMs - meter.leaseMs - meter.mergeMs),
        );
        if (meter.merged) latency.observeMs(merge, meter.mergeMs);
      }
      metrics.fanOut.observe(fanOut, record.shards);
      if (record.digest !== undefined) digests.record(record.digest, record);
      if (statements.ended(session, record)) metrics.slowQueries.add(slow);
    },
    bug(error) {
      logger.error({ error }, 'session.bug');
    },
  };
}

/** Who made an error that a client was told. */
function kindOf(error: ErrorValues | MeshError): ErrorKindLabel {
  if (!(error instanceof MeshError)) return 'server';
  if (error.code === 'SM_INTERNAL') return 'bug';
  return faults.has(error.code) ? 'fault' : 'refusal';
}
