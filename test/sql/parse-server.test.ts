/** The parser against a real MariaDB: what is a syntax error to the one is one to the other, and operators bind alike. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type mysql from 'mysql2/promise';
import { startServer, type TestServer } from '../servers/index.ts';
import { mariadbMode } from './lexer-cases.ts';
import { parenthesised, parsed } from './syntax-text.ts';

/** Not understood here, though the server takes them: each is a refusal on purpose. */
const refusedHere: readonly RegExp[] = [
  /^INSERT INTO t \(t\.a\)/,
  /FOR PORTION OF/,
  /^DELETE HISTORY/,
  /BETWEEN 1 AND b BETWEEN/,
  /^SELECT a LIKE b LIKE c/,
  /INTERVAL 1 DAY \* 2/,
  /^SELECT INTERVAL 1 DAY \+ a > b/,
  /PROCEDURE ANALYSE/,
  /^SELECT 1 UNION SELECT 2 INTO @a/,
  /^KILL QUERY ID/,
  /RETURNS TYPE OF/,
  /^EXPLAIN FORMAT=MESH$/,
  // The server names another error before it comes to the syntax.
  /^SET a = 1,$/,
  /^CREATE PROCEDURE p\(\) BEGIN (IF a THEN SELECT 1; END; END|CREATE PROCEDURE)/,
];

/** Understood here, though this server does not take them: MySQL's or a later version's syntax, or the mesh's own. */
const refusedThere: readonly RegExp[] = [
  /MESH/,
  /^SHOW EXTENDED/,
  /^EXPLAIN ANALYZE/,
  /ENFORCED/,
  /CHARACTER SET latin1\)$/,
  /DROP CHECK/,
  /INVISIBLE/,
  /ALGORITHM=(INPLACE, LOCK|COPY)/,
  /^DROP PACKAGE/,
  /\(LOWER\(a\)\)/,
  /^CREATE (TABLESPACE|LOGFILE)/,
  /^ALTER INSTANCE/,
  /JOIN v ON DUPLICATE/,
  /^DELETE FROM t AS x/,
  /VALUES\(b\), VALUE\(c\)/,
  /IS JSON/,
  /^lbl: LOOP/,
  /LATERAL/,
  /AS d \(x\)$/,
  /^SET ROLE ALL/,
];

interface Statement {
  readonly text: string;
  readonly understood: boolean;
}

/** The first statement of each golden text in MariaDB's mode. */
function goldenStatements(): Statement[] {
  const folder = new URL('./parse-golden/', import.meta.url);
  return readdirSync(folder).flatMap((file) => {
    const blocks = readFileSync(new URL(file, folder), 'utf8').split(/\n\n+/);
    const others = blocks.findIndex((block) => block.startsWith('@'));
    return blocks.slice(0, others < 0 ? undefined : others).map((block) => {
      const text = block.slice(0, block.lastIndexOf('\n=> '));
      const result = parsed(text);
      const own = result.ok && result.end < text.length ? text.slice(0, result.end) : text;
      return { text: own.replace(/;\s*$/, ''), understood: result.ok };
    });
  });
}

const atoms = "0 1 2 3 5 'a' '2' NULL 1.5 TRUE (1) (SELECT_2) ABS(-3) DATE'2020-01-31'"
  .split(' ')
  .map((a) => a.replace('_', ' '));
const infix = 'OR || XOR AND && = <=> <> != < <= > >= | & << >> + - * / DIV % MOD ^ LIKE NOT_LIKE REGEXP SOUNDS_LIKE'
  .split(' ')
  .map((operator) => operator.replace('_', ' '));
const atom = fc.constantFrom(...atoms);
const prefix = fc.oneof({ weight: 7, arbitrary: fc.constant('') }, fc.constantFrom('NOT ', '- ', '!', '~', 'BINARY '));
const suffix = fc.oneof(
  { weight: 10, arbitrary: fc.constant('') },
  fc.constantFrom(' IS NULL', ' IS NOT TRUE', ' IN (1,2)', ' NOT IN (SELECT 3)', ' IN ((SELECT 3))'),
  fc.constantFrom(' + INTERVAL 1 DAY', ' COLLATE utf8mb4_bin'),
  fc
    .tuple(fc.constantFrom(' BETWEEN ', ' NOT BETWEEN '), atom, atom)
    .map(([word, low, high]) => `${word}${low} AND ${high}`),
);
const operand = fc.tuple(prefix, atom, suffix).map((parts) => parts.join(''));
const expression = fc
  .tuple(operand, fc.array(fc.tuple(fc.constantFrom(...infix), operand), { minLength: 1, maxLength: 5 }))
  .map(([first, rest]) => first + rest.map(([operator, next]) => ` ${operator} ${next}`).join(''));

describe('parser and server', () => {
  let server: TestServer;
  let connection: mysql.Connection;

  before(async () => {
    server = await startServer({ schemas: ['db'] });
    connection = await server.connection('db');
  });
  after(async () => {
    await connection?.end();
    await server?.stop();
  });

  async function isSyntaxError(text: string): Promise<boolean> {
    try {
      await connection.query('PREPARE s FROM ?', [text]);
      return false;
    } catch (error) {
      return error instanceof Error && 'errno' in error && (error.errno === 1064 || error.errno === 1149);
    }
  }

  it('agrees about syntax errors in every golden statement', async (context) => {
    const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT VERSION() AS v');
    if (!String(rows[0]?.['v']).startsWith('10.11.')) return context.skip('the lists are of MariaDB 10.11');
    const surprises: string[] = [];
    for (const { text, understood } of goldenStatements()) {
      if (text.trim() === '' || text.startsWith('/* only') || text.startsWith('-- only')) continue;
      const refused = await isSyntaxError(text);
      if (understood && refused && !refusedThere.some((known) => known.test(text)))
        surprises.push(`server refuses: ${text}`);
      if (!understood && !refused && !refusedHere.some((known) => known.test(text)))
        surprises.push(`parser refuses: ${text}`);
    }
    assert.deepEqual(surprises, []);
  });

  for (const sqlMode of ['', 'PIPES_AS_CONCAT', 'HIGH_NOT_PRECEDENCE']) {
    it(`binds operators as the server does (sql_mode '${sqlMode}')`, async () => {
      await connection.query('SET sql_mode = ?', [sqlMode]);
      const mode = {
        ...mariadbMode,
        pipesAsConcat: sqlMode === 'PIPES_AS_CONCAT',
        highNotPrecedence: sqlMode === 'HIGH_NOT_PRECEDENCE',
      };
      const answer = async (text: string): Promise<string> => {
        try {
          return JSON.stringify((await connection.query({ sql: text, rowsAsArray: true }))[0]);
        } catch (error) {
          return error instanceof Error && 'errno' in error ? `error ${error.errno}` : 'error';
        }
      };
      await fc.assert(
        fc.asyncProperty(expression, async (text) => {
          const statement = `SELECT ${text}`;
          const result = parsed(statement, mode);
          if (!result.ok) return;
          const written = await answer(statement);
          assert.notEqual(written, 'error 1064', 'understood, but a syntax error to the server');
          assert.equal(await answer(parenthesised(statement, result.statement)), written);
        }),
        { numRuns: 400 },
      );
    });
  }
});
