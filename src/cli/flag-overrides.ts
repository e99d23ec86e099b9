/** The flags of `serve` that override shardmesh.yaml. */
import type { Override, Overrides } from '../rules/index.ts';

const overrideKeys: readonly Override[] = [
  'listen',
  'http',
  'admin',
  'serverVersion',
  'workers',
  'logLevel',
  'logFormat',
];

/** The flags that override the file; the loader itself adds what SHARDMESH_* variables say where no flag does. */
export function overridesOf(flags: Readonly<Partial<Record<Override, string>>>): Overrides {
  const overrides: Partial<Record<Override, string>> = {};
  for (const key of overrideKeys) {
    const value = flags[key];
    if (value !== undefined) overrides[key] = value;
  }
  return overrides;
}
