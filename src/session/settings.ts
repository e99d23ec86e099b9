/**
 * What SET has changed in a session, as an immutable value.
 *
 * Equal settings are the same object (interned), so "does this backend connection already have the session's settings"
 * is one comparison of references on the hot path.
 */

/** Session variables (lower-cased name -> SQL literal) that differ from a fresh backend connection. */
export interface Settings {
  readonly variables: ReadonlyMap<string, string>;
  /** User variables (lower-cased name -> SQL literal). */
  readonly userVariables: ReadonlyMap<string, string>;
  /** Canonical text; equal texts are the same object. */
  readonly key: string;
}

const interned = new Map<string, WeakRef<Settings>>();
const forget = new FinalizationRegistry<string>((key) => {
  if (interned.get(key)?.deref() === undefined) interned.delete(key);
});

function intern(variables: ReadonlyMap<string, string>, userVariables: ReadonlyMap<string, string>): Settings {
  const part = (map: ReadonlyMap<string, string>): [string, string][] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const key = JSON.stringify([part(variables), part(userVariables)]);
  const known = interned.get(key)?.deref();
  if (known !== undefined) return known;
  const settings: Settings = { variables, userVariables, key };
  interned.set(key, new WeakRef(settings));
  forget.register(settings, key);
  return settings;
}

/** A connection as the pool opens it. */
export const freshSettings: Settings = intern(new Map(), new Map());

/** Settings with session variables changed; `undefined` takes a variable back to its default. */
export function withVariables(settings: Settings, changes: Iterable<readonly [string, string | undefined]>): Settings {
  const variables = new Map(settings.variables);
  for (const [name, value] of changes) {
    if (value === undefined) variables.delete(name);
    else variables.set(name, value);
  }
  return intern(variables, settings.userVariables);
}

/** Settings with user variables changed; a NULL variable is kept out, as an unset one reads the same. */
export function withUserVariables(settings: Settings, changes: Iterable<readonly [string, string]>): Settings {
  const userVariables = new Map(settings.userVariables);
  for (const [name, value] of changes) {
    if (value === 'NULL') userVariables.delete(name);
    else userVariables.set(name, value);
  }
  return intern(settings.variables, userVariables);
}

/**
 * One SET statement that takes a backend session from `from` to `to`, or undefined if nothing differs.
 * The character set variables are set first, through SET NAMES' parts, so that literals after them are read right:
 * all literals here are ASCII or hexadecimal, so the order does not matter to them.
 * `ignoreSpace`: the connection was opened with that client flag, which its fresh sql_mode therefore contains.
 */
export function settingsReplay(from: Settings, to: Settings, ignoreSpace = false): string | undefined {
  if (from === to) return undefined;
  const items: string[] = [];
  for (const [name, value] of to.variables) {
    if (from.variables.get(name) !== value) items.push(`@@session.${name}=${value}`);
  }
  for (const name of from.variables.keys()) {
    if (!to.variables.has(name)) items.push(`@@session.${name}=${connectionDefault(name, ignoreSpace)}`);
  }
  for (const [name, value] of to.userVariables) {
    if (from.userVariables.get(name) !== value) items.push(`@\`${name.replaceAll('`', '``')}\`=${value}`);
  }
  for (const name of from.userVariables.keys()) {
    if (!to.userVariables.has(name)) items.push(`@\`${name.replaceAll('`', '``')}\`=NULL`);
  }
  return items.length === 0 ? undefined : `SET ${items.join(',')}`;
}

/** Character set and collation of a backend connection as the pool opens it (utf8mb4_general_ci): DEFAULT would be the server's. */
export const connectionCollation = 'utf8mb4_general_ci';
const connectionDefaults: Readonly<Record<string, string>> = {
  character_set_client: 'utf8mb4',
  character_set_results: 'utf8mb4',
  collation_connection: connectionCollation,
};

function connectionDefault(name: string, ignoreSpace: boolean): string {
  if (name === 'sql_mode' && ignoreSpace) return "CONCAT(@@global.sql_mode,',IGNORE_SPACE')";
  return connectionDefaults[name] ?? 'DEFAULT';
}
