/** Loads shardmesh.yaml and every rules file that it names: a checked, frozen MeshConfig, or all problems. */

import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { isLoopback } from '../../base/index.ts';
import { type HostPattern, readNetwork } from '../host-pattern.ts';
import { WORKER_IDS_MAX } from '../keys/snowflake.ts';
import type { ListenAddress, ListenTls, Loaded, LoadSource, MeshConfig, Overrides } from '../mesh-config.ts';
import type { RuleProblem, RuleSet } from '../types.ts';
import { readAddress } from './address.ts';
import { contentVersion, loadRules } from './load-rules.ts';
import { type MeshFile, meshSchema } from './mesh-schema.ts';
import { applyOverrides } from './overrides.ts';
import { readCoordinator } from './read-coordinator.ts';
import { absolute, readSecret } from './read-data-sources.ts';
import { readTransactionType } from './read-transaction-type.ts';
import { readUsers } from './read-users.ts';
import { redacted } from './redact.ts';
import { validate } from './validate.ts';
import { type Path, YamlFile } from './yaml-file.ts';

/** Does no I/O but through the ports of `source`. Never throws for bad input. */
export function loadMeshConfig(source: LoadSource, flags: Overrides = {}): Loaded<MeshConfig> {
  const yaml = new YamlFile(source.file, source.text, source.env);
  if (yaml.value === undefined) return { problems: yaml.problems };
  const folder = dirname(source.file);
  const { value, applied } = applyOverrides(yaml.value, source.env, flags);
  for (const override of applied) yaml.setOrigin(override.path, override.origin);
  const file = validate(meshSchema, value, yaml, []);
  const ruleProblems: RuleProblem[] = [];
  const rules = file === undefined ? undefined : loadDatabases(file, yaml, source, folder, ruleProblems);
  const config = file === undefined || rules === undefined ? undefined : build(file, rules, yaml, source, folder);

  const own = [...yaml.problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const problems = [...own, ...ruleProblems];
  const failed = problems.some((problem) => problem.severity === 'error');
  return failed || config === undefined ? { problems } : { value: config, problems };
}

/** Loads either kind of file by what it holds: `dataSources` makes a rules file. */
export function isRulesFile(text: string): boolean {
  return (
    /^(?:dataSources|databaseName|schemaName|rules)\s*:/m.test(text) && !/^(?:listen|databases|users)\s*:/m.test(text)
  );
}

interface LoadedDatabases {
  readonly databases: ReadonlyMap<string, RuleSet>;
  readonly files: readonly string[];
  /** Every file could be read without errors. */
  readonly complete: boolean;
}

function loadDatabases(
  file: MeshFile,
  yaml: YamlFile,
  source: LoadSource,
  folder: string,
  problems: RuleProblem[],
): LoadedDatabases {
  const databases = new Map<string, RuleSet>();
  const files: string[] = [];
  let complete = true;
  for (const [index, pattern] of file.databases.entries()) {
    const path: Path = ['databases', index];
    const names = /[*?[{]/.test(pattern) ? source.glob(absolute(pattern, folder)) : [absolute(pattern, folder)];
    if (names.length === 0) {
      complete = false;
      yaml.report(path, 'SM_FILE_UNREADABLE', `no file matches '${pattern}'`);
    }
    for (const name of names) {
      if (files.includes(name)) continue;
      files.push(name);
      let text: string;
      try {
        text = source.readFile(name);
      } catch (error) {
        complete = false;
        yaml.report(
          path,
          'SM_FILE_UNREADABLE',
          `rules file '${name}' cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        );
        continue;
      }
      const loaded = loadRules({
        env: source.env,
        readFile: (each) => source.readFile(each),
        glob: (each) => source.glob(each),
        file: name,
        text,
      });
      problems.push(...loaded.problems);
      if (loaded.value === undefined) {
        complete = false;
        continue;
      }
      const other = databases.get(loaded.value.databaseName);
      if (other !== undefined)
        yaml.report(
          path,
          'SM_DUPLICATE_NAME',
          `database '${loaded.value.databaseName}' is in '${other.file}' and in '${name}'`,
        );
      databases.set(loaded.value.databaseName, loaded.value);
    }
  }
  if (file.databases.length === 0) yaml.report(['databases'], 'SM_MISSING_KEY', 'no rules file is given');
  return { databases, files, complete };
}

function build(file: MeshFile, rules: LoadedDatabases, yaml: YamlFile, source: LoadSource, folder: string): MeshConfig {
  const listen = file.listen
    .map((text, index) => readListen(text, yaml, file.listen.length > 1 ? ['listen', index] : ['listen']))
    .filter((each) => each !== undefined);
  const http = file.http === 'off' ? undefined : readListen(file.http, yaml, ['http']);
  const admin = file.admin === 'off' ? undefined : readListen(file.admin, yaml, ['admin']);
  if (admin !== undefined && !isLoopback(admin)) {
    yaml.report(['admin'], 'SM_WRONG_VALUE', 'the admin listener must be on loopback until it has TLS', {
      suggestion: '127.0.0.1:16091',
    });
  }
  const all: [readonly string[], ListenAddress | undefined][] = [
    ...listen.map((each): [string[], ListenAddress] => [['listen'], each]),
    [['http'], http],
    [['admin'], admin],
  ];
  for (const [index, [path, address]] of all.entries()) {
    const twin = all
      .slice(0, index)
      .find(([, other]) => address !== undefined && other !== undefined && sameAddress(address, other));
    if (twin !== undefined) yaml.report(path, 'SM_WRONG_VALUE', `the same address is taken by '${twin[0][0]}'`);
  }
  const users = readUsers(file.users, yaml, folder, source, [...rules.databases.keys()], rules.complete, file.tls);
  if (file.users.length === 0)
    yaml.report(['users'], 'SM_MISSING_KEY', 'nobody may connect: no user is given', {
      severity: 'warning',
      atKey: true,
    });

  const defaultType = readTransactionType(file.transaction.defaultType, yaml, ['transaction', 'defaultType']);
  const coordinator = readCoordinator(file.transaction.coordinator, yaml, source, folder);
  const redis = file.control?.redis;
  if (redis !== undefined) {
    if (!/^rediss?:\/\/[^\s]+$|^redis-socket:\/\/|^unix:\//.test(redis))
      yaml.report(['control', 'redis'], 'SM_WRONG_VALUE', 'a URL like redis://127.0.0.1:6379/0 is expected');
    else
      yaml.report(
        ['control', 'redis'],
        'SM_FEATURE_NOT_BUILT',
        'Redis leases the worker ids of key generators; shared configuration and limits are not built',
        { severity: 'warning' },
      );
  }

  const workers = file.workers ?? 1;
  for (const ruleSet of rules.databases.values()) {
    for (const generator of ruleSet.keyGenerators.values()) {
      if (
        generator.kind !== 'snowflake' ||
        generator.workerId === undefined ||
        generator.workerId + workers <= WORKER_IDS_MAX
      )
        continue;
      yaml.report(
        ['workers'],
        'SM_WORKER_IDS',
        `key generator '${generator.name}' of '${ruleSet.databaseName}' needs the worker ids ${generator.workerId} to ${generator.workerId + workers - 1}; ids end at ${WORKER_IDS_MAX - 1}`,
        { suggestion: 'a smaller worker-id, or fewer workers' },
      );
    }
  }
  const version = createHash('sha256')
    .update([contentVersion(yaml.value!), ...[...rules.databases.values()].map((each) => each.version)].join())
    .digest('hex')
    .slice(0, 16);
  return Object.freeze({
    file: source.file,
    version,
    listen: Object.freeze(listen),
    http,
    admin,
    proxyProtocol: Object.freeze(readNetworks(file.proxyProtocol ?? [], yaml)),
    serverVersion: file.serverVersion,
    workers,
    watchdogMs: file.watchdog,
    tls: readTls(file.tls, yaml, source, folder),
    users: Object.freeze(users),
    databases: rules.databases,
    transaction: Object.freeze({
      defaultType: defaultType ?? 'XA',
      coordinator,
      unsafeReplication: file.transaction.unsafeReplication,
      keepDecisionsMs: file.transaction.keepDecisions,
    }),
    replicas: redacted(
      {
        positionKey: file.replicas.positionKey,
        consistency: file.replicas.consistency,
        waitLimitMs: file.replicas.waitLimit,
        lagMaxSeconds: file.replicas.maxLag / 1000,
        probeIntervalMs: Math.max(50, file.replicas.probeInterval),
        slowStartMs: file.replicas.slowStart,
        zone: file.replicas.zone,
        writeBufferMs: file.replicas.writeBuffer,
        writeBufferMax: file.replicas.writeBufferSize,
      },
      file.replicas.positionKey === undefined ? [] : ['positionKey'],
    ),
    limits: Object.freeze({
      maxAllowedPacket: file.limits.maxAllowedPacket,
      resultMemory: file.limits.resultMemory,
      statementTimeoutMs: file.limits.statementTimeout,
      connections: file.limits.connections,
      preparedStatements: file.limits.preparedStatements,
    }),
    control: redacted({ redis }, redis === undefined ? [] : ['redis']),
    log: Object.freeze({ ...file.log }),
    files: Object.freeze([source.file, ...rules.files]),
  });
}

function readListen(text: string, yaml: YamlFile, path: Path): ListenAddress | undefined {
  const address = readAddress(text);
  if (typeof address !== 'string') return address;
  yaml.report(path, 'SM_WRONG_VALUE', address);
  return undefined;
}

function readNetworks(list: readonly string[], yaml: YamlFile): HostPattern[] {
  return list.flatMap((text, index) => {
    const network = readNetwork(text);
    if (typeof network !== 'string') return [network];
    yaml.report(list.length > 1 ? ['proxyProtocol', index] : ['proxyProtocol'], 'SM_WRONG_VALUE', network);
    return [];
  });
}

function sameAddress(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  return a.port === b.port && a.port !== 0 && (a.host === b.host || a.host === '0.0.0.0' || b.host === '0.0.0.0');
}

function readTls(tls: MeshFile['tls'], yaml: YamlFile, source: LoadSource, folder: string): ListenTls | undefined {
  if (tls === undefined) return undefined;
  for (const key of ['cert', 'key', 'ca'] as const) {
    const file = tls[key];
    if (file !== undefined) readSecret(file, yaml, ['tls', key], folder, source);
  }
  return Object.freeze({
    certFile: absolute(tls.cert, folder),
    keyFile: absolute(tls.key, folder),
    ...(tls.ca === undefined ? {} : { caFile: absolute(tls.ca, folder) }),
    require: tls.require,
    minVersion: tls.minVersion,
  });
}
