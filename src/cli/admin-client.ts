/** Asks a running sidecar through its admin listener. */
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { readAdminToken } from '../admin/index.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { readRunning, stateDirectory } from './state-directory.ts';
import type { Terminal } from './terminal.ts';

/** The flags that name a sidecar. */
export interface Target {
  readonly config?: string;
  readonly stateDir?: string;
  readonly admin?: string;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const answerTimeoutMs = 60_000;

/** Fails with a CommandFailure that says which flag would help. */
export async function askAdmin(
  terminal: Terminal,
  target: Target,
  method: 'GET' | 'POST',
  path: string,
  body: object = {},
): Promise<AdminAnswer> {
  const directory = stateDirectory(target.stateDir, terminal.env, target.config);
  const address = target.admin ?? terminal.env['SHARDMESH_ADMIN'] ?? readRunning(directory)?.admin;
  if (address === undefined) {
    throw new CommandFailure(
      ExitCode.unreachable,
      `no sidecar has written its address to ${directory}; name its state directory with --state-dir or its admin listener with --admin HOST:PORT`,
    );
  }
  const token = terminal.env['SHARDMESH_ADMIN_TOKEN'] ?? readAdminToken(directory);
  if (token === undefined) {
    throw new CommandFailure(
      ExitCode.denied,
      `there is no admin token in ${directory}; name the sidecar's state directory with --state-dir`,
    );
  }
  const answer = await send(address, method, path, token, body).catch((error: unknown) => {
    throw new CommandFailure(
      ExitCode.unreachable,
      `the sidecar's admin listener ${address} cannot be reached: ${error instanceof Error && error.message !== '' ? error.message : String((error as NodeJS.ErrnoException).code ?? error)}`,
    );
  });
  if (answer.status === 401) {
    throw new CommandFailure(
      ExitCode.denied,
      `the sidecar at ${address} does not accept the token of ${directory}; name its state directory with --state-dir`,
    );
  }
  return answer;
}

function send(address: string, method: string, path: string, token: string, body: object): Promise<AdminAnswer> {
  const text = method === 'POST' ? JSON.stringify(body) : '';
  const headers = {
    authorization: `Bearer ${token}`,
    ...(method === 'POST' ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}),
  };
  return new Promise((resolve, reject) => {
    const receive = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        try {
          resolve({
            status: response.statusCode ?? 0,
            body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>,
          });
        } catch (error) {
          reject(new Error('it does not answer in JSON: is it an admin listener?', { cause: error }));
        }
      });
    };
    const outgoing = address.startsWith('unix:')
      ? request({ socketPath: address.slice(5), method, path, headers: { ...headers, host: 'localhost' } }, receive)
      : (address.startsWith('https:') ? secureRequest : request)(
          new URL(path, address.includes('://') ? address : `http://${address}`),
          { method, headers },
          receive,
        );
    outgoing.setTimeout(answerTimeoutMs, () =>
      outgoing.destroy(new Error(`no answer within ${answerTimeoutMs / 1000} s`)),
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}
