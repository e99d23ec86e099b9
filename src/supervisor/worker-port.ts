/** The supervisor as a worker sees it: what it shares with the others, the doors it stands at, and whom it can ask. */
import type { Socket } from 'node:net';
import { adoptSocket, type Share, type SharedCounters, type SharedTopic } from '../base/index.ts';
import type { ListenAddress } from '../rules/index.ts';
import { type Answers, Channel, type ChannelPort } from './channel.ts';
import {
  BEAT_EVERY_MS,
  type BeginOrder,
  type ConfigurationFiles,
  type ReloadOutcome,
  type ReloadReason,
  type SupervisorQuestions,
  type WorkerQuestions,
} from './protocol.ts';
import { WorkerShare } from './worker-share.ts';

/** Takes a socket that a client has opened. `full`: it is one too many; tell its client. */
export type Accept = (socket: Socket, full: boolean) => void;

export interface OpenDoor {
  /** host:port as it is bound, or `unix:/path`. */
  readonly address: string;
  /** This worker takes no more. */
  close(): void;
}

/** Doors of clients are called so, and a number. */
export const clientDoor = 'clients ';

/** Questions of the supervisor that the port itself answers. */
type OwnQuestions = 'client' | 'share.apply';

/** What src/worker.ts and src/main.ts answer. */
export type WorkerAnswers = Omit<Answers<WorkerQuestions>, OwnQuestions>;

export class WorkerPort {
  readonly share: Share;
  readonly counters: SharedCounters;
  readonly #channel: Channel<WorkerQuestions, SupervisorQuestions>;
  readonly #doors = new Map<string, Accept>();
  #clients: Accept | undefined;
  #order: BeginOrder | undefined;

  /** `onFault`: a handler of a shared value threw. */
  constructor(port: ChannelPort, answers: WorkerAnswers, onFault: (topic: SharedTopic, error: unknown) => void) {
    const share = new WorkerShare((entries) => this.#channel.ask('share.publish', entries), onFault);
    this.share = share;
    this.#channel = new Channel<WorkerQuestions, SupervisorQuestions>(port, {
      ...answers,
      client: ({ door, full }, socket) => {
        if (socket !== undefined) this.#receive(door, socket, full);
        return undefined;
      },
      'share.apply': (entries) => share.apply(entries),
      begin: (order, socket) => {
        this.#order = order;
        return answers.begin(order, socket);
      },
    });
    const beat = (): void => this.#channel.tell('beat', undefined);
    beat();
    setInterval(beat, BEAT_EVERY_MS).unref();
    this.counters = {
      take: (name, max) => this.#channel.ask('counter.take', { name, max }),
      give: (name) => this.#channel.tell('counter.give', name),
    };
  }

  /** Which of the workers this is, how many there are, and more; throws before it has begun. */
  get order(): BeginOrder {
    if (this.#order === undefined) throw new Error('the worker has not begun');
    return this.#order;
  }

  /** Opens an address, or joins the workers that did: each takes its share of what connects there. Rejects if it cannot be bound. */
  async listen(address: ListenAddress, accept: Accept): Promise<OpenDoor> {
    const { door, address: bound } = await this.#channel.ask('listen', address);
    this.#doors.set(door, accept);
    return {
      address: bound,
      close: () => {
        if (this.#doors.delete(door)) this.#channel.tell('unlisten', door);
      },
    };
  }

  /** Clients of `listen` of shardmesh.yaml, whose doors the supervisor opens itself, when all workers serve. */
  acceptClients(accept: Accept): void {
    this.#clients = accept;
  }

  /** Makes all workers read the configuration anew. */
  reload(reason: ReloadReason): Promise<Omit<ReloadOutcome, 'summary'>> {
    return this.#channel.ask('reload', reason);
  }

  /** This worker is ready to swap; resolves when all are. */
  async prepared(files: ConfigurationFiles | undefined): Promise<void> {
    await this.#channel.ask('reload.prepared', files);
  }

  /** Asks all other serving workers the same; those that die meanwhile give no answer. */
  others(name: string, body: unknown): Promise<readonly unknown[]> {
    return this.#channel.ask('others', { name, body });
  }

  /** Asks one worker; undefined: no such worker serves. */
  async one(index: number, name: string, body: unknown): Promise<{ readonly answer: unknown } | undefined> {
    return await this.#channel.ask('one', { index, name, body });
  }

  #receive(door: string, received: Socket, full: boolean): void {
    const other = this.#doors.get(door);
    const isClient = other === undefined && door.startsWith(clientDoor);
    const accept = isClient ? this.#clients : other;
    // It has not been read from: the supervisor accepted it paused.
    const socket = isClient ? adoptSocket(received) : received;
    if (!full) socket.once('close', () => this.#channel.tell('client.closed', door));
    if (accept === undefined) socket.destroy();
    else accept(socket, full);
  }
}
