/** One primary as the recoverer sees it: a connection of its own, this process's heartbeat there, and what can be asked of it. */
import { type BackendConnection, BackendFault, ServerError, type SmallResult } from '../../backend/index.ts';
import type { Clock } from '../../base/index.ts';
import { meshSchema, serverTime } from '../tables.ts';
import type { CommitVerdict } from './commit-machine.ts';
import type { DecisionState } from './recovery-machine.ts';
import { openInternal, readFacts, type ServerFacts, type ServerTarget, sameIncarnation } from './server-facts.ts';
import { type ListedBranch, listedBranch } from './transaction-id.ts';
import { COMMITTED, claimSql, readDecisionSql } from './xa-sql.ts';

const ANSWER_TIMEOUT_MS = 5000;
/** Facts change when an administrator acts; a problem is looked at again soon. */
const FACTS_AGE_MS = 10_000;
const PROBLEM_AGE_MS = 1000;
/** A recoverer writes its heartbeat on the connection that holds the lock: idle for longer, it is paused. */
const HOLDER_IDLE_SECONDS = 12;
const LOCK = 'shardmesh_recovery';

export class ServerWatch {
  target: ServerTarget;
  readonly #node: string;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #unsafe: () => 'refuse' | 'warn';
  #connection: BackendConnection | undefined;
  #opening: Promise<BackendConnection> | undefined;
  #facts: ServerFacts | undefined;
  #factsAt = 0;
  #learning: Promise<ServerFacts> | undefined;
  #closed = false;

  constructor(target: ServerTarget, node: string, host: string, clock: Clock, unsafe: () => 'refuse' | 'warn') {
    this.target = target;
    this.#node = node;
    this.#host = host;
    this.#clock = clock;
    this.#unsafe = unsafe;
  }

  /** As they were last learnt; undefined: not yet, or the connection was lost since. */
  get facts(): ServerFacts | undefined {
    return this.#facts;
  }

  /** Facts that are good enough to begin a branch with; known ones without waiting. */
  async learn(): Promise<ServerFacts> {
    const known = this.#facts;
    const age = this.#clock.monotonic() - this.#factsAt;
    if (known !== undefined && age < (known.problem === undefined ? FACTS_AGE_MS : PROBLEM_AGE_MS)) return known;
    this.#learning ??= this.#learn().finally(() => {
      this.#learning = undefined;
    });
    return await this.#learning;
  }

  async #learn(): Promise<ServerFacts> {
    const connection = await this.#open();
    const facts = await readFacts(connection, this.target.address, {
      replicated: this.target.replicas.length > 0,
      unsafe: this.#unsafe(),
    });
    this.#factsAt = this.#clock.monotonic();
    this.#facts = facts;
    // Before the first branch: whoever finds it must be able to see that its owner lives.
    if (facts.problem === undefined) await this.beat();
    return facts;
  }

  /** Rejects with ServerError or BackendFault; a server that does not answer is cut off. */
  async query(sql: string, timeoutMs = ANSWER_TIMEOUT_MS): Promise<SmallResult> {
    const connection = await this.#open();
    const cancel = this.#clock.after(timeoutMs, () =>
      connection.destroy(new Error(`no answer within ${timeoutMs} ms`)),
    );
    try {
      return await connection.query(sql);
    } catch (error) {
      if (error instanceof BackendFault) this.#lost(connection);
      throw error;
    } finally {
      cancel();
    }
  }

  async beat(): Promise<void> {
    const host = this.#host.replace(/[^\w.-]/g, '_').slice(0, 255);
    await this.query(
      `INSERT INTO ${meshSchema}.node VALUES ('${this.#node}','${host}',${serverTime}) ON DUPLICATE KEY UPDATE beat=${serverTime}`,
    );
  }

  /** Our prepared branches on this server. */
  async listed(): Promise<readonly ListedBranch[]> {
    const { rows } = await this.query('XA RECOVER');
    return rows.map((row) => listedBranch(row)).filter((branch) => branch !== undefined);
  }

  /** Milliseconds since the last heartbeat of each node that ever wrote one here. */
  async beatAges(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.query(`SELECT node, ${serverTime} - beat FROM ${meshSchema}.node`);
    return new Map(rows.map((row) => [row[0] ?? '', Number(row[1])]));
  }

  async readDecision(gid: string): Promise<DecisionState> {
    try {
      return decisionOf((await this.query(readDecisionSql(gid))).rows);
    } catch {
      return 'unknown';
    }
  }

  /** Claims "rolled back" unless there is a decision. `unknown`: the server cannot be asked, or the decision is being made. */
  async claim(gid: string): Promise<CommitVerdict | 'unknown'> {
    try {
      const state = decisionOf((await this.query(claimSql(gid, this.#node))).rows);
      return state === 'none' ? 'unknown' : state;
    } catch {
      return 'unknown';
    }
  }

  async hasMark(gid: string, branch: string): Promise<boolean> {
    const { rows } = await this.query(`SELECT 1 FROM ${meshSchema}.mark WHERE gid='${gid}' AND branch='${branch}'`);
    return rows.length > 0;
  }

  /** One recoverer at a time for each server: not needed for right outcomes, but servers do not like XA COMMIT raced. A paused holder loses it. */
  async holdLock(): Promise<boolean> {
    const { rows } = await this.query(
      `SELECT IF(IS_USED_LOCK('${LOCK}')=CONNECTION_ID(),1,GET_LOCK('${LOCK}',0)), IS_USED_LOCK('${LOCK}')`,
    );
    if (rows[0]?.[0] === '1') return true;
    const holder = Number(rows[0]?.[1] ?? 0);
    if (holder > 0) await this.#kill(holder, `COMMAND='Sleep' AND TIME>=${HOLDER_IDLE_SECONDS}`);
    return false;
  }

  /** True: that session is no more. Only if the server has not been restarted since, and the session is one of our account. */
  async killSession(incarnation: string, threadId: number): Promise<boolean> {
    const facts = await this.learn();
    if (!sameIncarnation(facts.incarnation, incarnation)) return false;
    return await this.#kill(threadId, '1=1');
  }

  async #kill(threadId: number, condition: string): Promise<boolean> {
    const { rows } = await this.query(
      `SELECT USER, ${condition} FROM information_schema.PROCESSLIST WHERE ID=${threadId}`,
    );
    const [row] = rows;
    if (row === undefined) return true;
    if (row[0] !== this.target.connect.user || row[1] !== '1') return false;
    try {
      await this.query(`KILL CONNECTION ${threadId}`);
    } catch (error) {
      if (!(error instanceof ServerError) || error.errno !== ER_NO_SUCH_THREAD) throw error;
    }
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#connection?.end();
    this.#connection = undefined;
  }

  async #open(): Promise<BackendConnection> {
    if (this.#closed) throw new Error('the recovery of this server has been stopped');
    const known = this.#connection;
    if (known !== undefined && known.state !== 'closed') return known;
    this.#facts = undefined;
    this.#opening ??= openInternal(this.target.connect).finally(() => {
      this.#opening = undefined;
    });
    const connection = await this.#opening;
    if (this.#closed) connection.end();
    this.#connection = connection;
    return connection;
  }

  #lost(connection: BackendConnection): void {
    connection.destroy();
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#facts = undefined;
  }
}

const ER_NO_SUCH_THREAD = 1094;

function decisionOf(rows: readonly (readonly (string | null)[])[]): 'committed' | 'rolled back' | 'none' {
  const [row] = rows;
  if (row === undefined) return 'none';
  return Number(row[0]) === COMMITTED ? 'committed' : 'rolled back';
}
