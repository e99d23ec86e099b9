/**
 * Many client sessions, each with a state and rows that carry its own tag, over few backend connections, while clients,
 * backend connections and running statements are killed at random. Every answer is held against what its session must see.
 */
import type mysql from 'mysql2/promise';
import type { ShardedPair } from './sharded-pair.ts';

export const crossTalkRules = `- !SHARDING
  tables:
    tagged:
      actualDataNodes: ds_\${0..1}.tagged
      databaseStrategy: { standard: { shardingColumn: owner, shardingAlgorithmName: by_owner } }
  shardingAlgorithms:
    by_owner: { type: MOD, props: { sharding-count: 2 } }
- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }
`;

export interface CrossTalkOptions {
  readonly sessions: number;
  readonly milliseconds: number;
  readonly seed: number;
  /** Kill clients, backend connections and statements. */
  readonly chaos: boolean;
  /** Between two kills, on average; default 50. */
  readonly killEveryMs?: number;
  /** Go on to the end after a violation, with the sessions that are left. */
  readonly goOn?: boolean;
}

export interface CrossTalkResult {
  /** Statements that were answered and held against their session. */
  readonly checked: number;
  /** Statements that failed because something was killed under them. */
  readonly interrupted: number;
  readonly kills: number;
  /** What a session saw that was not its own; empty is what must be. */
  readonly violations: readonly string[];
}

/** What a killed client, connection or statement may be told. */
const INTERRUPTIONS = new Set([1053, 1205, 1213, 1317, 1927, 2013, 9101, 9102, 9103, 9104, 9105, 9109]);

/** A statement without an answer so long after the end is one that will never be answered. */
const UNANSWERED_MS = 20_000;

class Violation extends Error {}

/** Numbers that a seed fixes (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const SQL_MODES = ['STRICT_TRANS_TABLES', 'PIPES_AS_CONCAT,STRICT_TRANS_TABLES', 'NO_ZERO_DATE', ''];
const CHARSETS = ['utf8mb4', 'latin1', 'utf8mb3'];
/** A user variable that only some sessions ever assign. */
const SECRET = 'secret';

export async function createCrossTalkTables(pair: ShardedPair): Promise<void> {
  const client = await pair.connect();
  await client.query(
    'CREATE TABLE tagged (owner INT NOT NULL, id INT NOT NULL, tag VARCHAR(40), v INT NOT NULL DEFAULT 0, PRIMARY KEY (owner, id), KEY (tag))',
  );
  await client.query(
    'CREATE TABLE logs (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, owner INT NOT NULL, tag VARCHAR(40), v INT NOT NULL DEFAULT 0, KEY (owner))',
  );
  await client.end();
}

type Row = Record<string, unknown>;

/** One client with the model of its own session. */
class Talker {
  readonly #pair: ShardedPair;
  readonly #number: number;
  readonly #below: (below: number) => number;
  readonly #result: { checked: number; interrupted: number; violations: string[] };
  #client: mysql.Connection | undefined;
  #tag = '';
  #generation = 0;
  #timeZone = '';
  #concat = 0;
  #sqlMode = '';
  #charset = '';
  #secret: string | undefined;
  /** Undefined: not known, after an interrupted statement. */
  #insertId: bigint | undefined;
  #last = '';
  /** In a statement that commits on both sources. */
  #writing = false;
  /** Its state is set and its rows are there. */
  #ready = false;

  constructor(
    pair: ShardedPair,
    number: number,
    seed: number,
    result: { checked: number; interrupted: number; violations: string[] },
  ) {
    this.#pair = pair;
    this.#number = number;
    this.#below = randomNumbers(seed ^ Math.imul(number + 1, 0x9e3779b1));
    this.#result = result;
  }

  /** The thread id that the mesh gave, for KILL through the mesh. */
  get threadId(): number | undefined {
    return this.#client?.threadId;
  }

  /** The client vanishes without a word. */
  cut(): void {
    (this.#client as unknown as { connection?: { stream: { destroy(): void } } })?.connection?.stream.destroy();
  }

  /** What it is waiting for. */
  get last(): string {
    return `session ${this.#number} (${this.#tag}): ${this.#last}`;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      try {
        if (!this.#ready) await this.#begin();
        else await this.#step();
      } catch (error) {
        if (error instanceof Violation) {
          this.#result.violations.push(error.message);
          return;
        }
        const { errno, code, message, fatal } = error as {
          errno?: number;
          code?: string;
          message: string;
          fatal?: boolean;
        };
        const gone =
          fatal === true ||
          /closed state|Connection lost|ECONNRESET|EPIPE|PROTOCOL_CONNECTION_LOST/.test(`${code} ${message}`);
        if (!gone && (errno === undefined || !INTERRUPTIONS.has(errno))) {
          this.#result.violations.push(
            `session ${this.#number} (${this.#tag}): unexpected error ${errno ?? code} ${message} of: ${this.#last}`,
          );
          return;
        }
        this.#result.interrupted += 1;
        this.#insertId = undefined;
        // A LOCAL commit cut between two sources: its rows are not a test of sessions any more.
        // Nor is a COMMIT that may still be brought to its end.
        if (gone || !this.#ready || errno === 9104 || this.#writing) this.#drop();
        else await this.#recover();
      }
    }
    await this.#client?.end().catch(() => undefined);
  }

  #drop(): void {
    this.#writing = false;
    this.#client?.destroy();
    this.#client = undefined;
    this.#ready = false;
  }

  /** After an interrupted statement: out of any transaction; what a half-done statement may have assigned is assigned anew. */
  async #recover(): Promise<void> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      try {
        await this.#query('ROLLBACK');
        await this.#query('SET autocommit = 1');
        await this.#query(`SET @${SECRET} = ${this.#secret === undefined ? 'NULL' : `'${this.#secret}'`}`);
        return;
      } catch {
        if ((this.#client as unknown as { connection?: { _closing?: boolean } })?.connection?._closing === true) break;
      }
    }
    this.#drop();
  }

  async #begin(): Promise<void> {
    this.#generation += 1;
    this.#client = await this.#pair.connect({ connectTimeout: 30_000 });
    // Losses are told by the next statement.
    (this.#client as unknown as { connection: NodeJS.EventEmitter }).connection.on('error', () => undefined);
    this.#tag = `s${this.#number}g${this.#generation}`;
    this.#secret = undefined;
    // A fresh session: nothing of those that used its connections before.
    const [fresh] = await this.#query(
      `SELECT @${SECRET} AS secret, @tag AS tag, @@time_zone AS zone, LAST_INSERT_ID() AS id, @@autocommit AS auto`,
    );
    this.#same(
      'a fresh session',
      [fresh?.['secret'], fresh?.['tag'], fresh?.['zone'], Number(fresh?.['id']), Number(fresh?.['auto'])],
      [null, null, 'SYSTEM', 0, 1],
    );
    this.#insertId = 0n;
    const minutes = this.#number % 780;
    this.#timeZone = `+${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
    this.#concat = 2000 + this.#number;
    this.#sqlMode = SQL_MODES[this.#below(SQL_MODES.length)]!;
    this.#charset = CHARSETS[this.#below(CHARSETS.length)]!;
    await this.#query(
      `SET time_zone = '${this.#timeZone}', @tag = '${this.#tag}', group_concat_max_len = ${this.#concat}, sql_mode = '${this.#sqlMode}'`,
    );
    await this.#query(`SET NAMES ${this.#charset}`);
    await this.#query(`DELETE FROM tagged WHERE owner = ${this.#number} OR owner = ${this.#number + 1001}`);
    await this.#query(
      `INSERT INTO tagged (owner, id, tag) VALUES (${this.#number}, 1, '${this.#tag}'), (${this.#number + 1001}, 2, '${this.#tag}')`,
    );
    this.#ready = true;
  }

  async #query(sql: string): Promise<Row[]> {
    this.#last = sql;
    const [rows] = await this.#client!.query(sql);
    this.#result.checked += 1;
    return rows as Row[];
  }

  #same(what: string, got: unknown, wanted: unknown): void {
    if (JSON.stringify(got) === JSON.stringify(wanted)) return;
    throw new Violation(
      `session ${this.#number} (${this.#tag}), ${what}: got ${JSON.stringify(got)}, its own is ${JSON.stringify(wanted)}; last: ${this.#last}`,
    );
  }

  async #step(): Promise<void> {
    const steps = [
      this.#state,
      this.#state,
      this.#ownRow,
      this.#bothShards,
      this.#insert,
      this.#insertId_,
      this.#warning,
      this.#error,
      this.#foundRows,
      this.#failedAssignment,
      this.#assign,
      this.#prepared,
      this.#writeBoth,
      this.#transaction,
      this.#autocommitOff,
      this.#change,
      this.#clock,
      this.#named,
      this.#into,
      this.#lock,
    ];
    await steps[this.#below(steps.length)]!.call(this);
  }

  async #state(): Promise<void> {
    const [row] = await this.#query(
      `SELECT @tag AS tag, @@time_zone AS zone, @@group_concat_max_len AS len, @@sql_mode AS mode, @@character_set_client AS cs, @${SECRET} AS secret, CONNECTION_ID() AS id`,
    );
    this.#same(
      'state',
      [row?.['tag'], row?.['zone'], row?.['len'], row?.['mode'], row?.['cs'], row?.['secret'], row?.['id']],
      [this.#tag, this.#timeZone, this.#concat, this.#sqlMode, this.#charset, this.#secret ?? null, this.threadId],
    );
  }

  async #ownRow(): Promise<void> {
    const rows = await this.#query(
      `SELECT tag, @tag AS mine, @@time_zone AS zone FROM tagged WHERE owner = ${this.#number}`,
    );
    this.#same(
      'own row',
      rows.map((row) => Object.values(row)),
      [[this.#tag, this.#tag, this.#timeZone]],
    );
  }

  async #bothShards(): Promise<void> {
    const rows = await this.#query(
      `SELECT owner, tag, @tag AS mine, @@time_zone AS zone FROM tagged WHERE tag = '${this.#tag}' ORDER BY owner`,
    );
    this.#same(
      'rows of both shards',
      rows.map((row) => Object.values(row)),
      [this.#number, this.#number + 1001].map((owner) => [owner, this.#tag, this.#tag, this.#timeZone]),
    );
    if (this.#insertId === undefined) return;
    const ids = await this.#query(
      `SELECT LAST_INSERT_ID() AS id, owner FROM tagged WHERE tag = '${this.#tag}' ORDER BY owner`,
    );
    this.#same(
      'LAST_INSERT_ID() on both shards',
      ids.map((row) => String(row['id'])),
      [String(this.#insertId), String(this.#insertId)],
    );
  }

  async #insert(): Promise<void> {
    const [answer] = await this.#client!.query<mysql.ResultSetHeader>(
      `INSERT INTO logs (owner, tag) VALUES (${this.#number}, '${this.#tag}')`,
    );
    this.#result.checked += 1;
    this.#insertId = BigInt(answer.insertId);
    const [row] = await this.#query(
      'SELECT LAST_INSERT_ID() AS id, (SELECT tag FROM logs WHERE id = LAST_INSERT_ID()) AS tag',
    );
    this.#same('insert id', [String(row?.['id']), row?.['tag']], [String(this.#insertId), this.#tag]);
  }

  async #insertId_(): Promise<void> {
    if (this.#below(2) === 0) {
      const id = BigInt(1_000_000_000 + this.#number * 1000 + this.#below(1000));
      this.#insertId = undefined;
      await this.#query(`SELECT LAST_INSERT_ID(${id})`);
      this.#insertId = id;
    }
    if (this.#insertId === undefined) return;
    const [row] = await this.#query('SELECT LAST_INSERT_ID() AS id');
    this.#same('LAST_INSERT_ID()', String(row?.['id']), String(this.#insertId));
  }

  async #warning(): Promise<void> {
    await this.#query(`SELECT CAST('x${this.#tag}' AS SIGNED) AS n`);
    const rows = await this.#query('SHOW WARNINGS');
    this.#same(
      'SHOW WARNINGS',
      rows.map((row) => row['Message']),
      [`Truncated incorrect INTEGER value: 'x${this.#tag}'`],
    );
    const [counts] = await this.#query('SELECT @@warning_count AS warnings, @@error_count AS errors');
    this.#same('counts of warnings', Object.values(counts ?? {}).map(Number), [1, 0]);
    await this.#query('GET DIAGNOSTICS CONDITION 1 @message = MESSAGE_TEXT, @number = MYSQL_ERRNO');
    const [told] = await this.#query('SELECT @message AS message, @number AS number');
    this.#same(
      'GET DIAGNOSTICS',
      [told?.['message'], Number(told?.['number'])],
      [`Truncated incorrect INTEGER value: 'x${this.#tag}'`, 1292],
    );
    // A statement with a table begins a new list.
    await this.#query(`SELECT tag FROM tagged WHERE owner = ${this.#number}`);
    this.#same('no warnings', await this.#query('SHOW WARNINGS'), []);
  }

  async #error(): Promise<void> {
    try {
      await this.#query(`SELECT ${this.#tag} FROM logs WHERE owner = ${this.#number}`);
    } catch (error) {
      const { errno, message } = error as { errno: number; message: string };
      if (errno !== 1054) throw error;
      if (!message.includes(`'${this.#tag}'`)) this.#same('error text', message, this.#tag);
      const rows = await this.#query('SHOW ERRORS');
      this.#same(
        'SHOW ERRORS',
        rows.map((row) => [row['Code'], String(row['Message']).includes(`'${this.#tag}'`)]),
        [[1054, true]],
      );
      return;
    }
    throw new Violation(`session ${this.#number}: an unknown column gave no error`);
  }

  async #foundRows(): Promise<void> {
    const count = 1 + this.#below(5);
    await this.#query(Array.from({ length: count }, (_, index) => `SELECT ${index}`).join(' UNION ALL '));
    const [row] = await this.#query('SELECT FOUND_ROWS() AS n');
    this.#same('FOUND_ROWS()', Number(row?.['n']), count);
  }

  /** The statement fails after its assignment: the variable is the session's, and must not stay on the connection for others. */
  async #failedAssignment(): Promise<void> {
    const value = `${this.#tag}x${this.#below(1000)}`;
    try {
      await this.#query(`SELECT @${SECRET} := '${value}', (SELECT 1 UNION SELECT 2)`);
    } catch (error) {
      if ((error as { errno?: number }).errno !== 1242) throw error;
    }
    const [row] = await this.#query(`SELECT @${SECRET} AS secret`);
    const got = row?.['secret'];
    if (got !== (this.#secret ?? null) && got !== value) this.#same('a variable after a failed assignment', got, value);
    this.#secret = got === null ? undefined : String(got);
  }

  async #assign(): Promise<void> {
    const value = `${this.#tag}a${this.#below(1000)}`;
    const [row] = await this.#query(`SELECT @${SECRET} := '${value}' AS secret`);
    this.#same('assignment', row?.['secret'], value);
    this.#secret = value;
    const [again] = await this.#query(`SELECT @${SECRET} AS secret`);
    this.#same('after an assignment', again?.['secret'], value);
  }

  async #prepared(): Promise<void> {
    this.#last = 'prepared';
    const [rows] = await this.#client!.execute<mysql.RowDataPacket[]>(
      'SELECT ? AS p, @tag AS tag, @@time_zone AS zone',
      [this.#tag],
    );
    this.#result.checked += 1;
    this.#same(
      'prepared',
      rows.map((row) => Object.values(row)),
      [[this.#tag, this.#tag, this.#timeZone]],
    );
    const [own] = await this.#client!.execute<mysql.RowDataPacket[]>('SELECT tag FROM tagged WHERE owner = ?', [
      this.#number + 1001,
    ]);
    this.#result.checked += 1;
    this.#same(
      'prepared, sharded',
      own.map((row) => row['tag']),
      [this.#tag],
    );
  }

  async #writeBoth(): Promise<void> {
    this.#writing = true;
    const [answer] = await this.#client!.query<mysql.ResultSetHeader>(
      `UPDATE tagged SET v = v + 1 WHERE tag = '${this.#tag}'`,
    );
    this.#result.checked += 1;
    this.#same('affected rows', answer.affectedRows, 2);
    const [row] = await this.#query('SELECT ROW_COUNT() AS n');
    this.#same('ROW_COUNT()', Number(row?.['n']), 2);
    // Also when the connection was killed behind the decision: COMMIT waits for whoever ends the branch.
    const rows = await this.#query(`SELECT v FROM tagged WHERE tag = '${this.#tag}'`);
    if (rows.length !== 2 || rows[0]?.['v'] !== rows[1]?.['v']) this.#same('both or none', rows, 'two equal values');
    this.#writing = false;
  }

  async #transaction(): Promise<void> {
    const before = await this.#total();
    await this.#query('BEGIN');
    const [first, second] = this.#owners();
    await this.#query(`UPDATE tagged SET v = v + 10 WHERE owner = ${first}`);
    await this.#state();
    await this.#query(`UPDATE tagged SET v = v + 10 WHERE owner = ${second}`);
    this.#same('inside its transaction', await this.#total(), before + 20);
    await this.#query('ROLLBACK');
    this.#same('after ROLLBACK', await this.#total(), before);
  }

  async #autocommitOff(): Promise<void> {
    const before = await this.#total();
    await this.#query('SET autocommit = 0');
    await this.#query(`UPDATE tagged SET v = v + 1 WHERE owner = ${this.#owners()[0]}`);
    const [row] = await this.#query('SELECT @@autocommit AS auto');
    this.#same('@@autocommit', Number(row?.['auto']), 0);
    await this.#query('ROLLBACK');
    await this.#query('SET autocommit = 1');
    this.#same('after ROLLBACK with autocommit=0', await this.#total(), before);
  }

  /** Its two rows' keys, ds_0's first: transactions that take the four connections of two sources in two orders wait for each other. */
  #owners(): readonly number[] {
    return this.#number % 2 === 0 ? [this.#number, this.#number + 1001] : [this.#number + 1001, this.#number];
  }

  async #total(): Promise<number> {
    const [row] = await this.#query(
      `SELECT SUM(v) AS v FROM tagged WHERE owner IN (${this.#number}, ${this.#number + 1001})`,
    );
    return Number(row?.['v']);
  }

  async #change(): Promise<void> {
    const next = 2000 + this.#number + 1000 * this.#below(10);
    await this.#query(`SET group_concat_max_len = ${next}`);
    this.#concat = next;
    if (this.#below(2) === 0) {
      const charset = CHARSETS[this.#below(CHARSETS.length)]!;
      await this.#query(`SET NAMES ${charset}`);
      this.#charset = charset;
    }
    await this.#state();
  }

  /** PREPARE and EXECUTE in text: the same name in every session, another text in each. */
  async #named(): Promise<void> {
    await this.#query(`PREPARE named FROM 'SELECT ? AS p, ''${this.#tag}'' AS own, tag FROM tagged WHERE owner = ?'`);
    const [owner] = this.#owners();
    await this.#query(`SET @owner = ${owner}`);
    for (let times = 1 + this.#below(2); times > 0; times -= 1) {
      const rows = await this.#query('EXECUTE named USING @tag, @owner');
      this.#same(
        'EXECUTE',
        rows.map((row) => Object.values(row)),
        [[this.#tag, this.#tag, this.#tag]],
      );
    }
    if (this.#below(2) === 0) await this.#query('DEALLOCATE PREPARE named');
  }

  /** Rows of both shards into variables. */
  async #into(): Promise<void> {
    await this.#query(`SELECT COUNT(*), MAX(tag) INTO @count, @most FROM tagged WHERE tag = '${this.#tag}'`);
    const [row] = await this.#query('SELECT @count AS count, @most AS most');
    this.#same('SELECT INTO', [Number(row?.['count']), row?.['most']], [2, this.#tag]);
  }

  /** A lock pins a connection; it must be this session's, free for others afterwards, and gone with the session. */
  async #lock(): Promise<void> {
    if (this.#below(4) > 0) return;
    const name = `lock of ${this.#number}`;
    const [taken] = await this.#query(`SELECT GET_LOCK('${name}', 10) AS got`);
    this.#same('GET_LOCK', Number(taken?.['got']), 1);
    await this.#state();
    const [released] = await this.#query(`SELECT RELEASE_LOCK('${name}') AS got`);
    this.#same('RELEASE_LOCK', Number(released?.['got']), 1);
  }

  /** A statement's fixed time must not stay on a connection. */
  async #clock(): Promise<void> {
    const [row] = await this.#query('SELECT ABS(TIMESTAMPDIFF(SECOND, NOW(), SYSDATE())) > 3 AS frozen');
    this.#same('NOW() is frozen', Number(row?.['frozen']), 0);
  }
}

export async function crossTalk(pair: ShardedPair, options: CrossTalkOptions): Promise<CrossTalkResult> {
  const result = { checked: 0, interrupted: 0, violations: [] as string[] };
  let kills = 0;
  const deadline = performance.now() + options.milliseconds;
  const isOver = (): boolean => performance.now() > deadline || (options.goOn !== true && result.violations.length > 0);
  const talkers = Array.from(
    { length: options.sessions },
    (_, number) => new Talker(pair, number, options.seed, result),
  );
  const below = randomNumbers(options.seed);

  const chaos = async (): Promise<void> => {
    if (!options.chaos) return;
    const roots = await Promise.all(pair.servers.map((server) => server.connection()));
    const killer = await pair.connect();
    while (!isOver()) {
      await new Promise((resolve) => setTimeout(resolve, below(2 * (options.killEveryMs ?? 50))));
      kills += 1;
      const talker = talkers[below(talkers.length)]!;
      const kind = below(4);
      if (kind === 0) talker.cut();
      else if (kind === 1 && talker.threadId !== undefined)
        await killer.query(`KILL ${below(4) === 0 ? '' : 'QUERY'} ${talker.threadId}`).catch(() => undefined);
      else if (kind >= 2) {
        const root = roots[below(roots.length)]!;
        const [threads] = await root.query<mysql.RowDataPacket[]>(
          "SELECT id FROM information_schema.processlist WHERE user = 'mesh'",
        );
        const id = threads[below(Math.max(1, threads.length))]?.['id'];
        if (id !== undefined) await root.query(`KILL ${kind === 2 ? '' : 'QUERY'} ${id}`).catch(() => undefined);
      }
    }
    await Promise.all([...roots.map((root) => root.end()), killer.end()].map((end) => end.catch(() => undefined)));
  };
  const running = new Set<Talker>(talkers);
  const talking = talkers.map(async (talker) => {
    await talker.run(isOver);
    running.delete(talker);
  });
  let timer: NodeJS.Timeout | undefined;
  const unanswered = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      if (result.violations.length === 0)
        for (const talker of running) result.violations.push(`never answered: ${talker.last}`);
      for (const talker of running) talker.cut();
      resolve();
    }, options.milliseconds + UNANSWERED_MS);
  });
  await Promise.race([unanswered, Promise.all([chaos(), ...talking])]);
  clearTimeout(timer);
  return { ...result, kills };
}
