/** Turns what the front end reports into metrics: indexes are looked up once, recording is array access. */
import { type Logger, type MeshMetrics, routes } from '../telemetry/index.ts';
import type { FrontendObserver } from './session.ts';

export function metricsObserver(metrics: MeshMetrics, logger: Logger): FrontendObserver {
  const queries = new Map<string, number>(routes.map((route) => [route, metrics.queries.series({ route })]));
  const plan = metrics.latency.series({ phase: 'plan' });
  const total = metrics.latency.series({ phase: 'total' });
  const fanOut = metrics.fanOut.series({});
  const refusal = metrics.errors.series({ kind: 'refusal' });
  const bug = metrics.errors.series({ kind: 'bug' });
  const accepted = metrics.connectionsOpened.series({ result: 'accepted' });
  const denied = metrics.connectionsOpened.series({ result: 'denied' });
  return {
    connectionOpened: () => metrics.connectionsOpened.add(accepted),
    connectionClosed: () => undefined,
    loginFailed: () => metrics.connectionsOpened.add(denied),
    statement(kind, planMs, totalMs, failed, _rows, shards) {
      const series = queries.get(kind);
      if (series !== undefined) metrics.queries.add(series);
      if (failed) metrics.errors.add(refusal);
      metrics.latency.observe(plan, planMs / 1000);
      metrics.latency.observe(total, totalMs / 1000);
      metrics.fanOut.observe(fanOut, shards);
    },
    bug(error) {
      metrics.errors.add(bug);
      logger.error({ error }, 'session.bug');
    },
  };
}
