/** Questions and answers between two processes over Node's own channel: typed, numbered, bounded, and ended with the channel. */
import type { Socket } from 'node:net';

/** What may be asked: name -> the question's body and its answer. Values are copied as by structuredClone. */
export type Questions = Record<string, { readonly ask: unknown; readonly answer: unknown }>;

/** Who answers what. The second argument is the socket that came with the question. */
export type Answers<Q extends Questions> = {
  readonly [N in keyof Q]: (body: Q[N]['ask'], socket: Socket | undefined) => Q[N]['answer'] | Promise<Q[N]['answer']>;
};

/** A ChildProcess as its parent has it, or `process` of a child. */
export interface ChannelPort {
  send?(message: unknown, handle: Socket | undefined, callback: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

/** Ours by the first field: other libraries may send over the same channel. */
type Message =
  | { readonly shardmesh: 'ask'; readonly id: number; readonly name: string; readonly body: unknown }
  | { readonly shardmesh: 'tell'; readonly name: string; readonly body: unknown }
  | { readonly shardmesh: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly shardmesh: 'failed'; readonly id: number; readonly reason: string; readonly code: string | undefined };

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Questions without an answer at most: about one for each client, and room for scrapes and reloads. */
const WAITING_MAX = 100_000;

/** What the other side threw, with the code of a MeshError or of the operating system. */
export class RemoteError extends Error {
  readonly code: string | undefined;

  constructor(reason: string, code: string | undefined) {
    super(reason);
    this.name = 'RemoteError';
    this.code = code;
  }
}

/** The other process has gone, or too many questions wait for it. */
export class ChannelFault extends Error {
  constructor(reason: string, options?: { cause?: unknown }) {
    super(reason, options);
    this.name = 'ChannelFault';
  }
}

export class Channel<Mine extends Questions, Theirs extends Questions> {
  readonly #port: ChannelPort;
  readonly #answers: Answers<Mine>;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closed = false;

  /** `answers`: what the other side may ask. */
  constructor(port: ChannelPort, answers: Answers<Mine>) {
    this.#port = port;
    this.#answers = answers;
    port.on('message', (message, handle) => this.#receive(message as Message, handle as Socket | undefined));
    port.on('disconnect', () => this.close('the other process has gone'));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Rejects with ChannelFault, or with a RemoteError of what the other side threw. */
  ask<N extends keyof Theirs & string>(name: N, body: Theirs[N]['ask']): Promise<Theirs[N]['answer']> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ChannelFault('the other process has gone'));
      if (this.#waiting.size >= WAITING_MAX) return reject(new ChannelFault('too many questions wait for an answer'));
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#send({ shardmesh: 'ask', id, name, body }, undefined, (error) => {
        if (this.#waiting.delete(id)) reject(new ChannelFault(error.message, { cause: error }));
      });
    });
  }

  /** A question whose answer nobody wants; lost if the other process goes. A socket that is given is closed here once it has arrived. */
  tell<N extends keyof Theirs & string>(name: N, body: Theirs[N]['ask'], socket?: Socket, lost?: () => void): void {
    this.#send({ shardmesh: 'tell', name, body }, socket, () => lost?.());
  }

  /** Everything that waits is rejected. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new ChannelFault(reason));
  }

  #receive(message: Message, socket: Socket | undefined): void {
    switch (message?.shardmesh) {
      case 'ask':
        void this.#answer(message.id, message.name, message.body, socket);
        return;
      case 'tell':
        void this.#answer(undefined, message.name, message.body, socket);
        return;
      case 'answer':
        this.#take(message.id)?.resolve(message.body);
        return;
      case 'failed':
        this.#take(message.id)?.reject(new RemoteError(message.reason, message.code));
        return;
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  /** The handler begins in the order of the questions, before the next message is looked at. */
  async #answer(id: number | undefined, name: string, body: unknown, socket: Socket | undefined): Promise<void> {
    let answer:
      | { shardmesh: 'answer'; body: unknown }
      | { shardmesh: 'failed'; reason: string; code: string | undefined };
    try {
      const handler = Object.hasOwn(this.#answers, name) ? this.#answers[name] : undefined;
      if (handler === undefined) throw new Error(`'${name}' is not answered here`);
      const given = handler(body, socket);
      answer = { shardmesh: 'answer', body: given instanceof Promise ? await given : given };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      answer = { shardmesh: 'failed', reason: error instanceof Error ? error.message : String(error), code };
    }
    if (id !== undefined) this.#send({ ...answer, id }, undefined, () => undefined);
  }

  #send(message: Message, socket: Socket | undefined, failed: (error: Error) => void): void {
    if (this.#closed) {
      socket?.destroy();
      failed(new Error('the other process has gone'));
      return;
    }
    try {
      this.#port.send?.(message, socket, (error) => {
        if (error !== null) failed(error);
      });
    } catch (error) {
      failed(error as Error);
    }
  }
}
