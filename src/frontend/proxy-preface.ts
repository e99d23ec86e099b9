/** Waits for the PROXY header that a trusted proxy's connection begins with. */
import type { Socket } from 'node:net';
import { parseProxyHeader } from '../wire/index.ts';

/**
 * Calls back with the client's address (undefined: the proxy's own connection), the header being taken out of the stream;
 * or closes the socket if it does not come in time or is none. Nothing is sent before: who connects without one learns nothing.
 */
export function awaitProxyHeader(
  socket: Socket,
  timeoutMs: number,
  onHeader: (client: string | undefined) => void,
  onFailure: () => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const fail = (): void => {
    stop();
    socket.destroy();
    onFailure();
  };
  const timer = setTimeout(fail, timeoutMs);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('close', fail);
  };
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    try {
      const header = parseProxyHeader(bytes);
      if (header === undefined) return;
      stop();
      // What follows the header goes back in front of the stream, for the next reader.
      socket.pause();
      if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
      onHeader(header.client);
      socket.resume();
    } catch {
      fail();
    }
  };
  // Until the connection has its own listener.
  socket.on('error', () => undefined);
  socket.on('close', fail);
  socket.on('data', onData);
}
