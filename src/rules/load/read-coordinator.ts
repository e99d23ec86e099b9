/** Reads `transaction.coordinator`: listener, token, store and targets of transactions across services. */
import { isLoopback } from '../../base/index.ts';
import type { CoordinatorConfig, CoordinatorStore, ListenTls, LoadPorts } from '../mesh-config.ts';
import { readAddress } from './address.ts';
import type { MeshFile } from './mesh-schema.ts';
import { absolute, readSecret } from './read-data-sources.ts';
import type { Path, YamlFile } from './yaml-file.ts';

type Given = MeshFile['transaction']['coordinator'];

/** Undefined if it is off, or cannot be used; then problems have been reported. */
export function readCoordinator(
  given: Given,
  yaml: YamlFile,
  ports: LoadPorts,
  folder: string,
): CoordinatorConfig | undefined {
  if (given === undefined) return undefined;
  const path: Path = ['transaction', 'coordinator'];
  const listen = readAddress(given.listen);
  if (typeof listen === 'string') {
    yaml.report([...path, 'listen'], 'SM_WRONG_VALUE', listen);
    return undefined;
  }
  const token =
    given.tokenFile === undefined
      ? undefined
      : readSecret(given.tokenFile, yaml, [...path, 'tokenFile'], folder, ports).trim();
  if (token !== undefined && token.length < 16)
    yaml.report([...path, 'tokenFile'], 'SM_WRONG_VALUE', 'the token has fewer than 16 characters');
  const tls = readTls(given.tls, yaml, ports, folder, path);
  if (!isLoopback(listen) && (tls === undefined || (token === undefined && tls.caFile === undefined)))
    yaml.report(
      [...path, 'listen'],
      'SM_WRONG_VALUE',
      'other machines can reach this address: it needs tls, and tokenFile or tls.ca',
      { suggestion: '127.0.0.1:36789' },
    );
  return Object.freeze({
    listen,
    token,
    tls,
    branchHosts: Object.freeze([...given.branchHosts]),
    store: given.store === undefined ? undefined : readStore(given.store, yaml, [...path, 'store']),
    barrierUrl: given.barrierUrl,
    keepMs: given.keep,
  });
}

function readTls(
  tls: NonNullable<Given>['tls'],
  yaml: YamlFile,
  ports: LoadPorts,
  folder: string,
  path: Path,
): ListenTls | undefined {
  if (tls === undefined) return undefined;
  for (const key of ['cert', 'key', 'ca'] as const) {
    const file = tls[key];
    if (file !== undefined) readSecret(file, yaml, [...path, 'tls', key], folder, ports);
  }
  return Object.freeze({
    certFile: absolute(tls.cert, folder),
    keyFile: absolute(tls.key, folder),
    ...(tls.ca === undefined ? {} : { caFile: absolute(tls.ca, folder) }),
    require: true,
    minVersion: 'TLSv1.2',
  });
}

function readStore(text: string, yaml: YamlFile, path: Path): CoordinatorStore | undefined {
  if (/^rediss?:\/\/\S+$/.test(text)) {
    yaml.report(path, 'SM_FEATURE_NOT_BUILT', 'the Redis store of transactions across services is not built');
    return undefined;
  }
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Told below.
  }
  const schema = decodeURIComponent(url?.pathname.slice(1) ?? '');
  if (url?.protocol !== 'mysql:' || url.hostname === '' || !/^[A-Za-z0-9_$-]{1,64}$/.test(schema)) {
    yaml.report(path, 'SM_WRONG_VALUE', 'a URL like mysql://user:password@host:3306/shardmesh is expected');
    return undefined;
  }
  return Object.freeze({
    kind: 'mysql',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 3306 : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    schema,
  });
}
