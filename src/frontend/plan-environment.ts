/** What of a session and a configuration the meaning of a text depends on. */
import { MeshError } from '../base/index.ts';
import type { PlanEnvironment } from '../plan/index.ts';
import { connectionCollation, type Settings } from '../session/index.ts';
import type { LexMode } from '../sql/index.ts';
import { isAsciiUnsafeCharset } from '../wire/index.ts';
import type { LogicalDatabase, MeshSnapshot } from './mesh-snapshot.ts';

/** Settings are interned, so their derived values are kept with them. */
interface Derived {
  readonly mode: LexMode;
  readonly sqlMode: string;
  readonly collation: string;
  /** The servers the mode was made for. */
  readonly serverVersion: number;
  readonly mariadb: boolean;
  /** The environment that was asked for last: nearly always the one that is asked for next. */
  last: { readonly snapshot: MeshSnapshot; readonly name: string; readonly environment: PlanEnvironment } | undefined;
}
const derivedOf = new WeakMap<Settings, Derived>();

function derive(settings: Settings, serverVersion: number, mariadb: boolean): Derived {
  const known = derivedOf.get(settings);
  if (known !== undefined && known.serverVersion === serverVersion && known.mariadb === mariadb) return known;
  const sqlMode = unquote(settings.variables.get('sql_mode') ?? '').toUpperCase();
  const flags = new Set(sqlMode.split(','));
  const client = unquote(settings.variables.get('character_set_client') ?? 'utf8mb4').toLowerCase();
  const derived: Derived = {
    mode: {
      charset: client.startsWith('utf8') ? 'utf8' : 'latin1',
      ansiQuotes: flags.has('ANSI_QUOTES'),
      noBackslashEscapes: flags.has('NO_BACKSLASH_ESCAPES'),
      pipesAsConcat: flags.has('PIPES_AS_CONCAT'),
      highNotPrecedence: flags.has('HIGH_NOT_PRECEDENCE'),
      ignoreSpace: flags.has('IGNORE_SPACE'),
      serverVersion,
      mariadb,
    },
    sqlMode,
    collation: unquote(settings.variables.get('collation_connection') ?? connectionCollation),
    serverVersion,
    mariadb,
    last: undefined,
  };
  derivedOf.set(settings, derived);
  return derived;
}

const environments = new WeakMap<MeshSnapshot, Map<string, PlanEnvironment>>();

/** The environment of a session's next statement; the same object while nothing that matters has changed. */
export function planEnvironment(
  snapshot: MeshSnapshot,
  database: LogicalDatabase,
  current: string | undefined,
  settings: Settings,
): PlanEnvironment {
  const schema = database.schema();
  const derived = derive(settings, schema.serverVersion, schema.mariadb);
  const { last } = derived;
  if (
    last !== undefined &&
    last.snapshot === snapshot &&
    last.name === database.name &&
    last.environment.database === current &&
    last.environment.schema === schema
  )
    return last.environment;
  const environment = findEnvironment(snapshot, database, current, schema, derived);
  derived.last = { snapshot, name: database.name, environment };
  return environment;
}

function findEnvironment(
  snapshot: MeshSnapshot,
  database: LogicalDatabase,
  current: string | undefined,
  schema: PlanEnvironment['schema'],
  derived: Derived,
): PlanEnvironment {
  let known = environments.get(snapshot);
  if (known === undefined) {
    known = new Map();
    environments.set(snapshot, known);
  }
  const key = `${current ?? ''}\n${database.name}\n${derived.sqlMode}\n${derived.collation}\n${derived.mode.charset}`;
  const found = known.get(key);
  if (found !== undefined && found.schema === schema) return found;
  const environment: PlanEnvironment = {
    rules: database.rules,
    schema,
    database: current,
    mode: derived.mode,
    sqlMode: derived.sqlMode,
    collation: derived.collation,
    databases: new Set(snapshot.databases.keys()),
  };
  if (known.size > ENVIRONMENTS_MAX) known.clear();
  known.set(key, environment);
  return environment;
}

const ENVIRONMENTS_MAX = 1000;

/** Throws SM_CHARSET_UNSAFE for a character set whose texts cannot be lexed by bytes. */
export function checkClientCharset(charset: string): void {
  if (isAsciiUnsafeCharset(charset)) throw new MeshError('SM_CHARSET_UNSAFE', { charset });
}

export function unquote(literal: string): string {
  return literal.startsWith("'") ? literal.slice(1, -1).replaceAll("''", "'") : literal;
}
