/** Controls of the differential runner itself: two plain servers agree in every case, and a planted difference is found. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endsOrdered, readCaseFiles, type Step } from './case-file.ts';
import { differences } from './compare.ts';
import { compareSides } from './compare-sides.ts';
import { type Outcome, RawClient } from './raw-client.ts';
import { runCase } from './run-case.ts';
import { type Side, startPlain } from './world.ts';

const twoPlain = async (kind: 'number' | 'string') => ({ plain: await startPlain(kind), mesh: await startPlain(kind) });
const step: Step = { sql: 'SELECT 1', params: [], error: undefined, order: 'any', ignore: [] };

compareSides('two plain servers', 'two-by-two', () => twoPlain('number'), { refusals: false });
compareSides('two plain servers, string keys', 'string-keys', () => twoPlain('string'), { refusals: false });

describe('the differential runner', () => {
  it('finds planted differences in rows, and puts rows back', async () => {
    const { plain, mesh } = await twoPlain('number');
    try {
      const change = await RawClient.open(mesh.address);
      await change.run({ ...step, sql: 'UPDATE users SET balance = balance + 0.01 WHERE user_id = 3' }, 'text', false);
      const sum = {
        name: 'sum',
        expect: { kind: 'answer' },
        steps: [{ ...step, sql: 'SELECT SUM(balance) FROM users' }],
        layouts: ['two-by-two'],
        protocols: ['text'],
      } as const;
      assert.match((await runCase(sum, 'text', plain, mesh)) ?? '', /only plain[\s\S]*only mesh/);
      assert.match((await runCase(sum, 'binary', plain, mesh)) ?? '', /only plain/);
      await mesh.reset(new Set(['users']));
      assert.equal(await runCase(sum, 'text', plain, mesh), undefined);
      await change.run({ ...step, sql: 'ALTER TABLE users MODIFY age BIGINT NULL' }, 'text', false);
      const types = { ...sum, steps: [{ ...step, sql: 'SELECT age FROM users WHERE user_id = 1' }] } as const;
      assert.match((await runCase(types, 'text', plain, mesh)) ?? '', /column 1 \(age\) type/);
      await change.close();
    } finally {
      await (plain as Side).stop();
      await (mesh as Side).stop();
    }
  });

  it('compares every part of an outcome', () => {
    const ok: Outcome = {
      kind: 'ok',
      affectedRows: 1,
      changedRows: 0,
      insertId: '0',
      info: '',
      status: 2,
      warnings: [],
    };
    const error: Outcome = { kind: 'error', errno: 1062, sqlState: '23000', message: 'Duplicate', warnings: [] };
    assert.deepEqual(differences(step, ok, ok), []);
    for (const change of [{ affectedRows: 2 }, { insertId: '7' }, { info: 'x' }, { status: 3 }, { changedRows: 1 }]) {
      assert.equal(differences(step, ok, { ...ok, ...change }).length, 1, JSON.stringify(change));
    }
    assert.equal(differences(step, ok, error).length, 1);
    assert.equal(differences(step, error, { ...error, errno: 1064 }).length, 1);
    assert.equal(differences(step, error, { ...error, sqlState: '42000' }).length, 1);
    assert.match(differences(step, error, { ...error, message: "Table 'phys_b0.orders_1'" })[0] ?? '', /physical name/);
    const warning = { level: 'Warning', code: 1265, message: 'Data truncated' };
    assert.equal(differences(step, ok, { ...ok, warnings: [warning] }).length, 1);
    const rows: Outcome = { kind: 'rows', columns: [], rows: ['1', '2', '2'], warnings: [] };
    assert.deepEqual(differences(step, rows, { ...rows, rows: ['2', '1', '2'] }), []);
    assert.equal(differences({ ...step, order: 'fixed' }, rows, { ...rows, rows: ['2', '1', '2'] }).length, 1);
    assert.equal(differences(step, rows, { ...rows, rows: ['1', '1', '2'] }).length, 1);
    assert.deepEqual(differences({ ...step, order: 'count' }, rows, { ...rows, rows: ['7', '8', '9'] }), []);
  });

  it('knows where an order is fixed', () => {
    assert.equal(endsOrdered('SELECT a FROM t ORDER BY a LIMIT 3'), true);
    assert.equal(endsOrdered('SELECT a FROM (SELECT a FROM t ORDER BY a) x'), false);
    assert.equal(endsOrdered("SELECT 'order by' FROM t"), false);
    assert.equal(endsOrdered('(SELECT a FROM t) UNION (SELECT b FROM u) ORDER BY 1'), true);
    assert.equal(endsOrdered('UPDATE t SET a = 1 ORDER BY a LIMIT 1'), false);
  });

  it('has several hundred cases, at least 90 % of them answered', () => {
    const all = readCaseFiles().flatMap((file) => file.cases);
    const answered = all.filter((one) => one.expect.kind === 'answer');
    assert.ok(all.length >= 400, `${all.length} cases`);
    assert.ok(answered.length / all.length >= 0.9, `${answered.length} of ${all.length} are answered`);
  });
});
