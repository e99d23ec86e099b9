/** Configuration files from disk through the rules room's loaders. */
import { globSync, readFileSync } from 'node:fs';
import {
  isRulesFile,
  type Loaded,
  type LoadPorts,
  loadMeshConfig,
  loadRules,
  type MeshConfig,
  type Override,
  type Overrides,
  type RuleProblem,
  type RuleSet,
} from '../rules/index.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';

/** The loaders' ports on the real file system. */
export function diskPorts(env: Readonly<Record<string, string | undefined>>): LoadPorts {
  return {
    env,
    readFile: (path) => readFileSync(path, 'utf8'),
    glob: (pattern) => globSync(pattern).sort(),
  };
}

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

/** Reads shardmesh.yaml and the rules files that it names, with the overrides applied. Problems instead of exceptions. */
export function loadMesh(
  file: string,
  overrides: Overrides,
  env: Readonly<Record<string, string | undefined>>,
): Loaded<MeshConfig> {
  const text = readText(file);
  if (typeof text !== 'string') return { problems: [text] };
  return loadMeshConfig({ ...diskPorts(env), file, text }, overrides);
}

/** What one file of `check` or `explain` holds. */
export interface LoadedFile {
  readonly config: MeshConfig | undefined;
  readonly ruleSets: readonly RuleSet[];
  readonly problems: readonly RuleProblem[];
}

/** Either kind of file, told apart by its keys. */
export function loadEither(
  file: string,
  overrides: Overrides,
  env: Readonly<Record<string, string | undefined>>,
): LoadedFile {
  const text = readText(file);
  if (typeof text !== 'string') return { config: undefined, ruleSets: [], problems: [text] };
  if (isRulesFile(text)) {
    const { value, problems } = loadRules({ ...diskPorts(env), file, text });
    return { config: undefined, ruleSets: value === undefined ? [] : [value], problems };
  }
  const { value, problems } = loadMesh(file, overrides, env);
  return { config: value, ruleSets: value === undefined ? [] : [...value.databases.values()], problems };
}

/** The rule set that `-d` names, or the only one there is. */
export function pickDatabase(ruleSets: readonly RuleSet[], name: string | undefined): RuleSet {
  const names = ruleSets.map((rules) => rules.databaseName);
  const found =
    name === undefined && ruleSets.length === 1 ? ruleSets[0] : ruleSets.find((rules) => rules.databaseName === name);
  if (found !== undefined) return found;
  throw new CommandFailure(
    ExitCode.usage,
    name === undefined
      ? `name a database with -d; there are ${names.join(', ')}`
      : `-d: there is no database '${name}'; there are ${names.join(', ')}`,
  );
}

function readText(file: string): string | RuleProblem {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : code === 'EACCES'
            ? 'it may not be read'
            : String(code);
    return {
      file,
      line: 1,
      column: 1,
      code: 'SM_FILE_UNREADABLE',
      severity: 'error',
      message: `cannot be read: ${why}`,
    };
  }
}
