/** `dataSources` of a rules file: URLs, credentials, pools. */
import { isAbsolute, resolve } from 'node:path';
import type { LoadPorts } from '../mesh-config.ts';
import type { DataSource, PoolSettings, SourceTls } from '../types.ts';
import { redacted } from './redact.ts';
import type { DataSourceEntry } from './rules-schema.ts';
import { readSourceUrl } from './source-url.ts';
import type { Path, YamlFile } from './yaml-file.ts';

/** Sources with problems are left out. `folder` is where relative file names start. */
export function readDataSources(
  entries: Readonly<Record<string, DataSourceEntry>>,
  yaml: YamlFile,
  folder: string,
  ports: LoadPorts,
): Map<string, DataSource> {
  const sources = new Map<string, DataSource>();
  const base: Path = ['dataSources'];
  if (Object.keys(entries).length === 0)
    yaml.report(base, 'SM_MISSING_KEY', 'no data source is given', { atKey: true });
  for (const [name, entry] of Object.entries(entries)) {
    const source = readOne(name, entry, yaml, [...base, name], folder, ports);
    if (source !== undefined) sources.set(name, source);
  }
  return sources;
}

function readOne(
  name: string,
  entry: DataSourceEntry,
  yaml: YamlFile,
  path: Path,
  folder: string,
  ports: LoadPorts,
): DataSource | undefined {
  if (!/^[\w$-]+$/.test(name))
    yaml.report(path, 'SM_WRONG_VALUE', `data source name '${name}' may hold letters, digits, _, - and $ only`, {
      atKey: true,
    });
  const urlKey = (['url', 'jdbcUrl', 'standardJdbcUrl'] as const).find((key) => entry[key] !== undefined);
  if (urlKey === undefined) {
    yaml.report(path, 'SM_MISSING_KEY', `data source '${name}' has no url`, { atKey: true });
    return undefined;
  }
  const url = readSourceUrl(entry[urlKey]!);
  if (typeof url === 'string') {
    yaml.report([...path, urlKey], 'SM_WRONG_VALUE', url);
    return undefined;
  }
  const username = entry.username ?? entry.user ?? url.username;
  if (username === undefined)
    yaml.report(path, 'SM_MISSING_KEY', `data source '${name}' has no username`, { atKey: true });
  if (entry.password !== undefined && entry.passwordFile !== undefined) {
    yaml.report([...path, 'passwordFile'], 'SM_WRONG_VALUE', 'password and passwordFile exclude each other', {
      atKey: true,
    });
  }
  const password =
    entry.passwordFile !== undefined
      ? readSecret(entry.passwordFile, yaml, [...path, 'passwordFile'], folder, ports)
      : entry.password !== undefined
        ? (yaml.sourceText([...path, 'password']) ?? entry.password)
        : (url.password ?? '');
  const pool = poolOf(entry);
  if (pool.sizeMin > pool.sizeMax)
    yaml.report(
      [...path, 'minPoolSize'],
      'SM_WRONG_VALUE',
      `minPoolSize (${pool.sizeMin}) is above maxPoolSize (${pool.sizeMax})`,
    );
  return redacted(
    {
      name,
      host: url.host,
      port: url.port,
      ...(url.socketPath === undefined ? {} : { socketPath: url.socketPath }),
      database: url.database,
      username: username ?? '',
      password,
      pool,
      tls: tlsOf(entry, url.tls, yaml, path, folder, ports),
      ...(entry.zone === undefined ? {} : { zone: entry.zone }),
    },
    ['password'],
  );
}

/** A file's content without its last line end; '' after a problem. */
export function readSecret(file: string, yaml: YamlFile, path: Path, folder: string, ports: LoadPorts): string {
  try {
    return ports.readFile(absolute(file, folder)).replace(/\r?\n$/, '');
  } catch (error) {
    yaml.report(
      path,
      'SM_FILE_UNREADABLE',
      `file '${file}' cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
    return '';
  }
}

export function absolute(file: string, folder: string): string {
  return isAbsolute(file) ? file : resolve(folder, file);
}

function poolOf(entry: DataSourceEntry): PoolSettings {
  const sizeMax = entry.maximumPoolSize ?? entry.maxPoolSize;
  return Object.freeze({
    sizeMax,
    // A small maximum alone is no contradiction with the default minimum.
    sizeMin: entry.minimumIdle ?? entry.minPoolSize,
    connectionTimeoutMs: entry.connectionTimeout ?? entry.connectionTimeoutMilliseconds,
    idleTimeoutMs: entry.idleTimeout ?? entry.idleTimeoutMilliseconds,
    lifetimeMaxMs: entry.maxLifetime ?? entry.maxLifetimeMilliseconds,
  });
}

function tlsOf(
  entry: DataSourceEntry,
  ofUrl: SourceTls['mode'] | undefined,
  yaml: YamlFile,
  path: Path,
  folder: string,
  ports: LoadPorts,
): SourceTls {
  const given = entry.tls;
  if (given === undefined) return Object.freeze({ mode: ofUrl ?? 'disabled' });
  const file = (key: 'ca' | 'cert' | 'key'): string | undefined => {
    const value = given[key];
    if (value === undefined) return undefined;
    readSecret(value, yaml, [...path, 'tls', key], folder, ports);
    return absolute(value, folder);
  };
  const [ca, cert, key] = [file('ca'), file('cert'), file('key')];
  if ((cert === undefined) !== (key === undefined))
    yaml.report([...path, 'tls'], 'SM_MISSING_KEY', 'cert and key belong together');
  return Object.freeze({
    mode: given.mode,
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
  });
}
