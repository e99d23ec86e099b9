/**
 * Golden trees: every statement of parse-golden/*.txt against its line. With UPDATE_GOLDEN=1 the lines are rewritten, and the
 * difference is there to be reviewed. `@mysql` and `@mariadb` on a line of their own choose the mode of what follows.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { LexMode } from '../../src/sql/index.ts';
import { mariadbMode, mysqlMode } from './lexer-cases.ts';
import { parsed, shownResult } from './syntax-text.ts';

const folder = new URL('./parse-golden/', import.meta.url);

interface Case {
  readonly statement: string;
  readonly expected: string;
  readonly mode: LexMode;
}

const modes: Readonly<Record<string, LexMode>> = {
  '@mariadb': mariadbMode,
  '@mysql': mysqlMode,
  '@pipes': { ...mysqlMode, pipesAsConcat: true },
  '@not': { ...mysqlMode, highNotPrecedence: true },
  '@ansi': { ...mysqlMode, ansiQuotes: true },
};

/** Blocks between blank lines: a statement of one or more lines, then `=> tree`. */
function readCases(text: string): (Case | string)[] {
  let mode = mariadbMode;
  return text
    .trimEnd()
    .split(/\n\n+/)
    .map((block) => {
      if (block.startsWith('#')) return block;
      const known = modes[block.trim()];
      if (known !== undefined) {
        mode = known;
        return block;
      }
      const at = block.lastIndexOf('\n=> ');
      return at < 0
        ? { statement: block, expected: '', mode }
        : { statement: block.slice(0, at), expected: block.slice(at + 4), mode };
    });
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
  const path = new URL(file, folder);
  const cases = readCases(readFileSync(path, 'utf8'));
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const blocks = cases.map((entry) =>
      typeof entry === 'string'
        ? entry
        : `${entry.statement}\n=> ${shownResult(entry.statement, parsed(entry.statement, entry.mode))}`,
    );
    writeFileSync(path, `${blocks.join('\n\n')}\n`);
    continue;
  }
  describe(`golden trees of ${file}`, () => {
    for (const entry of cases) {
      if (typeof entry === 'string') continue;
      test(entry.statement.slice(0, 100), () => {
        assert.equal(shownResult(entry.statement, parsed(entry.statement, entry.mode)), entry.expected);
      });
    }
  });
}
