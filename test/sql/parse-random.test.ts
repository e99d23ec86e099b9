/** Any text is parsed or refused, never anything else; and what every tree must have: spans, slots and parameters in order. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  elementToken,
  FingerprintBuffer,
  fingerprint,
  forEachExpression,
  type LexMode,
  type ParseResult,
  parse,
  type Statement,
  TokenKind,
  type TokenList,
} from '../../src/sql/index.ts';
import { lexed, mariadbMode, mysqlMode, textOf } from './lexer-cases.ts';

const modes: readonly LexMode[] = [
  mariadbMode,
  mysqlMode,
  {
    ...mysqlMode,
    pipesAsConcat: true,
    ansiQuotes: true,
    highNotPrecedence: true,
    noBackslashEscapes: true,
    charset: 'latin1',
  },
];

/** Every statement of the golden files. */
const corpus: readonly string[] = readdirSync(new URL('./parse-golden/', import.meta.url)).flatMap((file) =>
  readFileSync(new URL(`./parse-golden/${file}`, import.meta.url), 'utf8')
    .split(/\n\n+/)
    .filter((block) => !block.startsWith('@') && block.includes('\n=> '))
    .map((block) => block.slice(0, block.lastIndexOf('\n=> '))),
);

interface Node {
  readonly start: number;
  readonly end: number;
}

function isNode(value: object): value is Node {
  return 'start' in value && typeof value.start === 'number' && 'end' in value && typeof value.end === 'number';
}

/** Every object with a span lies inside its parent's span; lists are in text order. */
function checkSpans(value: unknown, outer: Node, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  let inner = outer;
  if (isNode(value)) {
    assert.ok(value.start <= value.end, `${path}: span ends before it begins`);
    assert.ok(
      value.start >= outer.start && value.end <= outer.end,
      `${path}: [${value.start}, ${value.end}) outside its parent`,
    );
    inner = value;
  }
  if (Array.isArray(value)) {
    let last = outer.start;
    for (const [index, item] of value.entries()) {
      checkSpans(item, outer, `${path}[${index}]`);
      if (typeof item !== 'object' || item === null || !isNode(item)) continue;
      assert.ok(item.start >= last, `${path}[${index}] overlaps the item before`);
      last = item.end;
    }
    return;
  }
  for (const [key, child] of Object.entries(value)) checkSpans(child, inner, `${path}.${key}`);
}

/** Parameters and slots of the tree against the tokens. */
function checkLeaves(
  statement: Statement,
  result: ParseResult & { ok: true },
  tokens: TokenList,
  out: FingerprintBuffer,
): void {
  const seen = new Set<number>();
  forEachExpression(statement, (node) => {
    if (node.kind === 'parameter') {
      assert.ok(node.index < result.parameterCount && !seen.has(node.index));
      seen.add(node.index);
    }
    if (node.kind === 'inList' && node.listSlot >= 0) assert.equal(out.slotSize[node.listSlot], node.items.length);
    if (node.kind !== 'literal') return;
    assert.equal(tokens.starts[node.token], node.start);
    if (node.slot < 0) return;
    assert.ok(node.slot < out.slotCount);
    const at = elementToken(tokens, out, node.slot, node.element);
    assert.ok(
      at >= node.token && tokens.starts[at]! < node.end,
      `slot ${node.slot} element ${node.element} of ${textOf(tokens, node.token)}`,
    );
  });
}

function check(text: string | Uint8Array, mode: LexMode): void {
  const tokens = lexed(text, mode);
  const out = new FingerprintBuffer();
  for (let first = 0; first <= tokens.count; ) {
    fingerprint(tokens, first, out);
    const result = parse(tokens, first, mode, out);
    if (!result.ok) {
      const { at, end, line } = result.problem;
      assert.ok(at >= 0 && at <= tokens.text.length && line >= 1);
      assert.ok(end === undefined || (end >= at && end <= tokens.text.length) || end >= 0);
      return;
    }
    const { statement, nextToken } = result;
    const outer = { start: first < tokens.count ? tokens.starts[first]! : tokens.text.length, end: tokens.text.length };
    checkSpans(statement, outer, 'statement');
    checkLeaves(statement, result, tokens, out);
    let parameters = 0;
    for (let i = first; i < nextToken; i++) if (tokens.kinds[i] === TokenKind.parameter) parameters++;
    assert.equal(result.parameterCount, parameters);
    assert.ok(nextToken > first || nextToken >= tokens.count);
    if (nextToken >= tokens.count) return;
    first = nextToken;
  }
}

test('any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...modes), (bytes, mode) => check(bytes, mode)),
    { numRuns: 500 },
  );
});

const pieces = [...new Set(corpus.flatMap((text) => text.match(/\w+|'[^']*'|"[^"]*"|`[^`]*`|@+\w*|[^\s\w]/g) ?? []))];

const verbs = [
  'SELECT',
  'SELECT * FROM',
  'INSERT INTO t',
  'UPDATE t SET',
  'DELETE FROM t',
  'CREATE',
  'CREATE TABLE t',
  'CREATE PROCEDURE p()',
  'ALTER',
  'ALTER TABLE t',
  'DROP',
  'SHOW',
  'SET',
  'EXPLAIN',
  'WITH',
  'BEGIN NOT ATOMIC',
  'LOAD',
  'LOCK TABLES',
  'ANALYZE',
  'XA',
  '(',
  '',
];

test('any two words after CREATE, ALTER, DROP and SHOW', { timeout: 60_000 }, () => {
  const words = pieces.filter((piece) => /^\w+$/.test(piece));
  for (const verb of ['CREATE', 'ALTER', 'DROP', 'SHOW']) {
    for (const word of words) {
      check(`${verb} ${word}`, mariadbMode);
      check(`${verb} ${word} a`, mariadbMode);
      check(`${verb} ${word} ${word} = 1`, mysqlMode);
    }
  }
});

test('any words of SQL', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...verbs),
      fc.array(fc.constantFrom(...pieces), { maxLength: 14 }),
      fc.constantFrom(...modes),
      (verb, words, mode) => check(`${verb} ${words.join(' ')}`, mode),
    ),
    { numRuns: 1500 },
  );
});

test('statements with a piece taken out, doubled or replaced', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...corpus),
      fc.nat(),
      fc.nat(),
      fc.option(fc.constantFrom(...pieces)),
      fc.constantFrom(...modes),
      (text, from, length, piece, mode) => {
        const at = from % (text.length + 1);
        const size = length % 12;
        check(text.slice(0, at) + (piece === null ? '' : ` ${piece} `) + text.slice(at + size), mode);
      },
    ),
    { numRuns: 1500 },
  );
});

test('every golden statement', () => {
  for (const text of corpus) for (const mode of modes) check(text, mode);
});

test('two golden statements in one text', () => {
  fc.assert(
    fc.property(fc.constantFrom(...corpus), fc.constantFrom(...corpus), (a, b) => check(`${a}; ${b}`, mariadbMode)),
    { numRuns: 500 },
  );
});

/** Deep and long texts: an answer, not a stack overflow. */
const large: readonly (readonly [name: string, text: string, understood: boolean])[] = [
  ['150 parentheses', `SELECT ${'('.repeat(150)}1${')'.repeat(150)}`, true],
  ['10000 parentheses', `SELECT ${'('.repeat(10000)}1${')'.repeat(10000)}`, false],
  ['10000 open parentheses', `SELECT ${'('.repeat(10000)}`, false],
  ['10000 signs', `SELECT ${'- '.repeat(10000)}1`, false],
  ['10000 NOT', `SELECT ${'NOT '.repeat(10000)}1`, false],
  ['5000 nested calls', `SELECT ${'f('.repeat(5000)}1${')'.repeat(5000)}`, false],
  ['5000 nested CASE', `SELECT ${'CASE WHEN '.repeat(5000)}1`, false],
  ['5000 nested queries', `SELECT ${'(SELECT '.repeat(5000)}1${')'.repeat(5000)}`, false],
  ['nested queries in double parentheses', `${'SELECT (('.repeat(60)}1${') + 1)'.repeat(60)}`, true],
  ['5000 nested tables', `SELECT 1 FROM ${'('.repeat(5000)}t${')'.repeat(5000)}`, false],
  ['5000 nested EXPLAIN', `${'EXPLAIN FORMAT=MESH '.repeat(5000)}SELECT 1`, false],
  ['5000 nested SET STATEMENT', `${'SET STATEMENT a=1 FOR '.repeat(5000)}SELECT 1`, false],
  ['5000 nested blocks', `BEGIN NOT ATOMIC ${'BEGIN '.repeat(5000)}`, false],
  ['20000 OR', `SELECT 1 FROM t WHERE ${Array.from({ length: 20000 }, (_, i) => `a=${i}`).join(' OR ')}`, true],
  ['20000 AND', `SELECT 1 FROM t WHERE ${Array.from({ length: 20000 }, (_, i) => `a<>${i}`).join(' AND ')}`, true],
  ['500 +', `SELECT 1${' + 1'.repeat(500)}`, true],
  ['20000 +', `SELECT 1${' + 1'.repeat(20000)}`, false],
  ['20000 values', `SELECT 1 FROM t WHERE a IN (${'1,'.repeat(20000)}1)`, true],
  ['5000 rows', `INSERT INTO t VALUES ${"(1,'a',1+2),".repeat(5000)}(1,'a',1+2)`, true],
  ['20000 items', `SELECT ${'a+1,'.repeat(20000)}1`, true],
  ['5000 joins', `SELECT 1 FROM t${' JOIN t'.repeat(5000)}`, false],
  ['5000 unions', `SELECT 1${' UNION SELECT 1'.repeat(5000)}`, false],
];

for (const [name, text, understood] of large) {
  test(`large text: ${name}`, () => {
    const tokens = lexed(text);
    const result = parse(tokens, 0, mariadbMode);
    assert.equal(result.ok, understood, result.ok ? '' : result.problem.message);
    if (!result.ok) return;
    let visited = 0;
    forEachExpression(result.statement, () => {
      visited++;
    });
    assert.ok(visited > 0);
  });
}
