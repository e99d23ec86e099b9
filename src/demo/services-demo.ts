/** `demo --services`: three services with their databases and sidecars (examples/order), and transactions across them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RowDataPacket } from 'mysql2';
import { pickPort } from './free-port.ts';
import type { Screen } from './screen.ts';
import { grantSchemas, makeTransactionTables } from './server-accounts.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import { logTail } from './server-template.ts';
import { type SidecarProcess, startSidecar } from './sidecar-process.ts';

const example = join(import.meta.dirname, '../../examples/order');
const names = ['order', 'stock', 'payment'] as const;
type Name = (typeof names)[number];

interface Place {
  readonly database: ServerProcess;
  readonly sidecar: SidecarProcess;
  /** Of the coordinator in its sidecar. */
  readonly api: string;
  readonly url: string;
}
type Places = Readonly<Record<Name, Place>>;

interface Call {
  readonly status: string;
  readonly attempts: number;
  readonly error?: string;
}
interface Transaction {
  readonly gid: string;
  readonly kind: 'saga' | 'tcc';
  readonly phase: string;
  readonly branches: readonly { readonly id: string; readonly forward: Call; readonly settle: Call }[];
}

/** Ends the service when our end of its standard input closes: by stop(), or because this process is gone. */
const guard = `exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3; kill -s TERM $child 2>/dev/null; } & watcher=$!
trap '' INT HUP
wait $child
kill $watcher 2>/dev/null`;

/** Where Python finds PyMySQL; it is installed into `folder` if the machine has none. */
function pythonPath(folder: string): Record<string, string> {
  if (spawnSync('python3', ['-c', 'import pymysql']).status === 0) return {};
  const target = join(folder, 'python');
  if (!existsSync(join(target, 'pymysql'))) {
    const pip = ['-m', 'pip', 'install', '--quiet', '--target', target, '-r', join(example, 'requirements.txt')];
    const { status, stderr, error } = spawnSync('python3', pip, { encoding: 'utf8', timeout: 120_000 });
    if (status !== 0)
      throw new Error(
        `the payment service needs python3 with PyMySQL, and pip could not install it: ${error ?? stderr}`,
      );
  }
  return { PYTHONPATH: target };
}

async function startService(
  name: Name,
  folder: string,
  environment: Readonly<Record<string, string>>,
  onStop: (stop: () => Promise<void>) => void,
): Promise<string> {
  const command =
    name === 'payment' ? ['python3', join(example, 'payment.py')] : [process.execPath, join(example, `${name}.mjs`)];
  const port = await pickPort();
  const logPath = join(folder, 'service.log');
  const log = openSync(logPath, 'w', 0o600);
  const child: ChildProcess = spawn('/bin/sh', ['-c', guard, 'shardmesh-guard', ...command], {
    detached: true,
    stdio: ['pipe', log, log],
    env: { ...process.env, ...environment, PORT: String(port) },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  onStop(async () => {
    child.stdin?.end();
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + 30_000; Date.now() < end && child.exitCode === null; await sleep(50))
    if (
      await fetch(url).then(
        (answer) => answer.arrayBuffer(),
        () => undefined,
      )
    )
      return url;
  throw new Error(`the ${name} service did not start; the end of its log:\n${logTail(logPath)}`);
}

async function startPlaces(
  folder: string,
  screen: Screen,
  interrupted: AbortSignal,
  onStop: (stop: () => Promise<void>) => void,
): Promise<Places> {
  screen.line('starting three databases, three sidecars and three services');
  const python = pythonPath(folder);
  // Paths of sockets are short.
  const sockets = mkdtempSync(join(tmpdir(), 'shardmesh-services-'));
  onStop(async () => rmSync(sockets, { recursive: true, force: true }));
  const databases = await Promise.all(
    names.map(async () => {
      const database = await startServerProcess();
      onStop(() => database.stop());
      await grantSchemas(database, { user: 'mesh', password: 'mesh' }, ['service']);
      await makeTransactionTables(database);
      return database;
    }),
  );
  interrupted.throwIfAborted();
  const places: Partial<Record<Name, Place>> = {};
  for (const [index, name] of names.entries()) {
    const database = databases[index] as ServerProcess;
    const place = join(folder, name);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const api = await pickPort();
    const socket = join(sockets, name);
    const sidecar = await startSidecar({
      config: join(example, 'shardmesh.yaml'),
      folder: place,
      environment: {
        SHARDMESH_STATE_DIR: join(place, 'state'),
        MESH_PASSWORD: 'mesh',
        MESH_SOCKET: socket,
        API_PORT: String(api),
        DATABASE_PORT: String(database.port),
        STORE_PORT: String(databases[0]?.port),
      },
    });
    onStop(() => sidecar.stop());
    interrupted.throwIfAborted();
    const barrier = `http://127.0.0.1:${api}`;
    const url = await startService(
      name,
      place,
      { ...python, MESH_PORT: String(sidecar.port), MESH_SOCKET: socket, BARRIER_URL: barrier },
      onStop,
    );
    places[name] = { database, sidecar, api: barrier, url };
  }
  return places as Places;
}

/** Gives the transaction to the coordinator and waits for its end. */
async function run(
  { order, stock, payment }: Places,
  kind: 'saga' | 'tcc',
  gid: string,
  count: number,
  cents: number,
): Promise<Transaction> {
  const urls = (base: string, action: string, compensate: string): Record<string, string> =>
    kind === 'saga'
      ? { action: `${base}/${action}`, compensate: `${base}/${compensate}` }
      : { try: `${base}/try`, confirm: `${base}/confirm`, cancel: `${base}/cancel` };
  const body = {
    gid,
    kind,
    branches: [
      { id: 'order', ...urls(order.url, 'place', 'cancel-placed'), payload: { order: gid, sku: 7, count, cents } },
      { id: 'stock', ...urls(stock.url, 'take', 'give-back'), payload: { sku: 7, count } },
      { id: 'payment', ...urls(payment.url, 'charge', 'refund'), payload: { account: 1, cents } },
    ],
  };
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(`${order.api}/v1/transactions?wait=30`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Transaction & { readonly error?: string };
    if (response.ok) return answer;
    // Its store may not have answered yet.
    if (response.status !== 503 || attempt === 100) throw new Error(`${gid}: ${response.status} ${answer.error}`);
    await sleep(100);
  }
}

function showCalls(screen: Screen, { kind, phase, branches }: Transaction): void {
  const settled = { saga: 'compensate', tcc: phase === 'succeeded' ? 'confirm' : 'cancel' }[kind];
  const said = ({ status, attempts, error }: Call): string =>
    status === 'idle'
      ? ''
      : `${status}, ${attempts} call${attempts === 1 ? '' : 's'}${error === undefined ? '' : `: ${error}`}`;
  screen.table(
    ['step', kind === 'saga' ? 'action' : 'try', settled],
    branches.map(({ id, forward, settle }) => [id, said(forward), said(settle)]),
  );
  screen.line(`  ${phase === 'succeeded' ? screen.good(phase) : screen.strong(phase)}`);
}

/** What the three databases hold, asked of the databases themselves. */
async function held({ order, stock, payment }: Places): Promise<string> {
  const texts = await Promise.all(
    (
      [
        [
          order,
          "SELECT COALESCE(GROUP_CONCAT(id, ' ', state ORDER BY id SEPARATOR ', '), 'no order') AS text FROM orders",
        ],
        [stock, "SELECT CONCAT('stock ', free, ' free ', held, ' held') AS text FROM stock"],
        [payment, "SELECT CONCAT('account ', free, ' free ', held, ' held') AS text FROM account"],
      ] as const
    ).map(async ([{ database }, sql]) => {
      const connection = await database.connection('service');
      const [[row]] = await connection.query<RowDataPacket[]>(sql);
      await connection.end();
      return String(row?.['text']);
    }),
  );
  return texts.join('; ');
}

/** Starts everything and runs the transactions; pushes the way to stop each part. Not ok: the databases hold something else. */
export async function runServicesDemo(
  folder: string,
  screen: Screen,
  interrupted: AbortSignal,
  stops: (() => Promise<void>)[],
): Promise<{ readonly ok: boolean; readonly ended: Promise<unknown> }> {
  if (!existsSync(example)) throw new Error('--services needs examples/order, which only a checkout has');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const places = await startPlaces(folder, screen, interrupted, (stop) => stops.push(stop));
  let ok = true;
  const check = async (expected: string): Promise<void> => {
    const found = await held(places);
    if (found !== expected) ok = false;
    screen.line(`  ${found === expected ? screen.good('ok    ') : screen.bad('FAILED')} ${found}`);
    if (found !== expected) screen.line(`         expected ${expected}`);
  };
  const step = async (title: string, work: Promise<Transaction>, phase: string, expected: string): Promise<void> => {
    interrupted.throwIfAborted();
    screen.heading(title);
    const transaction = await work;
    showCalls(screen, transaction);
    if (transaction.phase !== phase) ok = false;
    await check(expected);
  };
  screen.heading('Before');
  await check('no order; stock 10 free 0 held; account 5000 free 0 held');
  await step(
    'Saga order-1: 2 articles for 2000 cents',
    run(places, 'saga', 'order-1', 2, 2000),
    'succeeded',
    'order-1 placed; stock 8 free 0 held; account 3000 free 0 held',
  );
  await step(
    'Saga order-2: 3 articles for 6000 cents, which the account does not have',
    run(places, 'saga', 'order-2', 3, 6000),
    'failed',
    'order-1 placed, order-2 cancelled; stock 8 free 0 held; account 3000 free 0 held',
  );
  const last = 'order-1 placed, order-2 cancelled, order-3 placed; stock 7 free 0 held; account 2500 free 0 held';
  await step('TCC order-3: 1 article for 500 cents', run(places, 'tcc', 'order-3', 1, 500), 'succeeded', last);

  screen.heading('A call that comes again: stock, action of order-1');
  const again = await fetch(`${places.stock.url}/take`, {
    method: 'POST',
    headers: { 'shardmesh-branch': 'order-1/stock/action' },
    body: JSON.stringify({ sku: 7, count: 2 }),
  });
  screen.line(`  ${again.status} ${await again.text()}`);
  if (again.ok) ok = false;
  await check(last);

  screen.heading('Look at it');
  screen.line(`  API      curl ${places.order.api}/v1/transactions/order-2`);
  screen.line(`  page     http://${places.order.sidecar.admin}/ (token: ${join(folder, 'order/state/admin-token')})`);
  screen.line(`  source   ${example}`);
  return { ok, ended: Promise.race(names.map((name) => places[name].sidecar.ended)) };
}
