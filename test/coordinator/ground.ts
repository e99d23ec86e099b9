/** A coordinator on a real store with its HTTP listener, and services whose answers a test decides. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BranchClient,
  BranchTargets,
  Coordinator,
  type CoordinatorOptions,
  dtmRoutes,
  mysqlStore,
  openApi,
  openServiceServer,
  operatorRoutes,
  type TransactionStore,
  v1Routes,
} from '../../src/coordinator/index.ts';
import { meshAccount, type TestServer } from '../servers/index.ts';

export interface ServiceCall {
  readonly path: string;
  readonly gid: string;
  readonly branch: string;
  readonly op: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What a service answers: a status, or one and a text; `hang` answers never. */
export type Reply = number | readonly [number, string] | 'hang';

export class FakeService {
  readonly calls: ServiceCall[] = [];
  reply: (call: ServiceCall) => Reply | Promise<Reply> = () => 200;
  #server: Server | undefined;
  url = '';

  async open(): Promise<this> {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', async () => {
        const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://x');
        const call: ServiceCall = {
          path: pathname,
          gid: query.get('gid') ?? '',
          branch: query.get('branch_id') ?? '',
          op: query.get('op') ?? '',
          headers: request.headers,
          body,
        };
        this.calls.push(call);
        const reply = await this.reply(call);
        if (reply === 'hang') return;
        const [status, text] = typeof reply === 'number' ? [reply, '{}'] : reply;
        response.writeHead(status, { 'content-type': 'application/json' }).end(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this;
  }

  /** `op@path` of the calls of one transaction, in order. */
  of(gid: string): string[] {
    return this.calls.filter((call) => call.gid === gid).map((call) => `${call.op}@${call.path.slice(1)}`);
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

export function storeOn(server: TestServer, owner = 'test', schema = 'shardmesh'): TransactionStore {
  return mysqlStore({ host: '127.0.0.1', port: server.port, ...meshAccount, schema, owner });
}

export interface Ground {
  readonly coordinator: Coordinator;
  readonly base: string;
  ask(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  close(): Promise<void>;
}

export async function openGround(store: TransactionStore, more: Partial<CoordinatorOptions> = {}): Promise<Ground> {
  const targets = new BranchTargets(['127.0.0.1']);
  const coordinator = new Coordinator({
    store,
    client: new BranchClient(targets),
    leaseMs: 2000,
    pollMs: 100,
    ...more,
  });
  const listener = await openServiceServer({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    token: undefined,
    routes: [
      ...dtmRoutes(coordinator, targets, 'test'),
      ...v1Routes({
        coordinator,
        targets,
        openApi: openApi('test'),
        ...(more.barrier === undefined ? {} : { barrier: more.barrier }),
      }),
      // On a listener of its own in the sidecar; here one is enough.
      ...operatorRoutes(coordinator).filter(([route]) => !route.startsWith('GET')),
    ],
    onError: (error) => console.error(error),
  });
  coordinator.start();
  while (!coordinator.storeReady) await new Promise((resolve) => setTimeout(resolve, 10));
  const base = `http://${listener.address}`;
  return {
    coordinator,
    base,
    async ask(method, path, body) {
      const response = await fetch(`${base}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    async close() {
      await listener.close();
      await coordinator.stop(100);
    },
  };
}
