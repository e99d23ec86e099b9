/** SELECTs over several nodes answer what one plain server answers: rows, order, names and types, in both protocols. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Action } from '../../src/plan/index.ts';
import { type RawResult, ServerError } from '../merge/packet-client.ts';
import { answerCases } from './across-answers.ts';
import { ActionRunner, actionOf, type Cluster, show } from './across-cluster.ts';
import { startShop } from './across-shop.ts';

let cluster: Cluster;

before(async () => {
  cluster = await startShop();
});

after(async () => {
  await cluster?.close();
});

/** Settings of the client's session under which all statements are tried. */
const sessions = [
  { name: 'default settings', sqlMode: '', set: 'SET time_zone=DEFAULT, sql_mode=DEFAULT' },
  {
    name: 'strict modes and another time zone',
    sqlMode: 'ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE',
    set: "SET time_zone='-03:30', sql_mode='ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
  },
];

const formOf = (action: Action): string => {
  if (action.kind === 'refuse') return `refuse: ${action.error.message}`;
  if (action.kind !== 'scratch') return action.kind;
  return action.scratch.feeds.some((feed) => feed.name === '_mesh_p0') ? 'partial' : 'rows';
};

const textOf = (action: Action): string => {
  if (action.kind === 'scatter') return Buffer.from(action.queries[0]!.text).toString();
  if (action.kind !== 'scratch') return '';
  return [
    ...action.scratch.feeds.map(
      (feed) =>
        `${Buffer.from(feed.define.text)} <- ${feed.rows.kind === 'queries' ? Buffer.from(feed.rows.queries[0]?.text ?? '') : ''}`,
    ),
    Buffer.from(action.scratch.final.text).toString(),
  ].join('\n  ');
};

const shapeOf = (result: RawResult): string[] =>
  result.columns.map(
    (column) =>
      `${column.name} type ${column.type} decimals ${column.decimals} collation ${column.collation} unsigned ${(column.flags & 32) !== 0} notnull ${(column.flags & 1) !== 0}`,
  );

/** The plain server knows one database. */
const plainSql = (sql: string): string => sql.replaceAll('shop.', 'plain.');

for (const { name, sqlMode, set } of sessions)
  describe(`across shards, ${name}`, () => {
    let runner: ActionRunner;
    before(async () => {
      runner = new ActionRunner(cluster, set);
      await cluster.plain.query(set);
    });
    after(() => runner.close());

    for (const item of answerCases) {
      test(item.sql, async () => {
        const parameters = (item.parameters ?? []).map((value) =>
          value === null
            ? ({ kind: 'null' } as const)
            : typeof value === 'number'
              ? ({ kind: 'integer', value: BigInt(value) } as const)
              : ({ kind: 'string', bytes: Buffer.from(value) } as const),
        );
        // In a transaction every table is copied.
        const action = await actionOf(cluster, item.sql, parameters, sqlMode, sqlMode !== '');
        if (sqlMode === '') assert.equal(formOf(action), item.form, textOf(action));
        for (const protocol of item.parameters === undefined ? (['text', 'binary'] as const) : (['binary'] as const)) {
          let expected: RawResult;
          try {
            expected =
              protocol === 'text'
                ? await cluster.plain.query(plainSql(item.sql))
                : await cluster.plain.execute(plainSql(item.sql), item.parameters);
          } catch (error) {
            // What the session's modes forbid is an error here as well.
            assert.ok(error instanceof ServerError && sqlMode !== '', String(error));
            const { errno } = error;
            await assert.rejects(
              runner.run(action, protocol, item.parameters),
              (own) => own instanceof ServerError && own.errno === errno,
            );
            continue;
          }
          const got = await runner.run(action, protocol, item.parameters);
          assert.deepEqual(shapeOf(got), shapeOf(expected), `${protocol}: ${textOf(action)}`);
          if (item.folds === true && protocol === 'binary') continue;
          const fold = (line: string): string =>
            item.folds === true
              ? line.toLowerCase().replace(/ +"/g, '"').normalize('NFD').replace(/\p{M}/gu, '').replaceAll('ß', 's')
              : line;
          const want = show(expected, protocol).map(fold);
          const have = show(got, protocol).map(fold);
          if (!item.ordered) {
            want.sort();
            have.sort();
          }
          assert.deepEqual(have, want, `${protocol}: ${textOf(action)}`);
        }
      });
    }
  });

test('a definition by query is not made under modes that change how texts are read', async () => {
  const sql = 'SELECT COUNT(DISTINCT name) FROM orders';
  assert.equal(formOf(await actionOf(cluster, sql, [], 'STRICT_TRANS_TABLES,NO_ZERO_DATE')), 'partial');
  for (const mode of [
    'ANSI_QUOTES',
    'PIPES_AS_CONCAT,STRICT_ALL_TABLES',
    'NO_BACKSLASH_ESCAPES',
    'NO_UNSIGNED_SUBTRACTION',
    'ORACLE',
  ]) {
    assert.equal(formOf(await actionOf(cluster, sql, [], mode)), 'rows', mode);
  }
});
