/** One chaos run: the bank under faults, then the audit. Used by CI for a minute and by `npm run chaos` for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { auditBank, Bank, bankRules, openBank } from './bank.ts';
import { faults } from './faults.ts';
import { type ChaosGround, SHARDS, startGround } from './ground.ts';

/** The steps of docs/transactions.md at which a sidecar may be ended, as `faultPoint` names them. */
export const crashPoints = [
  'xa 0: begun',
  'xa 1: one prepared',
  'xa 1: all prepared',
  'xa 2: decision sent',
  'xa 2: decided',
  'xa 3: one committed',
  'xa 4: all committed',
  'xa recovery: claimed',
  'xa recovery: ended',
] as const;

export interface ChaosOptions {
  readonly seed: number;
  /** Faults to inject, crash points included. */
  readonly faults: number;
  readonly layout: 'four servers' | 'shared';
  readonly clients: number;
  /** A rule of the protocol to leave out: then the audit must find something. */
  readonly dropRule?: string;
  readonly type?: string;
  /** Crash points of which the sidecars die; default: all, in turn. */
  readonly points?: readonly string[];
  /** Other faults than crash points; default true. */
  readonly disturb?: boolean;
  say?(line: string): void;
}

export interface ChaosReport {
  readonly problems: readonly string[];
  readonly committed: number;
  readonly refused: number;
  readonly unknown: number;
  readonly quietTransfers: number;
  readonly quietCommitted: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly settledMs: number;
}

/** Long enough that recovery rolls back by itself, short enough that rows are collected within a run. */
const KEEP_MS = 120_000;
/** After a fault: until connections are open again. */
const AFTERMATH_MS = 1500;

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const say = options.say ?? (() => undefined);
  const random = randomOf(options.seed);
  const points = options.points ?? crashPoints;
  let nextPoint = Math.floor(random() * points.length);
  const pointOf = [0, 0];
  const ground = await startGround({
    layout: options.layout,
    rules: bankRules,
    sidecar: `transaction: { defaultType: ${options.type ?? 'XA'}, keepDecisions: ${KEEP_MS / 1000}s }\n`,
    environment: (index) => {
      // Steps of recovery wait for something to recover: never on both sidecars, or neither would make any.
      const other = points[pointOf[1 - index] ?? 0] ?? '';
      while (/recovery/.test(points[nextPoint % points.length] ?? '') && /recovery/.test(other)) nextPoint += 1;
      const point = points[nextPoint % points.length] ?? '';
      pointOf[index] = nextPoint % points.length;
      nextPoint += 1;
      // A process that is only stopped may end its transaction by itself, and a control would see nothing.
      const how = random() < 0.25 && options.dropRule === undefined ? 'stop' : 'kill';
      // Rare steps at once, usual ones after a while.
      const chance = /recovery/.test(point) ? 0.5 : 0.012;
      return {
        SHARDMESH_FAULT_AT: started ? `${point}:${how}:${chance}` : '',
        ...(options.dropRule === undefined ? {} : { SHARDMESH_WITHOUT: options.dropRule }),
      };
    },
  });
  const counts = new Map<string, number>();
  const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
  let disturbedUntil = 0;
  let under = 0;
  const disturb = (): void => {
    disturbedUntil = Date.now() + AFTERMATH_MS;
  };
  const bank = new Bank(ground, () => under > 0 || Date.now() < disturbedUntil);
  let watching = true;
  let crashes = 0;
  /** A sidecar that has stopped itself at a crash point goes on after a while; all hits are counted. */
  const watch = async (index: number): Promise<void> => {
    const sidecar = ground.sidecars[index]!;
    let seen = 0;
    while (watching) {
      await sleep(60);
      const hits = [...(sidecar.log + sidecar.current).matchAll(/fault point: ([\w :]+?) (SIG\w+)/g)];
      const fresh = hits.slice(seen);
      seen = hits.length;
      for (const [, point = '', signal = ''] of fresh) {
        count(`crash at "${point}"`);
        crashes += 1;
        disturb();
        if (signal !== 'SIGSTOP') {
          // The supervisor would start the worker again with the same crash point: the whole sidecar goes.
          sidecar.signal('SIGKILL');
          continue;
        }
        under += 1;
        void sleep(random() < 0.3 ? 15_000 : 500 + random() * 3000).then(() => {
          under -= 1;
          disturb();
          sidecar.signal('SIGCONT');
        });
      }
      if (sidecar.process === undefined) disturb();
    }
  };
  try {
    await openBank(ground);
    started = true;
    bank.start(options.clients);
    // Only processes started from now on have crash points.
    for (const sidecar of ground.sidecars) sidecar.signal('SIGKILL');
    const watches = [0, 1].map(watch);
    let injected = 0;
    const began = Date.now();
    while (injected + crashes < options.faults) {
      await sleep(300 + random() * 1500);
      if (options.disturb === false) {
        if (Date.now() - began > 600_000) break;
        continue;
      }
      const fault = faults[Math.floor(random() * faults.length)]!;
      under += 1;
      count(fault.name);
      injected += 1;
      await fault.run(ground, random).finally(() => {
        under -= 1;
        disturb();
      });
      // Time to recover in, so that work goes on between faults.
      await sleep(1200 + random() * 2500);
      if (injected % 10 === 0)
        say(
          `${injected} faults and ${crashes} crash points; ${bank.transfers.filter((one) => one.told === 'committed').length} transfers committed`,
        );
    }
    started = false;
    // The last fault: from here on sidecars have no crash points.
    for (const sidecar of ground.sidecars) {
      sidecar.signal('SIGCONT');
      sidecar.signal('SIGKILL');
    }
    const healedAt = Date.now();
    await sleep(2000);
    say('the last fault is over');
    await bank.stop();
    say('clients have ended');
    watching = false;
    await Promise.all(watches);
    const problems = await settle(ground, healedAt);
    const settledMs = Date.now() - healedAt;
    say(`settled after ${settledMs} ms`);
    problems.push(...(await auditBank(ground, bank)));
    problems.push(...(await leftovers(ground)));
    const told = (what: string): number => bank.transfers.filter((transfer) => transfer.told === what).length;
    const quiet = bank.transfers.filter((transfer) => transfer.quiet);
    for (const [error, times] of [...bank.errors].sort((a, b) => b[1] - a[1]).slice(0, 12))
      say(`  ${times} x ${error}`);
    return {
      problems,
      committed: told('committed'),
      refused: told('refused'),
      unknown: told('unknown'),
      quietTransfers: quiet.length,
      quietCommitted: quiet.filter((transfer) => transfer.told === 'committed').length,
      faults: counts,
      settledMs,
    };
  } finally {
    watching = false;
    await ground.stop();
  }
}

/** Whether sidecars that start now have crash points. */
let started = false;

/** Within half a minute of the last fault nothing is prepared and no transaction holds anything. */
async function settle(ground: ChaosGround, since: number): Promise<string[]> {
  let left: string[] = [];
  while (Date.now() - since < 30_000) {
    left = [];
    for (const [index] of ground.servers.entries()) {
      const source = [0, 1, 2, 3].find((each) => ground.serverOf(each) === index) ?? 0;
      for (const row of await ground.rowsOf(source, 'XA RECOVER')) left.push(`server ${index} lists ${row[3]}`);
      const open = await ground.rowsOf(source, 'SELECT trx_id, trx_mysql_thread_id FROM information_schema.INNODB_TRX');
      for (const row of open) left.push(`server ${index} has the open transaction ${row[0]} of session ${row[1]}`);
    }
    if (left.length === 0) return [];
    await sleep(500);
  }
  return left;
}

/** Rows of ours beyond their time. Decisions that are not done are looked at after a minute. */
async function leftovers(ground: ChaosGround): Promise<string[]> {
  let problems = await lateRows(ground);
  // Collection takes turns of half a minute.
  for (let attempt = 0; problems.length > 0 && attempt < 30; attempt += 1) {
    await sleep(2000);
    problems = await lateRows(ground);
  }
  return problems;
}

async function lateRows(ground: ChaosGround): Promise<string[]> {
  const problems: string[] = [];
  const late = `CAST(UNIX_TIMESTAMP(SYSDATE(3))*1000 AS SIGNED) - ts > ${2 * KEEP_MS}`;
  for (let source = 0; source < SHARDS; source += 1) {
    for (const table of ['decision', 'mark']) {
      const rows = await ground.rowsOf(source, `SELECT COUNT(*) FROM shardmesh.${table} WHERE ${late}`);
      if (Number(rows[0]?.[0]) > 0) problems.push(`${rows[0]?.[0]} rows of ${table} are older than their keeping time`);
    }
    const hazards = await ground.rowsOf(source, "SELECT gid, reason FROM shardmesh.audit WHERE action='heuristic'");
    for (const [gid, reason] of hazards) problems.push(`heuristic: ${gid} ${reason}`);
  }
  return problems;
}
