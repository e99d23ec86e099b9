/** COM_CHANGE_USER on an idle connection: a dialogue of its own, like the one at connect. */
import { buildChangeUser, type Capabilities, PacketFramer, PacketWriter } from '../wire/index.ts';
import { AuthClient } from './auth-client.ts';
import { BackendFault } from './backend-fault.ts';
import type { ConnectOptions } from './connect-options.ts';
import { DEFAULT_COLLATION } from './open-backend.ts';

interface Dialogue {
  readonly options: ConnectOptions;
  readonly capabilities: Capabilities;
  readonly secure: boolean;
  takeOver(onChunk: (chunk: Buffer) => void): { write(bytes: Buffer): void; stop(status: number): void };
  destroy(cause?: Error): void;
}

const PACKET_MAX = 1024 * 1024;

/** Rejects with BackendFault; the connection is then closed, since the server drops it or nobody knows who it is. */
export function changeUserOn(
  connection: Dialogue,
  who: { readonly user: string; readonly password: string; readonly database: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { options, capabilities, secure } = connection;
    const framer = new PacketFramer(PACKET_MAX);
    const writer = new PacketWriter(1024);
    const auth = new AuthClient({
      password: who.password,
      secure,
      capabilities,
      serverPublicKey: options.serverPublicKey,
      allowPublicKeyRetrieval: options.allowPublicKeyRetrieval ?? false,
    });
    const fail = (message: string, errno?: number, sqlState?: string): void => {
      const fault = new BackendFault(message, { stage: 'handshake', mayHaveExecuted: false, errno, sqlState });
      reject(fault);
      connection.destroy(fault);
    };
    const wire = connection.takeOver((chunk) => {
      if (chunk.length === 0) {
        reject(new BackendFault('the connection was lost', { stage: 'handshake', mayHaveExecuted: false }));
        return;
      }
      try {
        framer.push(chunk);
        for (let payload = framer.next(); payload !== undefined; payload = framer.next()) {
          const step = auth.receive(payload);
          if (step.kind === 'send') {
            writer.sequenceId = framer.nextSequenceId;
            writer.packet(step.payload);
            framer.expect(writer.sequenceId);
            wire.write(writer.take());
          } else if (step.kind === 'accepted') {
            wire.stop(step.ok.status);
            resolve();
            return;
          } else if (step.kind === 'denied') {
            fail(step.err.message, step.err.errno, step.err.sqlState);
            return;
          } else if (step.kind === 'stopped') {
            fail(step.reason);
            return;
          }
        }
      } catch (error) {
        fail((error as Error).message);
      }
    });
    // An empty answer for a plugin with no scramble yet makes the server switch, with a fresh scramble.
    writer.begin();
    buildChangeUser(
      writer,
      {
        user: who.user,
        authResponse: Buffer.alloc(0),
        database: who.database,
        collation: options.collation ?? DEFAULT_COLLATION,
        authPlugin: '',
      },
      capabilities,
    );
    writer.end();
    framer.expect(1);
    wire.write(writer.take());
  });
}
