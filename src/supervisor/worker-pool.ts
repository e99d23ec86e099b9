/** All workers of a sidecar: starts them, starts them again when they end, and keeps them on one configuration. */
import type { Clock } from '../base/index.ts';
import type { Overrides } from '../rules/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Answers } from './channel.ts';
import { CounterHub } from './counter-hub.ts';
import type { LineSink } from './log-relay.ts';
import {
  type ConfigurationFiles,
  type ConfigurationSummary,
  type LoadOutcome,
  PROTOCOL_VERSION,
  type ReloadOutcome,
  type ReloadReason,
  type SupervisorQuestions,
} from './protocol.ts';
import { ReloadRound } from './reload-round.ts';
import { ShareHub } from './share-hub.ts';
import { type WorkerEnd, WorkerProcess } from './worker-process.ts';

export interface WorkerPoolOptions {
  /** File of the worker's program. */
  readonly program: string;
  readonly file: string;
  readonly overrides: Overrides;
  /** Version of Shardmesh. */
  readonly build: string;
  readonly log: LineSink;
  readonly clock: Clock;
  readonly logger: () => Logger;
  /** What concerns the doors. */
  readonly doors: (
    worker: WorkerProcess,
  ) => Pick<Answers<SupervisorQuestions>, 'listen' | 'unlisten' | 'client.closed'>;
  /** One more serves. */
  readonly onServing: (worker: WorkerProcess) => void;
  readonly onEnd: (worker: WorkerProcess, end: WorkerEnd) => void;
  /** Another configuration is in force. */
  readonly onConfiguration: (files: ConfigurationFiles, summary: ConfigurationSummary) => void;
}

/** What is in force. */
interface InForce {
  readonly files: ConfigurationFiles;
  readonly summary: ConfigurationSummary;
}

/** The pause before a worker is started again: doubled by each end that follows soon. */
const RESTART_FIRST_MS = 100;
const RESTART_MAX_MS = 30_000;
/** A worker that served so long has not failed to start. */
const STEADY_MS = 60_000;
/** After `end` a worker has this long to exit. */
const END_MS = 5000;

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Map<number, WorkerProcess>();
  /** By index: sockets given to all that had it, and ends in a row. */
  readonly #handed = new Map<number, number>();
  readonly #failures = new Map<number, number>();
  readonly #hub = new ShareHub();
  readonly #counters = new CounterHub<WorkerProcess>();
  #inForce: InForce | undefined;
  #count = 0;
  #ending = false;
  #restarts = { crashed: 0, stuck: 0 };
  #round: ReloadRound<WorkerProcess> | undefined;
  #running: Promise<ReloadOutcome> | undefined;
  #next: Promise<ReloadOutcome> | undefined;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Throws before the first load. */
  get summary(): ConfigurationSummary {
    if (this.#inForce === undefined) throw new Error('no configuration has been loaded yet');
    return this.#inForce.summary;
  }

  /** How many there are to be. */
  get count(): number {
    return this.#count;
  }

  /** Since the start. */
  get restarts(): { readonly crashed: number; readonly stuck: number } {
    return this.#restarts;
  }

  all(): WorkerProcess[] {
    return [...this.#workers.values()];
  }

  serving(): WorkerProcess[] {
    return this.all().filter((worker) => worker.serves);
  }

  find(index: number): WorkerProcess | undefined {
    return this.#workers.get(index);
  }

  /** Loads the configuration in a first worker. `files`: those instead of what is on disk. Rejects if the worker ends. */
  async load(files?: ConfigurationFiles): Promise<LoadOutcome> {
    const first = this.#workers.get(0) ?? this.#fork(0);
    const outcome = await this.#load(first, files);
    if (outcome.kind === 'loaded') this.#enter(outcome);
    return outcome;
  }

  /** Starts all of them; resolves when they serve. Rejects with what ended one. */
  async begin(count: number): Promise<void> {
    this.#count = count;
    const indexes = Array.from({ length: count }, (_, index) => index);
    for (const index of indexes) if (!this.#workers.has(index)) this.#fork(index);
    await Promise.all(indexes.map((index) => this.#begin(this.#workers.get(index) as WorkerProcess, index === 0)));
  }

  /**
   * All or nothing. Calls while one runs share the one that follows it, so that each caller's answer is about content read
   * after the call. Never rejects.
   */
  reload(reason: ReloadReason): Promise<ReloadOutcome> {
    if (this.#running === undefined) return this.#beginReload(reason);
    this.#next ??= this.#running.then(() => this.#beginReload(reason));
    return this.#next;
  }

  /** No worker is started again from here on. */
  stopRestarts(): void {
    this.#ending = true;
  }

  /** Asks each to give back what it holds and to exit; ends those that do not. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(
      this.all().map(async (worker) => {
        worker.serves = false;
        worker.channel.tell('end', undefined);
        const cancel = this.#options.clock.after(END_MS, () => worker.kill());
        await worker.ended;
        cancel();
      }),
    );
  }

  get #logger(): Logger {
    return this.#options.logger();
  }

  #fork(index: number): WorkerProcess {
    const { program, log, clock, onEnd } = this.#options;
    const worker = new WorkerProcess({ index, program, log, clock, answers: (self) => this.#answers(self) });
    this.#workers.set(index, worker);
    this.#hub.add(worker);
    worker.watch(
      () => this.#inForce?.summary.watchdogMs ?? 0,
      () => this.#logger.error({ worker: index, workerPid: worker.pid }, 'worker.stuck'),
    );
    void worker.ended.then((end) => {
      this.#hub.remove(worker);
      this.#counters.remove(worker);
      this.#handed.set(index, (this.#handed.get(index) ?? 0) + worker.handed);
      if (this.#workers.get(index) === worker) this.#workers.delete(index);
      onEnd(worker, end);
      if (!this.#ending && this.#count > 0) this.#startAgain(worker, end);
    });
    return worker;
  }

  #startAgain(worker: WorkerProcess, end: WorkerEnd): void {
    const { clock } = this.#options;
    const { index } = worker;
    this.#restarts[end.stuck ? 'stuck' : 'crashed'] += 1;
    const servedMs = clock.monotonic() - worker.startedAt;
    const failures = servedMs > STEADY_MS ? 0 : (this.#failures.get(index) ?? 0);
    this.#failures.set(index, failures + 1);
    const delayMs = Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** Math.min(failures, 20));
    this.#logger.error(
      {
        worker: index,
        workerPid: worker.pid,
        code: end.code,
        signal: end.signal,
        servedMs: Math.round(servedMs),
        delayMs,
      },
      'worker.ended',
    );
    clock.after(delayMs, () => {
      if (this.#ending) return;
      const next = this.#fork(index);
      this.#begin(next, false).then(
        () => this.#logger.info({ worker: index, workerPid: next.pid }, 'worker.restarted'),
        (error: unknown) => {
          if (!next.gone)
            this.#logger.error({ worker: index, reason: (error as Error).message }, 'worker.start_failed');
          next.kill();
        },
      );
    });
  }

  async #load(worker: WorkerProcess, files: ConfigurationFiles | undefined): Promise<LoadOutcome> {
    const { file, overrides } = this.#options;
    return await worker.channel.ask('load', { version: PROTOCOL_VERSION, file, overrides, files });
  }

  /** From the configuration in force to serving; what changes meanwhile is caught up with before its first client. */
  async #begin(worker: WorkerProcess, lead: boolean): Promise<void> {
    const { build, onServing } = this.#options;
    let loaded = this.#inForce as InForce;
    const outcome = await this.#load(worker, loaded.files);
    if (outcome.kind === 'refused') throw new Error(outcome.reason);
    const { index } = worker;
    const firstConnection = (this.#handed.get(index) ?? 0) + 1;
    await worker.channel.ask('begin', { index, workers: this.#count, firstConnection, lead, build });
    while (this.#inForce !== loaded) {
      loaded = this.#inForce as InForce;
      await this.#catchUp(worker, loaded);
    }
    worker.serves = true;
    onServing(worker);
  }

  async #catchUp(worker: WorkerProcess, { files }: InForce): Promise<void> {
    const { result, reason } = await worker.channel.ask('reload', { reason: 'start', files, lead: false });
    if (result === 'refused') throw new Error(reason);
  }

  #beginReload(reason: ReloadReason): Promise<ReloadOutcome> {
    this.#next = undefined;
    const run = this.#reload(reason).finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  async #reload(reason: ReloadReason): Promise<ReloadOutcome> {
    const members = this.serving();
    const [lead, ...others] = members;
    if (lead === undefined) return this.#refused('no worker serves');
    const round = new ReloadRound<WorkerProcess>();
    this.#round = round;
    try {
      const { outcome, files, strays } = await round.run(lead, others, reason);
      if (outcome === undefined) return this.#refused('every worker ended meanwhile');
      if (files !== undefined) {
        this.#enter({ files, summary: outcome.summary });
        for (const stray of strays) stray.kill();
        for (const worker of this.serving())
          if (!members.includes(worker)) this.#catchUp(worker, this.#inForce as InForce).catch(() => worker.kill());
      }
      return outcome;
    } catch (error) {
      return this.#refused((error as Error).message);
    } finally {
      this.#round = undefined;
    }
  }

  #refused(reason: string): ReloadOutcome {
    return { result: 'refused', reason, problems: [], restart: [], summary: this.summary };
  }

  #enter(inForce: InForce): void {
    this.#inForce = { files: inForce.files, summary: inForce.summary };
    this.#options.onConfiguration(inForce.files, inForce.summary);
  }

  #answers(worker: WorkerProcess): Answers<SupervisorQuestions> {
    return {
      ...this.#options.doors(worker),
      beat: () => {
        worker.beat();
        return undefined;
      },
      'share.publish': (entries) => this.#hub.publish(worker, entries),
      'counter.take': ({ name, max }) => this.#counters.take(worker, name, max),
      'counter.give': (name) => {
        this.#counters.give(worker, name);
        return undefined;
      },
      reload: async (reason) => {
        const { summary: _, ...outcome } = await this.reload(reason);
        return outcome;
      },
      // Outside of a round it catches up with what is in force.
      'reload.prepared': (files) =>
        this.#round === undefined || !worker.serves ? undefined : this.#round.prepared(worker, files),
      others: async ({ name, body }) => {
        const asked = await Promise.allSettled(
          this.serving()
            .filter((other) => other !== worker)
            .map((other) => other.channel.ask('peer', { name, body })),
        );
        return asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      },
      one: async ({ index, name, body }) => {
        const other = this.#workers.get(index);
        return other?.serves === true ? { answer: await other.channel.ask('peer', { name, body }) } : undefined;
      },
    };
  }
}
