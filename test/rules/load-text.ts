/** Loads configuration texts for tests, with other files and the environment held in memory. */
import { readFileSync } from 'node:fs';
import type { Loaded, MeshConfig, Overrides, RuleProblem, RuleSet } from '../../src/rules/index.ts';
import { loadMeshConfig, loadRules } from '../../src/rules/index.ts';

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** By absolute path. */
  readonly files?: Readonly<Record<string, string>>;
}

export function loadRulesText(text: string, around: Surroundings = {}): Loaded<RuleSet> {
  return loadRules({ file: '/etc/shop.yaml', text, ...ports(around) });
}

export function loadMeshText(text: string, around: Surroundings = {}, flags: Overrides = {}): Loaded<MeshConfig> {
  return loadMeshConfig({ file: '/etc/shardmesh.yaml', text, ...ports(around) }, flags);
}

export function loadRulesFile(name: string, env: Readonly<Record<string, string>> = {}): Loaded<RuleSet> {
  const file = new URL(name, import.meta.url).pathname;
  return loadRules({ file, text: readFileSync(file, 'utf8'), ...ports({ env }) });
}

/** `line:column severity code` of each problem. */
export function summary(problems: readonly RuleProblem[]): string[] {
  return problems.map((each) => `${each.line}:${each.column} ${each.severity} ${each.code}`);
}

function ports(around: Surroundings) {
  const files = around.files ?? {};
  return {
    env: around.env ?? {},
    readFile(path: string): string {
      const text = files[path];
      if (text === undefined) throw new Error(`no such file: ${path}`);
      return text;
    },
    glob: (pattern: string): string[] => {
      const form = new RegExp(`^${pattern.replace(/[.+^$()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')}$`);
      return Object.keys(files)
        .filter((path) => form.test(path))
        .sort();
    },
  };
}
