/**
 * A model of servers, sessions and sidecars around the machines of best-effort delivery: every effect may fail, be carried out with
 * its answer lost, be carried out late, or be the last thing a sidecar does; sidecars pause for any time.
 */
import {
  beginCommit,
  type CommitEffect,
  type CommitEvent,
  type CommitState,
  commitMachine,
} from '../../../src/transaction/best-effort/commit-machine.ts';
import {
  beginRelay,
  type RelayEffect,
  type RelayEvent,
  type RelayState,
  relayMachine,
} from '../../../src/transaction/best-effort/relay-machine.ts';

/** A rule that is left out, to see that the simulation notices. */
export type Omission = 'inbox' | 'bar' | 'settled rows' | 'confirm' | 'sweep asks home';

/** Mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const KEEP_MS = 24 * 3_600_000;
/** The servers cut off a session that is idle for longer. */
const IDLE_MS = KEEP_MS / 2;
const CLAIM_MS = 30_000;
const limits = { firstMs: 1000, longestMs: 300_000, ageMaxMs: KEEP_MS };

interface Connection {
  open: boolean;
  lastUsed: number;
}

interface Row {
  state: 'pending' | 'settled' | 'barred' | 'dead';
  epoch: number;
  tries: number;
  made: number;
  next: number;
}

interface Target {
  count: number;
  /** seq's row in the inbox: when it came. */
  inbox: number | undefined;
  /** Who has inserted the inbox row without committing. */
  inboxHeld: Connection | undefined;
  /** Whose open transaction has written the rows. */
  rowsHeld: Connection | undefined;
}

/** One thing that a sidecar wants done; answers what to tell it, or `wait` if a lock is in its way. */
interface Action {
  readonly actor: Actor;
  readonly on: Connection | undefined;
  run(): Event | 'wait' | undefined;
  lost(): Event | undefined;
}
type Event = CommitEvent | RelayEvent;

interface Actor {
  alive: boolean;
  asleepUntil: number;
  /** In order. */
  queue: Action[];
  /** Side by side. */
  beside: Action[];
  tell(event: Event | undefined): void;
}

export interface Verdict {
  readonly problems: readonly string[];
  readonly outcome: string;
}

export function simulate(seed: number, omission?: Omission): Verdict {
  const random = randomOf(seed);
  const chance = (p: number): boolean => random() < p;
  const problems: string[] = [];
  let now = 0;
  let faults = true;
  /** Two transactions that write the same rows wait for each other; plain inserts do not. */
  const sameRows = chance(0.5);
  const connections: Connection[] = [];
  const connect = (): Connection => {
    const connection = { open: true, lastUsed: now };
    connections.push(connection);
    return connection;
  };
  const late: { at: number; on: Connection; run: () => unknown }[] = [];

  const targetCount = 1 + Math.floor(random() * 3);
  const outbox = new Map<number, Row>();
  let homeCount = 0;
  const targets: Target[] = Array.from({ length: targetCount }, () => ({
    count: 0,
    inbox: undefined,
    inboxHeld: undefined,
    rowsHeld: undefined,
  }));
  const letGo = (connection: Connection): void => {
    connection.open = false;
    for (const target of targets) {
      if (target.inboxHeld === connection) target.inboxHeld = undefined;
      if (target.rowsHeld === connection) target.rowsHeld = undefined;
    }
  };

  // ---- the session that commits ----
  const homeSession = connect();
  const branchSessions = targets.map((target) => {
    const session = connect();
    if (sameRows) target.rowsHeld = session;
    return session;
  });
  let commit: CommitState = beginCommit(targetCount);
  const coordinator: Actor = { alive: true, asleepUntil: 0, queue: [], beside: [], tell: () => undefined };
  coordinator.tell = (event) => {
    if (event === undefined) return;
    const { next, effects } = commitMachine(commit, event as CommitEvent);
    commit = next;
    for (const effect of effects) {
      if (effect.kind === 'deliver') coordinator.beside.push(commitAction(effect));
      else coordinator.queue.push(commitAction(effect));
    }
  };
  const deliverBranch = (index: number): Event | 'wait' => {
    const target = targets[index] as Target;
    const session = branchSessions[index] as Connection;
    const event: CommitEvent = { kind: 'delivered', target: index };
    if (!session.open) return { kind: 'undelivered', target: index };
    if (omission !== 'inbox') {
      if (target.inboxHeld !== undefined && target.inboxHeld !== session) return 'wait';
      if (target.inbox !== undefined) {
        letGo(session);
        return event;
      }
      target.inbox = now;
    }
    target.count += 1;
    letGo(session);
    return event;
  };
  function commitAction(effect: CommitEffect): Action {
    const actor = coordinator;
    switch (effect.kind) {
      case 'decide':
        return {
          actor,
          on: homeSession,
          run: () => {
            if (!homeSession.open || outbox.has(0)) return { kind: 'refused' };
            for (let seq = 0; seq < targetCount; seq += 1)
              outbox.set(seq, { state: 'pending', epoch: 0, tries: 0, made: now, next: now + 5000 });
            homeCount += 1;
            letGo(homeSession);
            return { kind: 'decided' };
          },
          lost: () => ({ kind: 'unanswered' }),
        };
      case 'ask':
        return {
          actor,
          on: undefined,
          run: () => {
            const row = outbox.get(0);
            if (row === undefined) {
              if (omission !== 'bar') outbox.set(0, { state: 'barred', epoch: 0, tries: 0, made: now, next: now });
              // So late that a settled row may have been swept: it proves nothing any more.
              return { kind: now > KEEP_MS / 2 ? 'unreachable' : 'barred' };
            }
            return { kind: row.state !== 'barred' ? 'found' : now > KEEP_MS / 2 ? 'unreachable' : 'barred' };
          },
          // It is asked again, or given up.
          lost: () => {
            if (chance(0.3)) return { kind: 'unreachable' };
            actor.queue.unshift(commitAction(effect));
            return undefined;
          },
        };
      case 'deliver':
        return {
          actor,
          on: branchSessions[effect.target],
          run: () => deliverBranch(effect.target),
          lost: () => ({ kind: 'undelivered', target: effect.target }),
        };
      case 'forget':
        return {
          actor,
          on: undefined,
          run: () => {
            outbox.delete(effect.target);
            return undefined;
          },
          lost: () => undefined,
        };
      case 'roll back':
        return {
          actor,
          on: undefined,
          run: () => {
            for (const session of branchSessions) letGo(session);
            return undefined;
          },
          lost: () => undefined,
        };
      case 'hand over':
        return { actor, on: undefined, run: () => undefined, lost: () => undefined };
    }
  }

  // ---- the relays ----
  const relays: Actor[] = [0, 1].map(() => relay());
  function relay(): Actor {
    let state: RelayState | undefined;
    let seq = 0;
    let epoch = 0;
    let session: Connection | undefined;
    const actor: Actor = { alive: true, asleepUntil: 0, queue: [], beside: [], tell: () => undefined };
    const mine = (): Row | undefined => {
      const row = outbox.get(seq);
      return row?.epoch === epoch && row.state === 'pending' ? row : undefined;
    };
    const failed = (): RelayEvent => ({ kind: 'failed', reason: 'fault', random: random() });
    const look: Action = {
      actor,
      on: undefined,
      run: () => {
        const due = [...outbox].filter(([, row]) => row.state === 'pending' && row.next <= now);
        const [found, row] = due[Math.floor(random() * due.length)] ?? [];
        if (found === undefined || row === undefined) return undefined;
        row.epoch += 1;
        row.tries += 1;
        row.next = now + CLAIM_MS;
        seq = found;
        epoch = row.epoch;
        state = beginRelay(row.tries, now - row.made, limits);
        actor.queue.push(action({ kind: 'write' }));
        return undefined;
      },
      lost: () => undefined,
    };
    const action = (effect: RelayEffect): Action => ({
      actor,
      on: effect.kind === 'commit' ? session : undefined,
      run: () => {
        const target = targets[seq] as Target;
        switch (effect.kind) {
          case 'write': {
            session = connect();
            if (omission !== 'inbox') {
              if (target.inboxHeld !== undefined) return failed();
              if (target.inbox !== undefined) return { kind: 'known' };
            }
            if (target.rowsHeld !== undefined) return failed();
            target.inboxHeld = session;
            if (sameRows) target.rowsHeld = session;
            return { kind: 'written' };
          }
          case 'confirm': {
            if (omission === 'confirm') return { kind: 'confirmed' };
            const row = mine();
            if (row === undefined) return { kind: 'lost' };
            row.next = now + CLAIM_MS;
            return { kind: 'confirmed' };
          }
          case 'commit':
            if (session?.open !== true) return failed();
            target.inbox = omission === 'inbox' ? undefined : now;
            target.count += 1;
            letGo(session);
            return { kind: 'committed' };
          case 'roll back':
            if (session !== undefined) letGo(session);
            return undefined;
          case 'settle': {
            const row = mine();
            if (row === undefined) return undefined;
            if (omission === 'settled rows') outbox.delete(seq);
            else {
              row.state = 'settled';
              row.next = now;
            }
            return undefined;
          }
          case 'postpone': {
            const row = mine();
            if (row !== undefined) row.next = now + effect.ms;
            return undefined;
          }
          case 'bury': {
            const row = mine();
            if (row !== undefined) row.state = 'dead';
            return undefined;
          }
        }
      },
      lost: () => {
        const asking = effect.kind === 'write' || effect.kind === 'confirm' || effect.kind === 'commit';
        return asking ? failed() : undefined;
      },
    });
    actor.tell = (event) => {
      if (event !== undefined && state !== undefined) {
        const step = relayMachine(state, event as RelayEvent);
        state = step.next;
        for (const effect of step.effects) actor.queue.push(action(effect));
      }
      if (actor.queue.length === 0) actor.queue.push(look);
    };
    actor.queue.push(look);
    return actor;
  }

  const sweep = (): void => {
    for (const [seq, row] of outbox)
      if ((row.state === 'settled' || row.state === 'barred') && row.next < now - KEEP_MS) outbox.delete(seq);
    for (const [seq, target] of targets.entries()) {
      if (target.inbox === undefined || target.inbox >= now - KEEP_MS) continue;
      if (omission === 'sweep asks home' || !outbox.has(seq)) target.inbox = undefined;
    }
  };

  const passTime = (): void => {
    const scale = faults ? random() : 0.7;
    now += scale < 0.6 ? random() * 2000 : scale < 0.9 ? random() * 60_000 : random() * KEEP_MS * 1.5;
    for (const connection of connections) if (connection.open && connection.lastUsed < now - IDLE_MS) letGo(connection);
    for (let index = late.length - 1; index >= 0; index -= 1) {
      const entry = late[index] as (typeof late)[number];
      if (entry.at > now) continue;
      late.splice(index, 1);
      if (entry.on.open) entry.run();
    }
    if (chance(0.3)) sweep();
  };

  const crash = (actor: Actor): void => {
    actor.alive = false;
    actor.queue = [];
    actor.beside = [];
    if (actor === coordinator) {
      // The servers may notice at once or with the next time-out.
      for (const session of [homeSession, ...branchSessions])
        if (chance(0.7) && !late.some((entry) => entry.on === session)) letGo(session);
    } else {
      relays.splice(relays.indexOf(actor), 1, relay());
    }
  };

  const perform = (actor: Actor): void => {
    const besides = actor.beside.length > 0 && (actor.queue.length === 0 || chance(0.5));
    const list = besides ? actor.beside : actor.queue;
    const at = besides ? Math.floor(random() * list.length) : 0;
    const action = list[at];
    if (action === undefined) return;
    if (faults && chance(0.02)) {
      crash(actor);
      return;
    }
    if (faults && chance(0.03)) actor.asleepUntil = now + random() * KEEP_MS * (chance(0.2) ? 3 : 0.0005);
    list.splice(at, 1);
    const fate = faults ? random() : 1;
    if (fate < 0.06) {
      actor.tell(action.lost());
      return;
    }
    if (fate < 0.12 && action.on !== undefined) {
      // Under way on a connection that this side has given up: it arrives later, or never.
      const on = action.on;
      late.push({ at: now + random() * 120_000, on, run: () => action.run() });
      actor.tell(action.lost());
      return;
    }
    if (action.on !== undefined) action.on.lastUsed = now;
    const event = action.run();
    if (event === 'wait') {
      list.push(action);
      return;
    }
    if (faults && chance(0.02)) crash(actor);
    else actor.tell(fate < 0.2 ? action.lost() : event);
  };

  coordinator.queue.push(commitAction({ kind: 'decide' }));
  const run = (steps: number): void => {
    for (let step = 0; step < steps; step += 1) {
      const awake = [coordinator, ...relays].filter((actor) => actor.alive && actor.asleepUntil <= now);
      const actor = awake[Math.floor(random() * awake.length)];
      if (actor !== undefined) perform(actor);
      if (chance(0.3)) passTime();
      for (const [index, target] of targets.entries())
        if (target.count > 1) problems.push(`target ${index} got it ${target.count} times`);
      if (problems.length > 0) return;
    }
  };
  run(150);
  faults = false;
  for (const actor of [coordinator, ...relays]) actor.asleepUntil = 0;
  // The servers notice who is gone.
  for (const steps of [300, 600]) {
    const kept = coordinator.alive && commit.kind !== 'ended' ? [homeSession, ...branchSessions] : [];
    for (const connection of connections) if (!kept.includes(connection)) letGo(connection);
    run(steps);
  }

  const outcome = commit.kind === 'ended' ? commit.outcome : 'cut off';
  const open = [...outbox.values()].filter((row) => row.state === 'pending');
  const dead = [...outbox].filter(([, row]) => row.state === 'dead').map(([seq]) => seq);
  if (open.length > 0) problems.push(`${open.length} rows are still pending`);
  if (outcome === 'committed' && homeCount !== 1) problems.push('told as committed, but the home has nothing');
  if (outcome === 'rolled back' && homeCount !== 0) problems.push('told as rolled back, but the home has it');
  for (const [index, target] of targets.entries()) {
    if (target.count > homeCount) problems.push(`target ${index} has what the home has not`);
    // A letter that is dead may have arrived nevertheless: RETRY finds out.
    if (target.count < homeCount && !dead.includes(index)) problems.push(`target ${index} did not get it`);
  }
  now += KEEP_MS * 3;
  sweep();
  sweep();
  const left = [...outbox.values()].filter((row) => row.state !== 'dead').length;
  const inboxLeft = targets.filter((target, index) => target.inbox !== undefined && !dead.includes(index)).length;
  if (left + inboxLeft > 0) problems.push(`${left} outbox and ${inboxLeft} inbox rows are left`);
  return { problems, outcome: `${outcome}${dead.length > 0 ? ', dead letters' : ''}` };
}
