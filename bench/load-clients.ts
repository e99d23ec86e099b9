/** Clients that cost next to nothing: the mesh's own connections to servers, pointed at the mesh. */
import { BackendConnection, type ConnectOptions, type ResponseHandler } from '../src/backend/index.ts';
import { parseErr } from '../src/wire/index.ts';

export function clientOptions(port: number): ConnectOptions {
  return {
    source: 'load',
    host: '127.0.0.1',
    port,
    user: 'app',
    password: 'app',
    database: 'shop',
    class: { foundRows: false, deprecateEof: true },
    initSql: '',
    allowPublicKeyRetrieval: true,
    connectTimeoutMs: 30_000,
  };
}

export function openClient(port: number): Promise<BackendConnection> {
  return BackendConnection.connect(clientOptions(port));
}

/** Milliseconds of statements one after the other, while `goOn` says so. */
export async function latencies(port: number, sql: string, goOn: () => boolean): Promise<number[]> {
  const client = await openClient(port);
  const times: number[] = [];
  try {
    while (goOn()) {
      const began = performance.now();
      await client.query(sql);
      times.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  } finally {
    client.end();
  }
  return times;
}

export interface SlowRead {
  /** Bytes of rows read so far. */
  readonly bytes: () => number;
  /** Resolves at the end of the result, or when it was given up. */
  readonly done: Promise<void>;
  /** Cuts the connection. */
  giveUp(): void;
}

const TICK_MS = 50;

/** Reads a result at a fixed pace: what is not read stays in the sockets, and must hold back those who send. */
export async function readSlowly(port: number, sql: string, bytesPerSecond: number): Promise<SlowRead> {
  const client = await openClient(port);
  let bytes = 0;
  let allowed = 0;
  let over: () => void = () => undefined;
  let failed: (error: Error) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    over = resolve;
    failed = reject;
  });
  // Told to those who wait for it, if anybody does.
  done.catch(() => undefined);
  const timer = setInterval(() => {
    allowed += (bytesPerSecond * TICK_MS) / 1000;
    if (bytes < allowed) client.resume();
  }, TICK_MS);
  const handler: ResponseHandler = {
    onFrame(kind, payload) {
      if (kind === 'err') failed(new Error(parseErr(payload).message));
    },
    onRows(_chunk, start, end) {
      bytes += end - start;
      if (bytes >= allowed) client.pause();
    },
    onEnd() {
      clearInterval(timer);
      client.end();
      over();
    },
    onFault(fault) {
      clearInterval(timer);
      failed(fault);
    },
  };
  client.runQuery(Buffer.from(sql), handler);
  return {
    bytes: () => bytes,
    done,
    giveUp() {
      clearInterval(timer);
      // Before the fault that it causes.
      over();
      client.destroy(new Error('the slow reader gave up'));
    },
  };
}

/** Connects at a fixed rate, each with one statement; answers how long each took, and what went wrong. */
export async function connectAtRate(
  port: number,
  perSecond: number,
  seconds: number,
): Promise<{ readonly milliseconds: number[]; readonly failures: string[]; readonly seconds: number }> {
  const milliseconds: number[] = [];
  const failures: string[] = [];
  const all: Promise<void>[] = [];
  const began = performance.now();
  for (let started = 0; started < perSecond * seconds; ) {
    const due = Math.min(perSecond * seconds, ((performance.now() - began) / 1000) * perSecond);
    for (; started < due; started += 1) {
      const from = performance.now();
      all.push(
        openClient(port)
          .then(async (client) => {
            await client.query('SELECT 1');
            milliseconds.push(performance.now() - from);
            client.end();
          })
          .catch((error: Error) => {
            failures.push(error.message);
          }),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(all);
  return { milliseconds, failures, seconds: (performance.now() - began) / 1000 };
}

/** Clients that are connected and do nothing. */
export async function openIdle(port: number, count: number): Promise<BackendConnection[]> {
  const clients: BackendConnection[] = [];
  while (clients.length < count) {
    const batch = Math.min(50, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: batch }, () => openClient(port)))));
  }
  return clients;
}
