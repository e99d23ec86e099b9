/** Configuration files from disk through the rules room's loaders. */
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  isRulesFile,
  type Loaded,
  type LoadPorts,
  loadMeshConfig,
  loadRules,
  type MeshConfig,
  type Overrides,
  type RuleProblem,
  type RuleSet,
} from '../rules/index.ts';
import type { ConfigurationFiles } from '../supervisor/index.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';

/** The loaders' ports on the real file system. */
export function diskPorts(env: Readonly<Record<string, string | undefined>>): LoadPorts {
  return {
    env,
    readFile: readDisk,
    glob: (pattern) => globSync(pattern).sort(),
  };
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

/** The same, with what was read; `files`: from what another process has read. */
export function loadRecorded(
  file: string,
  overrides: Overrides,
  env: Readonly<Record<string, string | undefined>>,
  files?: ConfigurationFiles,
): { readonly loaded: Loaded<MeshConfig>; readonly files: ConfigurationFiles } {
  const read = recorder(files === undefined ? diskPorts(env) : replay(files, env));
  const text = readText(file, read.ports);
  const loaded =
    typeof text === 'string' ? loadMeshConfig({ ...read.ports, file, text }, overrides) : { problems: [text] };
  return { loaded, files: read.files };
}

function recorder(ports: LoadPorts): { readonly ports: LoadPorts; readonly files: ConfigurationFiles } {
  const texts = new Map<string, string>();
  const globs = new Map<string, readonly string[]>();
  return {
    files: { texts, globs },
    ports: {
      env: ports.env,
      readFile: (path) => {
        const text = ports.readFile(path);
        texts.set(resolve(path), text);
        return text;
      },
      glob: (pattern) => {
        const paths = ports.glob(pattern);
        globs.set(pattern, paths);
        return paths;
      },
    },
  };
}

function replay({ texts, globs }: ConfigurationFiles, env: LoadPorts['env']): LoadPorts {
  return {
    env,
    readFile: (path) => {
      const text = texts.get(resolve(path));
      if (text === undefined) throw Object.assign(new Error(`${path} was not read`), { code: 'ENOENT' });
      return text;
    },
    glob: (pattern) => globs.get(pattern) ?? [],
  };
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

function readText(file: string, ports: Pick<LoadPorts, 'readFile'> = { readFile: readDisk }): string | RuleProblem {
  try {
    return ports.readFile(file);
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

function readDisk(path: string): string {
  return readFileSync(path, 'utf8');
}
