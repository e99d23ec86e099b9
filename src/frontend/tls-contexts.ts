/** The listener's certificates, read again from disk when they have changed. */
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../base/index.ts';
import type { ListenTls } from '../rules/index.ts';
import type { Logger } from '../telemetry/index.ts';

const CHECK_EVERY_MS = 5000;

/** Answers the context for the next handshake. A changed file that can't be read or parsed leaves the old one in force. */
export function tlsContexts(tls: ListenTls, clock: Clock, logger: Logger): () => SecureContext {
  let stamp = '';
  let context: SecureContext | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (context !== undefined && clock.monotonic() - checkedAt < CHECK_EVERY_MS) return context;
    checkedAt = clock.monotonic();
    try {
      const now = [tls.certFile, tls.keyFile, ...(tls.caFile === undefined ? [] : [tls.caFile])]
        .map((file) => statSync(file).mtimeMs)
        .join();
      if (context !== undefined && now === stamp) return context;
      context = createSecureContext({
        cert: readFileSync(tls.certFile),
        key: readFileSync(tls.keyFile),
        ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile) }),
        minVersion: tls.minVersion,
      });
      stamp = now;
    } catch (error) {
      if (context === undefined) throw error;
      logger.error({ error }, 'tls.reload_failed');
    }
    return context;
  };
}
