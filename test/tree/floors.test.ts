/** Holds the three laws of the tree: imports go down only, never sideways, and enter a room through its index.ts. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const source = join(root, 'src');

/** Higher floors may import lower ones. Files directly in src/ (main, cli) tie all rooms together. */
const floors: Readonly<Record<string, number>> = {
  base: 0,
  wire: 1,
  sql: 1,
  rules: 1,
  session: 1,
  catalog: 1,
  telemetry: 1,
  plan: 2,
  governance: 2,
  http: 2,
  merge: 3,
  backend: 3,
  transaction: 4,
  execute: 5,
  coordinator: 6,
  frontend: 6,
  control: 7,
  admin: 7,
  supervisor: 7,
  demo: 8,
  cli: 9,
};

export interface Import {
  readonly file: string;
  readonly target: string;
}

/** The law that an import breaks, or undefined. Paths are relative to src/. */
export const brokenLaw = ({ file, target }: Import): string | undefined => {
  const from = file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
  const to = target.includes('/') ? target.slice(0, target.indexOf('/')) : '';
  // The command's entry src/cli.ts and its room src/cli/ are one.
  if (file === 'cli.ts' && to === 'cli') return undefined;
  if (from === to || from === '') {
    return from === '' && to !== '' && target !== `${to}/index.ts` ? `enters ${to} past its index.ts` : undefined;
  }
  const here = floors[from];
  const there = floors[to];
  if (here === undefined) return `room ${from} has no floor`;
  if (there === undefined) return `imports ${target}, which is not in a room`;
  if (there > here) return `imports upwards: ${to}`;
  if (there === here) return `imports sideways: ${to}`;
  return target === `${to}/index.ts` ? undefined : `enters ${to} past its index.ts`;
};

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ['node_modules', 'dist', '.git', '.shardmesh'].includes(entry.name) ? [] : filesUnder(path);
    return [path];
  });

const importsOf = (path: string): Import[] => {
  const text = readFileSync(path, 'utf8');
  const found = text.matchAll(/(?:\bfrom|^\s*import|\bimport\()\s*['"](\.{1,2}\/[^'"]+)['"]/gm);
  return [...found].map((match) => ({
    file: relative(source, path),
    target: relative(source, resolve(dirname(path), match[1]!)),
  }));
};

describe('the tree', () => {
  it('imports down only, never sideways, through index.ts', () => {
    const broken = filesUnder(source)
      .filter((path) => path.endsWith('.ts'))
      .flatMap(importsOf)
      .filter(({ target }) => !target.startsWith('..'))
      .flatMap((one) => {
        const law = brokenLaw(one);
        return law === undefined ? [] : [`src/${one.file}: ${law} (${one.target})`];
      });
    assert.deepEqual(broken, []);
  });

  it('notices each kind of broken law', () => {
    assert.match(brokenLaw({ file: 'wire/a.ts', target: 'plan/index.ts' }) ?? '', /upwards/);
    assert.match(brokenLaw({ file: 'wire/a.ts', target: 'sql/index.ts' }) ?? '', /sideways/);
    assert.match(brokenLaw({ file: 'plan/a.ts', target: 'sql/lexer.ts' }) ?? '', /past its index/);
    assert.match(brokenLaw({ file: 'main.ts', target: 'sql/lexer.ts' }) ?? '', /past its index/);
    assert.match(brokenLaw({ file: 'nowhere/a.ts', target: 'sql/index.ts' }) ?? '', /no floor/);
    assert.equal(brokenLaw({ file: 'plan/a.ts', target: 'sql/index.ts' }), undefined);
    assert.equal(brokenLaw({ file: 'plan/a.ts', target: 'plan/b.ts' }), undefined);
  });

  it('has no hand-written source file over 40 KB', () => {
    const large = ['src', 'test', 'scripts', 'bench']
      .flatMap((folder) => filesUnder(join(root, folder)))
      .filter((path) => /\.(ts|mjs)$/.test(path) && statSync(path).size > 40 * 1024)
      .map((path) => relative(root, path));
    assert.deepEqual(large, []);
  });

  it('opens every source file with a sentence that says what it is for', () => {
    const silent = filesUnder(source)
      .filter((path) => path.endsWith('.ts') && !/^(#!.*\n)?\/\*\*/.test(readFileSync(path, 'utf8')))
      .map((path) => relative(root, path));
    assert.deepEqual(silent, []);
  });
});
