/** Precedence: flag > environment > file > default, for the settings that have all of them. */
import type { Override, Overrides } from '../mesh-config.ts';
import type { PlainValue } from './yaml-file.ts';

const settings: Readonly<
  Record<Override, { readonly variable: string; readonly flag: string; readonly path: readonly [string, string?] }>
> = {
  listen: { variable: 'SHARDMESH_LISTEN', flag: '--listen', path: ['listen'] },
  http: { variable: 'SHARDMESH_HTTP', flag: '--http', path: ['http'] },
  admin: { variable: 'SHARDMESH_ADMIN', flag: '--admin', path: ['admin'] },
  serverVersion: { variable: 'SHARDMESH_SERVER_VERSION', flag: '--server-version', path: ['serverVersion'] },
  workers: { variable: 'SHARDMESH_WORKERS', flag: '--workers', path: ['workers'] },
  logLevel: { variable: 'SHARDMESH_LOG_LEVEL', flag: '--log-level', path: ['log', 'level'] },
  logFormat: { variable: 'SHARDMESH_LOG_FORMAT', flag: '--log-format', path: ['log', 'format'] },
};

export interface AppliedOverride {
  /** `--listen` or `SHARDMESH_LISTEN`: where the value came from. */
  readonly origin: string;
  readonly path: readonly string[];
}

/**
 * The file's values with those of the environment and the flags in their place, and which ones were replaced.
 * `listen` may be a list separated by commas. Empty variables count as unset.
 */
export function applyOverrides(
  value: PlainValue,
  env: Readonly<Record<string, string | undefined>>,
  flags: Overrides,
): { readonly value: PlainValue; readonly applied: readonly AppliedOverride[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { value, applied: [] };
  const result: { [key: string]: PlainValue } = { ...value };
  const applied: AppliedOverride[] = [];
  for (const [name, setting] of Object.entries(settings) as [Override, (typeof settings)[Override]][]) {
    const flag = flags[name];
    const variable = env[setting.variable];
    const text = flag ?? (variable === '' ? undefined : variable);
    if (text === undefined) continue;
    const parsed: PlainValue =
      name === 'workers' && /^\d{1,9}$/.test(text)
        ? Number(text)
        : name === 'listen'
          ? text.split(',').map((each) => each.trim())
          : text;
    const [outer, inner] = setting.path;
    if (inner === undefined) result[outer] = parsed;
    else {
      const map = result[outer];
      result[outer] = {
        ...(typeof map === 'object' && map !== null && !Array.isArray(map) ? map : {}),
        [inner]: parsed,
      };
    }
    applied.push({
      origin: flag === undefined ? setting.variable : setting.flag,
      path: inner === undefined ? [outer] : [outer, inner],
    });
  }
  return { value: result, applied };
}
