/** How a data source is connected to, and when two of them are the same server and account. */
import { readFileSync } from 'node:fs';
import type { BackendTls, CapabilityClass, ConnectOptions } from '../backend/index.ts';
import type { DataSource } from '../rules/index.ts';

/** Where and how connections to a data source are opened. */
export function connectOptions(source: DataSource, capabilities: CapabilityClass): ConnectOptions {
  return {
    source: source.name,
    ...(source.socketPath === undefined ? { host: source.host, port: source.port } : { socketPath: source.socketPath }),
    user: source.username,
    password: source.password,
    database: source.database,
    class: capabilities,
    ...(source.tls.mode === 'disabled' ? {} : { tls: tlsOf(source) }),
    attributes: { program_name: 'shardmesh' },
  };
}

/** Sources are frozen with their configuration: what tells them apart is made once. */
const identities = new WeakMap<DataSource, string>();

export function sourceIdentity(source: DataSource): string {
  let text = identities.get(source);
  if (text === undefined) {
    text = identityText(source);
    identities.set(source, text);
  }
  return text;
}

function identityText(source: DataSource): string {
  const { name, host, port, socketPath, database, username, password, pool, tls } = source;
  return JSON.stringify([name, host, port, socketPath, database, username, password, pool, tls]);
}

function tlsOf(source: DataSource): BackendTls {
  const { mode, caFile, certFile, keyFile } = source.tls;
  return {
    mode,
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  };
}
