/** Runs a query and only counts what comes back, so that the client costs next to nothing. */
import type { Socket } from 'node:net';
import mysql from 'mysql2';

export interface RawQuery {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface RawAnswer {
  readonly bytes: number;
  readonly rows: number;
  readonly seconds: number;
}

/** Rejects with the server's message. The connection is mysql2's until it has logged in; then its packets are counted here. */
export async function countAnswer(target: RawQuery, sql: string): Promise<RawAnswer> {
  // The query below is written without attributes.
  const connection = mysql.createConnection({ host: '127.0.0.1', ...target, flags: ['-CLIENT_QUERY_ATTRIBUTES'] });
  await new Promise<void>((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())));
  const socket = (connection as unknown as { stream: Socket }).stream;
  socket.removeAllListeners('data');
  // It notices the end of its socket, which is ours to judge.
  connection.on('error', () => undefined);
  try {
    return await count(socket, sql);
  } finally {
    socket.destroy();
  }
}

function count(socket: Socket, sql: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    let bytes = 0;
    let packets = 0;
    let ends = 0;
    /** Bytes of the packet under way that are still to come, and its header while it is incomplete. */
    let rest = 0;
    let held = Buffer.alloc(0);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.on('data', (piece: Buffer) => {
      bytes += piece.length;
      let at = Math.min(rest, piece.length);
      rest -= at;
      const chunk = held.length > 0 ? Buffer.concat([held, piece.subarray(at)]) : piece;
      if (held.length > 0) at = 0;
      held = Buffer.alloc(0);
      while (at < chunk.length) {
        // Header and the first byte, which tells ends and errors.
        if (chunk.length - at < 5) {
          held = Buffer.from(chunk.subarray(at));
          return;
        }
        const length = chunk.readUIntLE(at, 3);
        const first = chunk[at + 4];
        if (first === 0xff && length < 10_000) {
          reject(new Error(chunk.toString('utf8', at + 13, at + 4 + length)));
          return;
        }
        packets++;
        if (first === 0xfe && length < 9) ends++;
        if (ends === 2) {
          resolve({ bytes, rows: packets, seconds: (performance.now() - started) / 1000 });
          return;
        }
        const whole = 4 + length;
        const here = Math.min(whole, chunk.length - at);
        rest = whole - here;
        at += here;
      }
    });
    const text = Buffer.from(sql);
    const packet = Buffer.alloc(5 + text.length);
    packet.writeUInt32LE(text.length + 1, 0);
    packet[4] = 3;
    text.copy(packet, 5);
    socket.write(packet);
  });
}
