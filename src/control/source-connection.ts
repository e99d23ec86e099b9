/** A short-lived control connection to one data source (schema reading, checks, leases): never the data path. */
import { readFileSync } from 'node:fs';
import mysql, { type Connection, type ConnectionOptions } from 'mysql2/promise';
import type { DataSource } from '../rules/index.ts';

/** Connecting gives up after this. */
export const controlConnectTimeoutMs = 5000;

/** Opens a connection to the source's physical schema. Rejects with the server's or the socket's error; the caller ends it. */
export async function openSource(
  source: DataSource,
  connectTimeoutMs: number = controlConnectTimeoutMs,
): Promise<Connection> {
  const plain = connectOptions(source, connectTimeoutMs);
  if (source.tls.mode === 'disabled' || source.socketPath !== undefined)
    return await quietly(mysql.createConnection(plain));
  const ssl = tlsOptions(source);
  try {
    return await quietly(mysql.createConnection({ ...plain, ssl }));
  } catch (error) {
    const noTls = error instanceof Error && /does not support secure connection/i.test(error.message);
    if (source.tls.mode === 'preferred' && noTls) return await quietly(mysql.createConnection(plain));
    throw error;
  }
}

/** Opens, runs `work`, and ends the connection whatever happens. `timeoutMs` bounds the whole: a hanging server is cut off. */
export async function withSource<T>(
  source: DataSource,
  work: (connection: Connection) => Promise<T>,
  timeoutMs = 30_000,
): Promise<T> {
  const connection = await openSource(source);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
      connection.destroy();
    }, timeoutMs);
    timer.unref();
  });
  try {
    return await Promise.race([work(connection), late]);
  } finally {
    clearTimeout(timer);
    late.catch(() => {});
    connection.destroy();
  }
}

/** The reason of a failed connection in a few words, without secrets. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  if (error.message === '') return code ?? error.name;
  return error.message;
}

function connectOptions(source: DataSource, connectTimeoutMs: number): ConnectionOptions {
  return {
    ...(source.socketPath === undefined ? { host: source.host, port: source.port } : { socketPath: source.socketPath }),
    user: source.username,
    password: source.password,
    ...(source.database === '' ? {} : { database: source.database }),
    connectTimeout: connectTimeoutMs,
    charset: 'utf8mb4',
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    connectAttributes: { program_name: 'shardmesh-control' },
  };
}

function tlsOptions(source: DataSource): NonNullable<ConnectionOptions['ssl']> {
  const { mode, caFile, certFile, keyFile } = source.tls;
  const verify = mode === 'verify-ca' || mode === 'verify-identity';
  return {
    rejectUnauthorized: verify,
    verifyIdentity: mode === 'verify-identity',
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  };
}

/** A connection whose server dies while nobody waits must not end the process. */
async function quietly(opening: Promise<Connection>): Promise<Connection> {
  const connection = await opening;
  connection.on('error', () => {});
  return connection;
}
