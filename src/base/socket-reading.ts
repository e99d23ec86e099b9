/** Sockets whose reads share one piece of memory: by itself Node allocates 64 KiB for each read and shrinks it to what came. */
import { Buffer } from 'node:buffer';
import { connect, type NetConnectOpts, type OnReadOpts, Socket } from 'node:net';

const READ_BYTES = 64 * 1024;
/** Of the memory for long runs: fewer and longer reads and writes. */
const LONG_BYTES = 128 * 1024;
/** Long memory that was given back, for whoever needs some next. */
const spare: Buffer[] = [];
const SPARE_MAX = 16;
/** What may be given back: any other memory may have several owners, as Node's slab has. */
const lent = new WeakSet<ArrayBufferLike>();
/** Reads are handed out before the next one begins, on whatever socket: one buffer serves all. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Memory of one socket's reads. What comes is told as 'data', as without it: chunks belong to those who get them, small ones
 * as copies in Node's slab. Behind a full buffer more of the same is expected: then the next read gets memory of its own, and
 * is handed out without a copy.
 */
class ReadMemory {
  socket: Socket | undefined;
  #next: Buffer = shared;

  readonly options: OnReadOpts = {
    buffer: () => this.#next,
    callback: (length, buffer) => {
      const own = buffer !== shared && length > READ_BYTES / 4;
      const chunk = own ? (buffer as Buffer).subarray(0, length) : copied(buffer as Buffer, length);
      this.socket?.emit('data', chunk);
      // Behind the listeners, who may have given back what they got.
      if (own || length === READ_BYTES) this.#next = longMemory();
      else this.#next = shared;
      return true;
    },
  };
}

function longMemory(): Buffer {
  const memory = spare.pop() ?? Buffer.allocUnsafeSlow(LONG_BYTES);
  lent.add(memory.buffer);
  return memory;
}

function copied(buffer: Buffer, length: number): Buffer {
  const chunk = Buffer.allocUnsafe(length);
  buffer.copy(chunk, 0, 0, length);
  return chunk;
}

/**
 * A chunk of a long run that nobody refers to any more, wholly or in part: its memory is read into again. Each run would leave
 * all it brought to the garbage collector otherwise, which costs more than forwarding it.
 */
export function giveBack(chunk: Buffer): void {
  // Once only: it is somebody else's as soon as it is read into again.
  if (lent.delete(chunk.buffer) && spare.length < SPARE_MAX) spare.push(Buffer.from(chunk.buffer));
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
