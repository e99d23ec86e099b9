/** Other proxies to compare with, in front of one server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, pickPort } from '../src/demo/index.ts';

export interface RunningProxy {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export type ProxyKind = 'haproxy' | 'node-tcp' | 'mysqlrouter' | 'proxysql';

export interface ProxyGround {
  readonly folder: string;
  /** Of the server behind it. */
  readonly port: number;
  readonly account: { readonly user: string; readonly password: string };
}

/** Starts a proxy, or answers why it is not measured. */
export async function startProxy(kind: ProxyKind, ground: ProxyGround): Promise<RunningProxy | string> {
  const port = await pickPort();
  switch (kind) {
    case 'haproxy': {
      const program = process.env['HAPROXY'] ?? findProgram('haproxy');
      if (program === undefined)
        return 'HAProxy is not measured: install the package haproxy, or name it with HAPROXY=/path/to/haproxy';
      return run(program, ['-db', '-f', write(ground, 'haproxy.cfg', haproxyConfig(port, ground.port))], port);
    }
    case 'node-tcp':
      return run(process.execPath, [join(import.meta.dirname, 'tcp-pipe.ts'), String(port), String(ground.port)], port);
    case 'mysqlrouter': {
      const program = process.env['MYSQLROUTER'];
      if (program === undefined) return 'MySQL Router is not measured: name it with MYSQLROUTER=/path/to/mysqlrouter';
      return run(program, ['-c', write(ground, 'router.conf', routerConfig(port, ground))], port);
    }
    case 'proxysql': {
      const program = process.env['PROXYSQL'];
      if (program === undefined) return 'ProxySQL is not measured: name it with PROXYSQL=/path/to/proxysql';
      const admin = await pickPort();
      const data = join(ground.folder, 'proxysql');
      mkdirSync(data);
      const config = write(ground, 'proxysql.cfg', proxysqlConfig(port, admin, ground));
      return run(program, ['-f', '--initial', '-D', data, '-c', config], port);
    }
  }
}

/** One thread, as the others have one: so that CPU per query can be compared. */
const haproxyConfig = (port: number, server: number): string => `global
  nbthread 1
  maxconn 5000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend mysql
  bind 127.0.0.1:${port}
  default_backend server
backend server
  server one 127.0.0.1:${server}
`;

const routerConfig = (port: number, ground: ProxyGround): string => `[DEFAULT]
logging_folder=
runtime_folder=${ground.folder}
data_folder=${ground.folder}
[logger]
level=WARNING
[io]
threads=1
[routing:bench]
bind_address=127.0.0.1
bind_port=${port}
destinations=127.0.0.1:${ground.port}
routing_strategy=first-available
client_ssl_mode=DISABLED
server_ssl_mode=DISABLED
max_connections=5000
`;

const proxysqlConfig = (
  port: number,
  admin: number,
  ground: ProxyGround,
): string => `datadir="${join(ground.folder, 'proxysql')}"
admin_variables= { admin_credentials="admin:admin" mysql_ifaces="127.0.0.1:${admin}" }
mysql_variables= { threads=1 max_connections=5000 interfaces="127.0.0.1:${port}" monitor_enabled=false }
mysql_servers = ( { address="127.0.0.1" port=${ground.port} hostgroup=0 max_connections=1000 } )
mysql_users = ( { username="${ground.account.user}" password="${ground.account.password}" default_hostgroup=0 } )
`;

function write(ground: ProxyGround, name: string, text: string): string {
  const file = join(ground.folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

async function run(program: string, args: readonly string[], port: number): Promise<RunningProxy> {
  if (program.includes('/') && !existsSync(program)) throw new Error(`${program} does not exist`);
  let said = '';
  const child: ChildProcess = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-2000);
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    process.off('exit', endWithUs);
  };
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    if (await answers(port)) return { port, pid: child.pid ?? 0, stop };
    await sleep(25);
  }
  await stop();
  throw new Error(`${program} did not open port ${port}: ${said}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
