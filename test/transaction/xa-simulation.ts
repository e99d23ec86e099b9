/**
 * A world for the machines of XA: servers that keep prepared branches, a coordinator that may die or pause at any effect, requests
 * and answers that are lost or late, and two recoverers at once. Driven by a seed and a virtual clock; nothing real is touched.
 */
import {
  type BranchRole,
  beginCommit,
  beginRecovery,
  type CommitEffect,
  type CommitEvent,
  type CommitVerdict,
  commitMachine,
  type DecisionState,
  type RecoveryEffect,
  type RecoveryEvent,
  recoveryMachine,
} from '../../src/transaction/index.ts';

/** Rules that a control may leave out. */
export type DroppedRule = 'none' | 'decision' | 'claim' | 'ask' | 'prepare first' | 'await';

export interface Verdict {
  readonly seed: number;
  readonly problems: readonly string[];
  /** What happened, for a failing seed. */
  readonly story: readonly string[];
  readonly faults: number;
  readonly told: CommitVerdict | 'nothing';
}

type Random = () => number;

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Server {
  up: boolean;
  /** The coordinator's session lives. */
  session: boolean;
  state: 'active' | 'prepared' | 'committed' | 'rolled back';
  /** The commit point's table. `making`: inserted, its COMMIT still under way. */
  decision: 'none' | 'making' | 'committed' | 'rolled back';
}

class World {
  readonly random: Random;
  readonly servers: Server[];
  readonly story: string[] = [];
  readonly #queue: { at: number; run: () => void }[] = [];
  now = 0;
  faults = 0;
  /** After this nothing goes wrong any more. */
  healsAt = 30_000;

  constructor(seed: number, size: number) {
    this.random = randomOf(seed);
    this.servers = Array.from({ length: size }, () => ({ up: true, session: true, state: 'active', decision: 'none' }));
  }

  later(ms: number, run: () => void): void {
    this.#queue.push({ at: this.now + ms, run });
  }

  /** Runs until nothing is left, or for long. */
  run(): void {
    while (this.#queue.length > 0 && this.now < 200_000) {
      let first = 0;
      for (const [index, { at }] of this.#queue.entries()) if (at < (this.#queue[first]?.at ?? 0)) first = index;
      const [next] = this.#queue.splice(first, 1);
      if (next === undefined) return;
      this.now = next.at;
      next.run();
    }
  }

  /** With this probability, while the world is ill. */
  fault(probability: number, what: string): boolean {
    if (this.now > this.healsAt || this.random() >= probability) return false;
    this.faults += 1;
    this.story.push(`${this.now} ${what}`);
    return true;
  }

  dropSession(index: number): void {
    const server = this.servers[index]!;
    server.session = false;
    if (server.state === 'active') server.state = 'rolled back';
    if (server.decision === 'making') {
      server.decision = 'none';
      server.state = 'rolled back';
    }
  }

  crashServer(index: number): void {
    this.dropSession(index);
    this.servers[index]!.up = false;
    this.later(500 + this.random() ** 2 * 25_000, () => {
      this.servers[index]!.up = true;
    });
  }
}

/** One transaction from COMMIT to rest. */
export function simulate(seed: number, dropped: DroppedRule = 'none'): Verdict {
  const shape = randomOf(seed ^ 0x5bd1e995);
  const participants = 1 + Math.floor(shape() * 3);
  const readers = Math.floor(shape() * 2);
  const roles: BranchRole[] = ['commit point'];
  for (let index = 0; index < participants; index += 1) roles.push('participant');
  for (let index = 0; index < readers; index += 1) roles.push('reader');
  const world = new World(seed, roles.length);
  const coordinator = new Coordinator(world, roles, shape() * 0.25, dropped);
  for (const which of [0, 1]) new RecovererSimulation(world, roles, coordinator, which, dropped).start();
  coordinator.start();
  world.run();
  return {
    seed,
    problems: [
      ...judge(world, roles, coordinator.told),
      ...coordinator.unseen.map((index) => `told as committed before server ${index} showed it`),
    ],
    story: world.story,
    faults: world.faults,
    told: coordinator.told,
  };
}

function judge(world: World, roles: readonly BranchRole[], told: CommitVerdict | 'nothing'): string[] {
  const problems: string[] = [];
  const writers = world.servers.filter((_, index) => roles[index] !== 'reader');
  const states = new Set(writers.map(({ state }) => state));
  if (states.has('prepared')) problems.push('a branch is still prepared');
  if (states.has('active')) problems.push('a branch is still active');
  if (states.has('committed') && states.has('rolled back')) problems.push('half of the transaction is there');
  if (told === 'committed' && states.has('rolled back')) problems.push('told as committed, and lost');
  if (told === 'rolled back' && states.has('committed')) problems.push('told as rolled back, and there');
  return problems;
}

class Coordinator {
  readonly #world: World;
  readonly #illness: number;
  readonly #dropped: DroppedRule;
  #state: ReturnType<typeof beginCommit>;
  #pausedUntil = 0;
  dead = false;
  givenUp = false;
  #left = false;
  /** Servers that did not show yet what was told as committed. */
  readonly unseen: number[] = [];
  told: CommitVerdict | 'nothing' = 'nothing';

  constructor(world: World, roles: readonly BranchRole[], illness: number, dropped: DroppedRule) {
    this.#world = world;
    this.#illness = illness;
    this.#dropped = dropped;
    this.#state = beginCommit(roles);
  }

  start(): void {
    this.#happened({ kind: 'begin' });
  }

  /** The heartbeat that others see. */
  get looksDead(): boolean {
    return (
      this.dead ||
      (this.#pausedUntil > this.#world.now && this.#pausedUntil - this.#world.now < 40_000 && this.#pausedLong)
    );
  }

  #pausedLong = false;

  #happened(event: CommitEvent): void {
    if (this.dead) return;
    const step = commitMachine(this.#state, event);
    this.#state = step.next;
    for (const effect of step.effects) {
      if (this.#world.fault(this.#illness * 0.2, `coordinator dies before ${effect.kind}`)) {
        this.#die();
        return;
      }
      this.#carryOut(effect);
    }
    // The same news again, as from a wire that repeats: it must change nothing.
    if (this.#world.random() < 0.1) {
      const again = commitMachine(this.#state, event);
      if (again.effects.length > 0 && event.kind !== 'begin')
        this.#world.story.push(`repeated ${event.kind} had effects`);
    }
  }

  #die(): void {
    this.dead = true;
    for (const index of this.#world.servers.keys()) this.#world.dropSession(index);
  }

  /** A request, its execution and its answer: each part may be late or lost. `done` hears undefined when the connection is lost. */
  #ask<T>(index: number, what: string, execute: () => T, done: (answer: T | undefined) => void): void {
    const world = this.#world;
    const server = world.servers[index]!;
    if (world.fault(this.#illness * 0.3, `coordinator pauses before ${what} ${index}`)) {
      this.#pausedUntil = world.now + 3000 + world.random() * 30_000;
      this.#pausedLong = true;
    }
    const wait = Math.max(0, this.#pausedUntil - world.now);
    world.later(wait + world.random() * 20, () => {
      if (this.dead) return;
      if (world.fault(this.#illness * 0.3, `server ${index} crashes before ${what}`)) world.crashServer(index);
      const cut = world.fault(this.#illness, `cut before ${what} ${index}`);
      if (cut || !server.up || !server.session) {
        world.dropSession(index);
        world.later(1, () => done(undefined));
        return;
      }
      const answer = execute();
      world.story.push(`${world.now} ${what} ${index} -> ${JSON.stringify(answer)}`);
      if (world.fault(this.#illness, `answer lost of ${what} ${index}`)) {
        world.dropSession(index);
        world.later(1, () => done(undefined));
        return;
      }
      world.later(world.random() * 20, () => done(answer));
    });
  }

  #carryOut(effect: CommitEffect): void {
    const world = this.#world;
    switch (effect.kind) {
      case 'prepare': {
        const index = effect.branch;
        const server = world.servers[index]!;
        this.#ask(
          index,
          'prepare',
          () => {
            if (server.state !== 'active' || world.fault(this.#illness * 0.2, `prepare ${index} refused`)) return false;
            server.state = 'prepared';
            return true;
          },
          (answer) =>
            this.#happened(
              answer === true || (this.#dropped === 'prepare first' && answer === undefined)
                ? { kind: 'prepared', branch: index }
                : { kind: 'not prepared', branch: index, lost: answer === undefined },
            ),
        );
        return;
      }
      case 'decide':
        this.#decide(effect.branch);
        return;
      case 'ask':
        if (this.#dropped === 'ask') {
          this.#happened({ kind: 'told', verdict: 'rolled back' });
          return;
        }
        world.dropSession(effect.branch);
        this.#arbitrate(effect.branch, world.now + 10_000);
        return;
      case 'commit':
      case 'roll back':
        this.#end(effect.branch, effect.kind === 'commit' ? 'committed' : 'rolled back');
        return;
      case 'release': {
        const { branch } = effect;
        this.#ask(
          branch,
          'release',
          () => true,
          () => this.#happened({ kind: 'ended', branch }),
        );
        return;
      }
      case 'hand over':
        world.dropSession(effect.branch);
        this.givenUp = true;
        return;
      case 'await':
        this.#await(effect.branch, world.now + 10_000);
        return;
      case 'answer':
        this.told = effect.verdict;
        // Told means seen: unless patience had an end, every writer's server shows it.
        if (effect.verdict === 'committed' && !this.#left)
          for (const [index, { state }] of world.servers.entries()) if (state === 'prepared') this.unseen.push(index);
        return;
      case 'done':
        return;
    }
  }

  #await(index: number, until: number): void {
    const world = this.#world;
    if (this.dead) return;
    const server = world.servers[index]!;
    if (this.#dropped === 'await' || (server.up && server.state !== 'prepared'))
      this.#happened({ kind: 'ended', branch: index });
    else if (world.now >= until) {
      this.#left = true;
      this.#happened({ kind: 'left', branch: index });
    } else world.later(100, () => this.#await(index, until));
  }

  #decide(index: number): void {
    const world = this.#world;
    const server = world.servers[index]!;
    this.#ask(
      index,
      'decide',
      () => {
        if (server.decision === 'rolled back') return 'claimed';
        if (this.#dropped === 'decision') {
          server.state = 'committed';
          return 'decided';
        }
        server.decision = 'making';
        // COMMIT takes its time: whoever claims meanwhile waits, and a crash takes the row with it.
        if (world.fault(this.#illness * 0.5, 'server crashes inside of the decision')) {
          world.crashServer(index);
          return 'lost';
        }
        server.decision = 'committed';
        server.state = 'committed';
        return 'decided';
      },
      (answer) => {
        if (answer === 'decided') this.#happened({ kind: 'decided' });
        else this.#happened({ kind: 'not decided', certain: answer === 'claimed' });
      },
    );
  }

  #arbitrate(index: number, until: number): void {
    const world = this.#world;
    if (this.dead) return;
    const server = world.servers[index]!;
    if (server.up && !world.fault(this.#illness, 'no answer to the question')) {
      if (server.decision === 'none') server.decision = 'rolled back';
      world.story.push(`${world.now} told ${server.decision}`);
      const verdict = server.decision === 'committed' ? 'committed' : 'rolled back';
      world.later(1, () => this.#happened({ kind: 'told', verdict }));
      return;
    }
    if (world.now >= until) {
      this.givenUp = true;
      this.#happened({ kind: 'told', verdict: 'in doubt' });
      return;
    }
    world.later(200, () => this.#arbitrate(index, until));
  }

  #end(index: number, verdict: 'committed' | 'rolled back'): void {
    const server = this.#world.servers[index]!;
    this.#ask(
      index,
      `end ${verdict}`,
      () => {
        if (server.state === 'active' && verdict === 'rolled back') server.state = verdict;
        if (server.state === 'prepared') server.state = verdict;
        return server.state === verdict;
      },
      (answer) => {
        // Unprepared, the loss of the session has rolled it back.
        const certain = answer === true || (verdict === 'rolled back' && server.state !== 'prepared');
        this.#happened({ kind: certain ? 'ended' : 'not ended', branch: index });
      },
    );
  }
}

class RecovererSimulation {
  readonly #world: World;
  readonly #roles: readonly BranchRole[];
  readonly #coordinator: Coordinator;
  readonly #which: number;
  readonly #dropped: DroppedRule;

  constructor(
    world: World,
    roles: readonly BranchRole[],
    coordinator: Coordinator,
    which: number,
    dropped: DroppedRule,
  ) {
    this.#world = world;
    this.#roles = roles;
    this.#coordinator = coordinator;
    this.#which = which;
    this.#dropped = dropped;
  }

  start(): void {
    this.#world.later(this.#world.random() * 2000, () => this.#round());
  }

  #round(): void {
    const world = this.#world;
    const point = world.servers[0]!;
    // The coordinator's own process claims what it gave up.
    if (
      this.#which === 0 &&
      this.#coordinator.givenUp &&
      !this.#coordinator.dead &&
      point.up &&
      point.decision === 'none'
    )
      point.decision = 'rolled back';
    for (const [index, server] of world.servers.entries())
      if (this.#roles[index] === 'participant' && server.up && server.state === 'prepared') this.#recover(index);
    if (world.now < 150_000) world.later(500 + world.random() * 2000, () => this.#round());
  }

  #recover(index: number): void {
    const world = this.#world;
    let state = beginRecovery({
      ownerGone: this.#coordinator.looksDead,
      tooOld: false,
      mayKill: this.#coordinator.looksDead || world.random() < 0.3,
    });
    const happened = (event: RecoveryEvent): void => {
      const step = recoveryMachine(state, event);
      state = step.next;
      // Each step later, so that everybody else may act in between.
      for (const effect of step.effects)
        world.later(world.random() * 30, () => this.#carryOut(effect, index, happened));
    };
    happened({ kind: 'begin' });
  }

  #carryOut(effect: RecoveryEffect, index: number, happened: (event: RecoveryEvent) => void): void {
    const world = this.#world;
    const server = world.servers[index]!;
    const point = world.servers[0]!;
    if (world.fault(0.05, `recoverer ${this.#which} gives up before ${effect.kind}`)) return;
    switch (effect.kind) {
      case 'read decision':
        happened({ kind: 'decision', state: seen(point) });
        return;
      case 'claim':
        if (point.up && point.decision === 'none' && this.#dropped !== 'claim') point.decision = 'rolled back';
        happened({ kind: 'decision', state: this.#dropped === 'claim' ? 'rolled back' : seen(point) });
        return;
      case 'end':
        if (!server.up) happened({ kind: 'ended', how: 'failed' });
        else if (server.state !== 'prepared') happened({ kind: 'ended', how: 'gone' });
        else if (server.session) happened({ kind: 'ended', how: 'attached' });
        else {
          server.state = effect.verdict;
          world.story.push(`${world.now} recoverer ${this.#which} ends ${index} ${effect.verdict}`);
          happened({ kind: 'ended', how: 'done' });
        }
        return;
      case 'kill':
        world.dropSession(index);
        happened({ kind: 'killed', done: true });
        return;
      case 'check mark':
        happened({ kind: 'mark', present: server.state === 'committed' });
        return;
      case 'hazard':
        world.story.push(`hazard ${effect.reason}`);
        return;
      case 'wait':
      case 'finished':
        return;
    }
  }
}

function seen({ up, decision }: Server): DecisionState {
  return !up || decision === 'making' ? 'unknown' : decision;
}
