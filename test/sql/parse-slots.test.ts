/** Literals know their fingerprint slots: scalars, lists and rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Expression,
  FingerprintBuffer,
  fingerprint,
  forEachExpression,
  type InList,
  literalValue,
  type ParseResult,
  parse,
} from '../../src/sql/index.ts';
import { lexed, mariadbMode, textOf } from './lexer-cases.ts';

function parseWithSlots(text: string): { result: ParseResult & { ok: true }; literals: string[] } {
  const tokens = lexed(text);
  const out = new FingerprintBuffer();
  fingerprint(tokens, 0, out);
  const result = parse(tokens, 0, mariadbMode, out);
  if (!result.ok) throw new Error(result.problem.message);
  const literals: string[] = [];
  forEachExpression(result.statement, (node: Expression) => {
    if (node.kind === 'literal') literals.push(`${textOf(tokens, node.token)}:${node.slot}.${node.element}`);
  });
  return { result, literals };
}

test('scalar slots in text order; NULL has none', () => {
  const { literals } = parseWithSlots(
    "SELECT a FROM t WHERE b = 5 AND c = 'x' AND d IS NULL AND e = NULL AND f = DATE'2020-01-01'",
  );
  assert.deepEqual(literals, ['5:0.0', "'x':1.0", 'NULL:-1.0', 'DATE:2.0']);
});

test('a list is one slot', () => {
  const { result, literals } = parseWithSlots('SELECT a FROM t WHERE b = 1 AND c IN (10, 20, 30) AND d IN (4, e)');
  assert.deepEqual(literals, ['1:0.0', '10:1.0', '20:1.1', '30:1.2', '4:2.0']);
  const lists: InList[] = [];
  forEachExpression(result.statement, (node) => {
    if (node.kind === 'inList') lists.push(node);
  });
  assert.deepEqual(
    lists.map((list) => list.listSlot),
    [1, -1],
  );
});

test('rows are one slot, elements count row by row', () => {
  const { result, literals } = parseWithSlots("INSERT INTO t (a, b) VALUES (1, 'x'), (-2, NULL), (3, 'y')");
  // Rows of different shape are not folded.
  assert.equal(result.statement.kind, 'insert');
  assert.ok(literals.length === 6);
  const folded = parseWithSlots("INSERT INTO t (a, b, c) VALUES (1, 'x', f(2)), (3, NULL, f(4))");
  assert.deepEqual(folded.literals, ['1:0.0', "'x':0.1", '2:0.2', '3:0.3', 'NULL:0.4', '4:0.5']);
  const { statement } = folded.result;
  assert.ok(statement.kind === 'insert' && statement.source.kind === 'values');
  assert.equal(statement.source.rowsSlot, 0);
});

test('without a fingerprint no literal has a slot', () => {
  const tokens = lexed('SELECT 1 FROM t WHERE a IN (1, 2)');
  const result = parse(tokens, 0, mariadbMode);
  assert.ok(result.ok);
  forEachExpression(result.statement, (node) => {
    if (node.kind === 'literal') assert.equal(node.slot, -1);
    if (node.kind === 'inList') assert.equal(node.listSlot, -1);
  });
});

test('the token of a literal is where its value is read', () => {
  const tokens = lexed("SELECT _utf8mb4 'a' 'b', 42");
  const result = parse(tokens, 0, mariadbMode);
  assert.ok(result.ok);
  const values: unknown[] = [];
  forEachExpression(result.statement, (node) => {
    if (node.kind === 'literal') values.push(literalValue(tokens, node.token));
  });
  assert.deepEqual(values, [
    { kind: 'string', bytes: new Uint8Array(Buffer.from('ab')), charset: 'utf8mb4' },
    { kind: 'integer', value: 42n },
  ]);
});

test('the second statement of a text has its own slots and parameters', () => {
  const text = 'SELECT ? FROM t WHERE a = 1; SELECT b FROM t WHERE c = 2 AND d = ?';
  const tokens = lexed(text);
  const out = new FingerprintBuffer();
  fingerprint(tokens, 0, out);
  const first = parse(tokens, 0, mariadbMode, out);
  assert.ok(first.ok);
  assert.equal(text.slice(first.end, first.end + 8), 'SELECT b');
  fingerprint(tokens, first.nextToken, out);
  const second = parse(tokens, first.nextToken, mariadbMode, out);
  assert.ok(second.ok);
  assert.equal(second.parameterCount, 1);
  const seen: string[] = [];
  forEachExpression(second.statement, (node) => {
    if (node.kind === 'literal') seen.push(`slot ${node.slot}`);
    if (node.kind === 'parameter') seen.push(`parameter ${node.index}`);
  });
  assert.deepEqual(seen, ['slot 0', 'parameter 0']);
});
