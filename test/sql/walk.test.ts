/** The walker reaches every part, in text order, and leaves out what the visitor declines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  forEachExpression,
  forEachQuery,
  forEachSelect,
  forEachTableName,
  forEachTableReference,
  type Statement,
  walk,
} from '../../src/sql/index.ts';
import { parsed } from './syntax-text.ts';

function statementOf(text: string): Statement {
  const result = parsed(text);
  if (!result.ok) throw new Error(result.problem.message);
  return result.statement;
}

function columns(text: string): string {
  const names: string[] = [];
  forEachExpression(statementOf(text), (node) => {
    if (node.kind === 'column') names.push(node.column.name);
  });
  return names.join(' ');
}

test('every expression of a query, in text order', () => {
  const text =
    'WITH w AS (SELECT a1 FROM t) SELECT a2, COUNT(DISTINCT a3), SUM(a4) OVER (PARTITION BY a5 ORDER BY a6), CASE a7 WHEN a8 THEN a9 ELSE b1 END ' +
    'FROM t JOIN (SELECT b2 FROM u WHERE b3 IN (SELECT b4 FROM v)) d ON b5 = b6 WHERE b7 BETWEEN b8 AND b9 AND c1 LIKE c2 AND EXISTS (SELECT c3) ' +
    'AND (c4, c5) IN ((c6, c7)) AND c8 = ANY (SELECT c9) GROUP BY d1 HAVING d2 > 1 ORDER BY d3 LIMIT 1';
  const expected = 'a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3 b4 b5 b6 b7 b8 b9 c1 c2 c3 c4 c5 c6 c7 c8 c9 d1 d2 d3';
  assert.equal(columns(text), expected);
});

test('every expression of the other statements', () => {
  assert.equal(columns('INSERT INTO t (x) SELECT a FROM u ON DUPLICATE KEY UPDATE b = c RETURNING d'), 'a b c d');
  assert.equal(columns('INSERT INTO t VALUES (a, f(b)), (c, d)'), 'a b c d');
  assert.equal(columns('REPLACE t SET a = b'), 'a b');
  assert.equal(columns('UPDATE t JOIN u ON a = b SET c = d WHERE e ORDER BY f LIMIT 1'), 'a b c d e f');
  assert.equal(columns('DELETE t FROM t JOIN u ON a = b WHERE c'), 'a b c');
  assert.equal(columns('SET @x = a + 1, y = (SELECT b)'), 'a b');
  assert.equal(columns('DO a, b'), 'a b');
  assert.equal(columns('CALL p(a, b)'), 'a b');
  assert.equal(columns('CREATE TABLE t AS SELECT a FROM u'), 'a');
  assert.equal(columns('EXPLAIN SELECT a'), 'a');
  assert.equal(columns('SHOW TABLES WHERE a = 1'), 'a');
  assert.equal(
    columns(
      "SELECT TRIM(a FROM b), GROUP_CONCAT(c ORDER BY d SEPARATOR ','), CAST(e AS CHAR), -f, g COLLATE x, MATCH (h) AGAINST (i)",
    ),
    'a b c d e f g h i',
  );
  assert.equal(columns('VALUES (a, b) UNION SELECT c ORDER BY d'), 'a b c d');
});

test('table names of every kind', () => {
  const names = (text: string): string => {
    const seen: string[] = [];
    forEachTableName(statementOf(text), (name) => seen.push(name.table.name));
    return seen.join(' ');
  };
  assert.equal(
    names('WITH w AS (SELECT 1 FROM a) SELECT * FROM w, b JOIN (c, d) ON 1 WHERE x IN (SELECT 1 FROM e)'),
    'a w b c d e',
  );
  assert.equal(names('INSERT INTO a SELECT * FROM b'), 'a b');
  assert.equal(names('DELETE a FROM b AS a JOIN c'), 'a b c');
  assert.equal(names('RENAME TABLE a TO b, c TO d'), 'a b c d');
  assert.equal(names('ALTER TABLE a RENAME TO b'), 'a b');
  assert.equal(names('CREATE VIEW a AS SELECT * FROM b'), 'a b');
  assert.equal(names('LOCK TABLES a READ, b WRITE'), 'a b');
  assert.equal(names('SHOW CREATE TABLE a'), 'a');
  assert.equal(names('SHOW CREATE PROCEDURE a'), '');
  assert.equal(names('DESC a'), 'a');
});

test('queries, SELECT blocks and table references', () => {
  const statement = statementOf('SELECT * FROM a WHERE x = (SELECT 1 FROM b UNION SELECT 2 FROM c)');
  let queries = 0;
  let selects = 0;
  const tables: string[] = [];
  forEachQuery(statement, () => {
    queries++;
  });
  forEachSelect(statement, () => {
    selects++;
  });
  forEachTableReference(statement, (table) => tables.push(table.name.table.name));
  assert.deepEqual([queries, selects, tables.join(' ')], [2, 3, 'a b c']);
});

test('a visitor declines children', () => {
  const statement = statementOf('SELECT a + (SELECT b FROM t) FROM (SELECT c FROM u) d WHERE e = f(g)');
  const seen: string[] = [];
  walk(statement, {
    expression: (node) => {
      if (node.kind === 'column') seen.push(node.column.name);
      return node.kind !== 'subquery' && node.kind !== 'call';
    },
    factor: (factor) => factor.kind !== 'derived',
  });
  assert.equal(seen.join(' '), 'a e');
});
