/**
 * Where log lines go: standard output, written in the background and at exit. pino's own destination waits for ever at exit if
 * nobody reads any more; this one gives up, because a log without reader must not keep a process from ending.
 */
import { write, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

/** Bytes that wait for a slow reader at most; lines beyond are dropped, and counted. */
const WAITING_MAX = 16 * 1024 * 1024;
/** More than this makes `write` ask for a pause. */
const ENOUGH = 256 * 1024;
/** At exit a reader that is there but slow is waited for so long. */
const FLUSH_MS = 2000;
const PAUSE_MS = 10;

export interface LogOutput extends DestinationStream {
  /** False: it has enough for now, and `drain` follows; what is written all the same is kept, up to 16 MiB. */
  write(line: string): boolean;
  once(event: 'drain', listener: () => void): void;
  /** Writes what waits, as far as somebody reads it within two seconds. Never throws. */
  flushSync(): void;
  /** Lines that were dropped because nobody read them. */
  readonly dropped: number;
}

/** `fd`: a pipe, socket, terminal or file that stays open. */
export function logOutput(fd: number): LogOutput {
  return new Output(fd);
}

class Output implements LogOutput {
  readonly #fd: number;
  #waiting: Buffer[] = [];
  #bytes = 0;
  /** What is being written in the background, and how much of it has gone. */
  #writing: Buffer | undefined;
  #written = 0;
  /** Nobody reads any more. */
  #broken = false;
  #drains: (() => void)[] = [];
  dropped = 0;

  constructor(fd: number) {
    this.#fd = fd;
    process.on('exit', () => this.flushSync());
  }

  write(line: string): boolean {
    if (this.#broken || this.#bytes > WAITING_MAX) {
      this.dropped += 1;
      return this.#broken;
    }
    const bytes = Buffer.from(line);
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#waiting.length === 1 && this.#writing === undefined) setImmediate(() => this.#next());
    return this.#bytes < ENOUGH;
  }

  once(_event: 'drain', listener: () => void): void {
    if (this.#broken || this.#bytes === 0) setImmediate(listener);
    else this.#drains.push(listener);
  }

  flushSync(): void {
    const until = Date.now() + FLUSH_MS;
    // What the background has under way is with a thread that the process' end waits for: once more would be twice.
    if (this.#writing !== undefined) Atomics.wait(pause, 0, 0, PAUSE_MS);
    const bytes = Buffer.concat(this.#waiting);
    this.#forget();
    let at = 0;
    while (at < bytes.length && !this.#broken && Date.now() < until) {
      try {
        at += writeSync(this.#fd, bytes, at);
      } catch (error) {
        if (!isBusy(error)) this.#broken = true;
        else Atomics.wait(pause, 0, 0, PAUSE_MS);
      }
    }
  }

  #next(): void {
    if (this.#waiting.length === 0) {
      this.#drained();
      return;
    }
    if (this.#writing !== undefined) return;
    this.#writing = this.#waiting.length === 1 ? (this.#waiting[0] as Buffer) : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#written = 0;
    this.#go(this.#writing);
  }

  #go(bytes: Buffer): void {
    write(this.#fd, bytes, this.#written, (error, count) => {
      // Flushed meanwhile.
      if (this.#writing !== bytes) return;
      if (error !== null) {
        if (isBusy(error)) setTimeout(() => this.#writing === bytes && this.#go(bytes), PAUSE_MS).unref();
        else {
          this.#broken = true;
          this.#forget();
          this.#drained();
        }
        return;
      }
      this.#written += count;
      this.#bytes -= count;
      if (this.#written < bytes.length) return this.#go(bytes);
      this.#writing = undefined;
      this.#next();
    });
  }

  #drained(): void {
    for (const listener of this.#drains.splice(0)) listener();
  }

  #forget(): void {
    this.#waiting = [];
    this.#writing = undefined;
    this.#bytes = 0;
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

function isBusy(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EAGAIN' || code === 'EBUSY';
}
