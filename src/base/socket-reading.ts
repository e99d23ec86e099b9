/** Sockets whose reads share one piece of memory: by itself Node allocates 64 KiB for each read and shrinks it to what came. */
import { Buffer } from 'node:buffer';
import { connect, type NetConnectOpts, type OnReadOpts, Socket } from 'node:net';

const READ_BYTES = 64 * 1024;
/** Reads are handed out before the next one begins, on whatever socket: one buffer serves all. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Memory of one socket's reads. What comes is told as 'data', as without it: chunks belong to those who get them, small ones
 * as copies in Node's slab. Behind a full buffer more of the same is expected: then the next read gets memory of its own, and
 * is handed out without a copy.
 */
class ReadMemory {
  socket: Socket | undefined;
  #next = shared;

  readonly options: OnReadOpts = {
    buffer: () => this.#next,
    callback: (length, buffer) => {
      this.socket?.emit('data', this.#chunk(length, buffer as Buffer));
      return true;
    },
  };

  #chunk(length: number, buffer: Buffer): Buffer {
    if (buffer !== shared && length > READ_BYTES / 4) {
      this.#next = Buffer.allocUnsafeSlow(READ_BYTES);
      return buffer.subarray(0, length);
    }
    this.#next = length === READ_BYTES ? Buffer.allocUnsafeSlow(READ_BYTES) : shared;
    const chunk = Buffer.allocUnsafe(length);
    buffer.copy(chunk, 0, 0, length);
    return chunk;
  }
}

/** net.connect whose reads share memory. */
export function connectSocket(options: NetConnectOpts): Socket {
  const memory = new ReadMemory();
  const socket = connect({ ...options, onread: memory.options });
  memory.socket = socket;
  return socket;
}

/**
 * The same connection as a socket whose reads share memory; `accepted` is of no use any more. It must not have been read from
 * (`pauseOnConnect`). There is no public way to say this to a listening server, so the handle is moved; where that cannot be
 * done the socket itself comes back.
 */
export function adoptSocket(accepted: Socket): Socket {
  const owner = accepted as unknown as { _handle: object | null };
  const { _handle: handle } = owner;
  if (handle === null || handle === undefined) return accepted.resume();
  const memory = new ReadMemory();
  const socket = new Socket({ handle, onread: memory.options } as never);
  memory.socket = socket;
  owner._handle = null;
  return socket;
}
