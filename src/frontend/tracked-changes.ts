/** What OK packets tell clients with SESSION_TRACK: the variables of session_track_system_variables that a SET has changed. */
import type { SessionState, Settings } from '../session/index.ts';
import type { SessionChange } from '../wire/index.ts';
import { unquote } from './plan-environment.ts';

/** The default of session_track_system_variables. */
export const defaultTracked: ReadonlySet<string> = new Set([
  'autocommit',
  'character_set_client',
  'character_set_connection',
  'character_set_results',
  'time_zone',
]);

/** The list as a client gives it; `*` tracks all. */
export function trackedNames(value: string): ReadonlySet<string> {
  return new Set(
    value
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
}

/** The tracked variables that differ between two moments of one session. */
export function variableChanges(
  before: { readonly settings: Settings; readonly autocommit: boolean },
  after: SessionState,
  tracked: ReadonlySet<string>,
): SessionChange[] {
  const changes: SessionChange[] = [];
  const tell = (name: string, value: string): void => {
    if (tracked.has('*') || tracked.has(name)) changes.push({ kind: 'variable', name, value });
  };
  if (before.autocommit !== after.autocommit) tell('autocommit', after.autocommit ? 'ON' : 'OFF');
  if (before.settings === after.settings) return changes;
  for (const [name, literal] of after.settings.variables) {
    if (before.settings.variables.get(name) === literal) continue;
    const value = unquote(literal);
    tell(name, value);
    if (name === 'collation_connection') tell('character_set_connection', value.split('_')[0] as string);
  }
  return changes;
}
