/** One worker process as its supervisor has it: forked, asked, watched, ended. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Clock } from '../base/index.ts';
import { type Answers, Channel } from './channel.ts';
import type { Receiver } from './door.ts';
import { type LineSink, relayLines } from './log-relay.ts';
import type { ReloadOrder, ReloadOutcome, SupervisorQuestions, WorkerQuestions } from './protocol.ts';
import type { ReloadMember } from './reload-round.ts';
import type { ShareMember } from './share-hub.ts';

export interface WorkerProcessOptions {
  readonly index: number;
  /** File of the worker's program. */
  readonly program: string;
  /** Where the log goes. */
  readonly log: LineSink;
  readonly clock: Clock;
  /** What it may ask. */
  readonly answers: (worker: WorkerProcess) => Answers<SupervisorQuestions>;
}

/** How a process ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It was killed because it did not answer. */
  readonly stuck: boolean;
}

/** At least one beat falls between two looks. */
const LOOK_EVERY_MS = 1000;
/** Until it serves: modules and schemas are loaded meanwhile. */
const STARTUP_MIN_MS = 60_000;

export class WorkerProcess implements Receiver, ReloadMember, ShareMember {
  readonly index: number;
  readonly channel: Channel<SupervisorQuestions, WorkerQuestions>;
  readonly startedAt: number;
  readonly ended: Promise<WorkerEnd>;
  /** It is given clients. */
  serves = false;
  /** Sockets that it holds, by door. */
  readonly #socketsOf = new Map<string, number>();
  /** Sockets handed over since it was forked. */
  handed = 0;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  #sockets = 0;
  #silentTicks = 0;
  #stuck = false;
  #gone = false;
  #cancelTick: () => void = () => undefined;

  constructor(options: WorkerProcessOptions) {
    this.index = options.index;
    this.#clock = options.clock;
    this.startedAt = options.clock.monotonic();
    this.#child = fork(options.program, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    if (this.#child.stdout !== null) relayLines(this.#child.stdout, options.log);
    this.channel = new Channel<SupervisorQuestions, WorkerQuestions>(this.#child, options.answers(this));
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (this.#gone) return;
        this.#gone = true;
        this.serves = false;
        this.#cancelTick();
        this.channel.close('the worker has ended');
        resolve({ code, signal, stuck: this.#stuck });
      };
      this.#child.once('exit', end);
      this.#child.once('error', () => {
        // It could not be forked; one that runs and cannot be reached is ended.
        if (this.#child.pid === undefined) end(null, null);
        else this.kill();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get sockets(): number {
    return this.#sockets;
  }

  get answers(): boolean {
    return this.#silentTicks <= 2;
  }

  apply(entries: WorkerQuestions['share.apply']['ask']): Promise<unknown> {
    return this.channel.ask('share.apply', entries);
  }

  reload(order: ReloadOrder): Promise<ReloadOutcome> {
    return this.channel.ask('reload', order);
  }

  serving(): boolean {
    return this.serves;
  }

  receive(door: string, socket: Socket, full: boolean, lost: () => void): void {
    this.handed += 1;
    if (!full) {
      this.#sockets += 1;
      this.#socketsOf.set(door, this.socketsOf(door) + 1);
    }
    this.channel.tell('client', { door, full }, socket, lost);
  }

  socketsOf(door: string): number {
    return this.#socketsOf.get(door) ?? 0;
  }

  /** It says that one has closed. */
  socketClosed(door: string): void {
    this.#sockets -= 1;
    this.#socketsOf.set(door, this.socketsOf(door) - 1);
  }

  /** Its event loop has turned. */
  beat(): void {
    this.#silentTicks = 0;
  }

  /**
   * Ends it when no beat has come for `limitMs()` (0: never). Counted in turns of our own loop: after a pause of the whole
   * machine nobody is to blame.
   */
  watch(limitMs: () => number, onStuck: () => void): void {
    const tick = (): void => {
      if (this.#gone) return;
      const limit = limitMs();
      const ticksMax = Math.ceil((this.serves ? limit : Math.max(limit, STARTUP_MIN_MS)) / LOOK_EVERY_MS);
      this.#silentTicks += 1;
      if (limit > 0 && this.#silentTicks > ticksMax) {
        this.#stuck = true;
        onStuck();
        this.kill();
        return;
      }
      this.#cancelTick = this.#clock.after(LOOK_EVERY_MS, tick);
    };
    tick();
  }

  /** At once, whatever it does. Its sessions end with it. */
  kill(): void {
    this.serves = false;
    this.#child.kill('SIGKILL');
  }
}
