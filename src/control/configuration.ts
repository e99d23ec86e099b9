/** What is in force: rules and schemas of all databases as one immutable value. */
import { isDeepStrictEqual } from 'node:util';
import type { SchemaSnapshot } from '../catalog/index.ts';
import type { MeshConfig, RuleProblem, RuleSet } from '../rules/index.ts';

/** One reference to it is all that a session needs; who keeps the reference keeps the whole state as it was. */
export interface Configuration {
  /** Counts every change, of rules or of schemas. */
  readonly version: number;
  readonly config: MeshConfig;
  /** By logical database. A rule set that a reload did not change stays the same object. */
  readonly ruleSets: ReadonlyMap<string, RuleSet>;
  /** By logical database; every database has one, if only with missing sources. */
  readonly schemas: ReadonlyMap<string, SchemaSnapshot>;
  readonly databases: ReadonlySet<string>;
  /** When the rules of it were loaded, in ms since 1970. */
  readonly loadedAt: number;
}

export type ReloadReason = 'start' | 'file' | 'signal' | 'statement' | 'admin';

export type ReloadResult =
  /** `problems` are warnings. `restart`: keys whose new value needs a restart and is not in force. */
  | {
      readonly kind: 'applied';
      readonly configuration: Configuration;
      readonly problems: readonly RuleProblem[];
      readonly restart: readonly string[];
    }
  | { readonly kind: 'unchanged'; readonly configuration: Configuration; readonly problems: readonly RuleProblem[] }
  /** The old configuration stays in force. */
  | { readonly kind: 'refused'; readonly reason: string; readonly problems: readonly RuleProblem[] };

/** Whether a reload may keep the old object: same content, and same secrets (which the version leaves out). */
export function sameRules(a: RuleSet, b: RuleSet): boolean {
  return a.version === b.version && a.file === b.file && isDeepStrictEqual(a.dataSources, b.dataSources);
}

export function sameConfig(a: MeshConfig, b: MeshConfig): boolean {
  const names = (config: MeshConfig): string[] => [...config.databases.keys()];
  if (!isDeepStrictEqual(names(a), names(b))) return false;
  for (const [name, rules] of a.databases) {
    const other = b.databases.get(name);
    if (other === undefined || !sameRules(rules, other)) return false;
  }
  return isDeepStrictEqual({ ...a, databases: undefined }, { ...b, databases: undefined });
}

/** Keys of shardmesh.yaml that are read at the start only. */
export function restartKeys(before: MeshConfig, after: MeshConfig): readonly string[] {
  return (['listen', 'http', 'admin', 'workers'] as const).filter((key) => !isDeepStrictEqual(before[key], after[key]));
}
