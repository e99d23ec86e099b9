/** The `http` listener: health and metrics, read only. */

import { type Answer, type HttpListener, openHttp, type Routes } from '../http/index.ts';
import type { ListenAddress } from '../rules/index.ts';
import type { HealthHandles, MetricsHandles } from './handles.ts';

export interface HealthServerOptions {
  readonly address: ListenAddress;
  readonly health: HealthHandles;
  readonly metrics: MetricsHandles;
  readonly onError?: (error: unknown) => void;
}

/** Opens the listener. Rejects with the socket's error. */
export async function openHealthServer(options: HealthServerOptions): Promise<HttpListener> {
  return await openHttp({
    address: options.address,
    routes: healthRoutes(options.health, options.metrics),
    ...(options.onError === undefined ? {} : { onError: options.onError }),
  });
}

function healthRoutes(health: HealthHandles, metrics: MetricsHandles): Routes {
  const verdict = async (good: boolean) => ({
    status: good ? 200 : 503,
    body: { ok: good, reasons: await health.reasons() },
  });
  return new Map<string, () => Answer | Promise<Answer>>([
    ['GET /startup', () => verdict(health.started())],
    ['GET /readiness', () => verdict(health.ready())],
    ['GET /liveness', async () => verdict(await health.alive())],
    ['GET /metrics', async () => ({ status: 200, body: await metrics.text(), contentType: metrics.contentType })],
  ]);
}
