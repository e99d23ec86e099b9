/** One private MariaDB or MySQL server as a child process that can't outlive us, even after `kill -9`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { pickPort } from './free-port.ts';
import { findServer, type ServerBinary } from './server-binary.ts';
import { copyTemplate, logTail, scratchFolder, userArguments } from './server-template.ts';

export interface ServerOptions {
  /** Folder of this server. Default: a new one in the scratch folder, removed at stop(). A given folder is kept. */
  readonly folder?: string;
  /** TCP port on 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** Unique per replication group. Default: derived from the port. */
  readonly serverId?: number;
  /** Writes a binary log with GTIDs, as a primary of replicas needs. Default false. */
  readonly binaryLog?: boolean;
  /** Refuses writes of all but the replication. Default false. */
  readonly readOnly?: boolean;
  /** Flushes at each commit, so that kill() loses nothing. Default false. */
  readonly durable?: boolean;
  /** More command-line options, for example `--sql-mode=ANSI_QUOTES`. The last of equal options wins. */
  readonly options?: readonly string[];
}

/** A running server. It ends with this process, whatever ends this process. */
export interface ServerProcess {
  readonly binary: ServerBinary;
  readonly port: number;
  readonly socketPath: string;
  /** Holds data/, log.err and the socket. */
  readonly dir: string;
  /** Process id of the server itself; undefined while it is down. */
  readonly pid: number | undefined;
  /** Orderly end. Removes the folder unless it was given in the options. Safe to call twice. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash; the folder stays, restart() goes on with its data. */
  kill(): Promise<void>;
  /** Ends the server if it runs (orderly) and starts it on the same port, folder and options. */
  restart(): Promise<void>;
  /** A new connection as root over the socket; the caller ends it. */
  connection(database?: string): Promise<mysql.Connection>;
  /** Runs statements as root over the socket, one after the other. */
  execute(...statements: readonly string[]): Promise<void>;
  /** SIGSTOP: the server hangs, its sockets stay open. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

/**
 * The guard: starts the server, prints its process id, and when its standard input ends (because the parent is gone) ends
 * the server, first with $1 and after 10 s with KILL, and then removes the folder $2 if one is named.
 */
const guard = `
signal=$1 folder=$2; shift 2
exec 3<&0
"$@" </dev/null >/dev/null 3<&- & server=$!
echo $server
exec >/dev/null
{ read -r _ <&3
  [ -z "$folder" ] || : > "$folder/orphan"
  kill -s $signal $server 2>/dev/null
  i=0; while [ $i -lt 100 ] && kill -0 $server 2>/dev/null; do sleep 0.1; i=$((i+1)); done
  kill -s KILL $server 2>/dev/null
} & watcher=$!
trap '' INT TERM HUP
wait $server
kill -s KILL $watcher 2>/dev/null
[ ! -e "$folder/orphan" ] || rm -rf "$folder"
`;

const startTimeoutMs = 60_000;

class Server implements ServerProcess {
  readonly binary: ServerBinary;
  readonly dir: string;
  readonly socketPath: string;
  port: number;
  pid: number | undefined;
  readonly #options: ServerOptions;
  readonly #keeps: boolean;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  constructor(binary: ServerBinary, options: ServerOptions) {
    this.binary = binary;
    this.#options = options;
    this.#keeps = options.folder !== undefined;
    this.dir = options.folder ?? mkdtempSync(join(scratchFolder(), 's-'));
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    mkdirSync(join(this.dir, 'tmp'), { recursive: true, mode: 0o700 });
    const inside = join(this.dir, 's.sock');
    this.socketPath = inside.length < 100 ? inside : join(mkdtempSync(join(scratchFolder(), 'k-')), 's.sock');
    this.port = options.port ?? 0;
    this.pid = undefined;
  }

  get #log(): string {
    return join(this.dir, 'log.err');
  }

  #arguments(): string[] {
    const { binary, port } = this;
    const o = this.#options;
    const serverId = o.serverId ?? port;
    return [
      '--no-defaults',
      ...userArguments(),
      `--datadir=${join(this.dir, 'data')}`,
      // A server that starts removes other servers' temporary tables from a folder that they share; MariaDB crashes on that.
      `--tmpdir=${join(this.dir, 'tmp')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${this.socketPath}`,
      `--pid-file=${join(this.dir, 'pid')}`,
      `--log-error=${this.#log}`,
      '--skip-name-resolve',
      '--character-set-server=utf8mb4',
      '--innodb-buffer-pool-size=32M',
      '--max-connections=2000',
      '--back-log=1000',
      '--max-allowed-packet=64M',
      '--table-open-cache=2000',
      '--performance-schema=OFF',
      `--innodb-flush-log-at-trx-commit=${o.durable ? 1 : 2}`,
      `--server-id=${serverId}`,
      ...(binary.kind === 'mariadb'
        ? ['--innodb-log-file-size=16M', '--innodb-buffer-pool-dump-at-shutdown=OFF', '--feedback=OFF']
        : ['--innodb-redo-log-capacity=32M', '--mysqlx=OFF']),
      ...(o.binaryLog
        ? [`--log-bin=${join(this.dir, 'data', 'binlog')}`, '--binlog-format=ROW', `--sync-binlog=${o.durable ? 1 : 0}`]
        : binary.kind === 'mysql'
          ? ['--skip-log-bin']
          : []),
      ...(o.binaryLog && binary.kind === 'mariadb' ? ['--log-slave-updates=ON', '--gtid-strict-mode=ON'] : []),
      ...(o.binaryLog && binary.kind === 'mysql' ? ['--gtid-mode=ON', '--enforce-gtid-consistency=ON'] : []),
      ...(o.readOnly ? ['--read-only=ON'] : []),
      ...(o.options ?? []),
    ];
  }

  async start(): Promise<void> {
    const dataFolder = join(this.dir, 'data');
    if (!existsSync(dataFolder)) await copyTemplate(this.binary, dataFolder);
    for (let attempt = 1; ; attempt++) {
      if (this.#options.port === undefined && (this.port === 0 || attempt > 1)) this.port = await pickPort();
      this.#spawn();
      if (await this.#ready()) return;
      const log = logTail(this.#log);
      const taken = /Address already in use|Can't start server: Bind/i.test(log);
      if (!(taken && this.#options.port === undefined && attempt < 5)) {
        throw new Error(`${this.binary.path} did not start on port ${this.port}; the end of its log:\n${log}`);
      }
    }
  }

  #spawn(): void {
    rmSync(this.#log, { force: true });
    closeSync(openSync(this.#log, 'a', 0o600));
    const child = spawn(
      '/bin/sh',
      [
        '-c',
        guard,
        'shardmesh-guard',
        this.#keeps ? 'TERM' : 'KILL',
        this.#keeps ? '' : this.dir,
        this.binary.path,
        ...this.#arguments(),
      ],
      // A process group of its own: Ctrl-C in a terminal reaches us, and we end the server in order.
      { detached: true, stdio: ['pipe', 'pipe', 'ignore'] },
    );
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => {
        if (this.#child === child) this.pid = undefined;
        resolve();
      });
    });
    child.stdout?.once('data', (chunk: Buffer) => {
      this.pid = Number(chunk.toString('latin1').trim());
    });
    // A forgotten server must not keep the process alive; the guard ends it with us.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) {
      stream?.on('error', () => {});
      (stream as unknown as { unref?: () => void } | null)?.unref?.();
    }
  }

  async #ready(): Promise<boolean> {
    const end = Date.now() + startTimeoutMs;
    const child = this.#child;
    while (Date.now() < end) {
      if (child?.exitCode !== null || child.signalCode !== null) return false;
      if (
        this.pid !== undefined &&
        existsSync(this.socketPath) &&
        /ready for connections/.test(readFileSync(this.#log, 'utf8'))
      ) {
        try {
          const connection = await this.connection();
          const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT @@port AS port');
          await connection.end();
          if (Number(rows[0]?.['port']) === this.port) return true;
        } catch {
          // Not yet.
        }
      }
      await sleep(25);
    }
    await this.kill();
    return false;
  }

  async connection(database?: string): Promise<mysql.Connection> {
    return await mysql.createConnection({
      socketPath: this.socketPath,
      user: 'root',
      multipleStatements: true,
      ...(database === undefined ? {} : { database }),
    });
  }

  async execute(...statements: readonly string[]): Promise<void> {
    const connection = await this.connection();
    try {
      for (const statement of statements) await connection.query(statement);
    } finally {
      connection.destroy();
    }
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return;
    try {
      process.kill(this.pid, signal);
    } catch {
      // Gone already.
    }
  }

  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined) return;
    // While we wait for the end, the wait must keep us alive.
    this.#child.ref();
    this.resume();
    this.#signal(signal);
    const timer = setTimeout(() => this.#signal('SIGKILL'), 20_000);
    await this.#exited;
    clearTimeout(timer);
    this.#child.stdin?.destroy();
    this.#child = undefined;
    this.pid = undefined;
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end(this.#keeps ? 'SIGTERM' : 'SIGKILL');
    if (!this.#keeps) rmSync(this.dir, { recursive: true, force: true });
    if (!this.socketPath.startsWith(this.dir)) rmSync(join(this.socketPath, '..'), { recursive: true, force: true });
  }

  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    await this.start();
  }
}

/** Starts a server and waits until it answers. Throws with the end of its log when it does not. */
export const startServerProcess = async (options: ServerOptions = {}): Promise<ServerProcess> => {
  const server = new Server(await findServer(), options);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
};
