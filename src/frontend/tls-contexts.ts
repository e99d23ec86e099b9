/** The listener's certificates, read again from disk when they have changed. */
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Clock } from '../base/index.ts';
import type { ListenTls } from '../rules/index.ts';
import type { Logger } from '../telemetry/index.ts';

const CHECK_EVERY_MS = 5000;

export interface ServerTls {
  /** For the next handshake. */
  context(): SecureContext;
  /** Clients are asked for a certificate. */
  readonly asksCertificate: boolean;
}

/** A changed file that can't be read or parsed leaves the old context in force. */
export function tlsContexts(tls: ListenTls, clock: Clock, logger: Logger): ServerTls {
  let stamp = '';
  let context: SecureContext | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  const current = (): SecureContext => {
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
        // Without it a client that resumes its session is refused once certificates are asked for.
        sessionIdContext: 'shardmesh',
      });
      stamp = now;
    } catch (error) {
      if (context === undefined) throw error;
      logger.error({ error }, 'tls.reload_failed');
    }
    return context;
  };
  return { context: current, asksCertificate: tls.caFile !== undefined };
}

/** What the peer has shown, once the handshake is over. */
export function peerCertificate(socket: TLSSocket): 'none' | 'trusted' | 'untrusted' {
  if (socket.getPeerX509Certificate() === undefined) return 'none';
  // The library tells its verdict only to sockets of its own server; the handle has it for all.
  const handle = (socket as TLSSocket & { readonly _handle?: { verifyError?(): Error | null } })._handle;
  return handle?.verifyError?.() === null ? 'trusted' : 'untrusted';
}
