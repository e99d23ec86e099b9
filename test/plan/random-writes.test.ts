/** Random INSERT, UPDATE and DELETE: tables and affected rows stay those of one plain server. SEED and RUNS repeat or widen a run. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MeshError } from '../../src/base/index.ts';
import { RowFields } from '../../src/merge/index.ts';
import {
  type Action,
  type BindInput,
  bind,
  compile,
  type PlanEnvironment,
  type ShardQuery,
} from '../../src/plan/index.ts';
import { noHints } from '../../src/rules/index.ts';
import { ActionRunner, type Cluster } from './across-cluster.ts';
import { startShop } from './across-shop.ts';
import { below, chance, comparison, condition, pick, type Source, seedWith } from './random-sql.ts';
import { inputOf, mode } from './shop-layout.ts';

// CI repeats itself; everywhere else each run tries new statements.
const seed = Number(process.env['SEED'] ?? (process.env['CI'] === undefined ? Date.now() % 1_000_000 : 20_261_121));
const runs = Number(process.env['RUNS'] ?? 200);
console.log(`seed ${seed}`);

type Connection = Awaited<ReturnType<Cluster['server']['connection']>>;
let cluster: Cluster;
let runner: ActionRunner;
let connection: Connection;
let env: PlanEnvironment;

before(async () => {
  cluster = await startShop();
  runner = new ActionRunner(cluster);
  connection = await cluster.server.connection();
  await connection.query("SET sql_mode = 'STRICT_ALL_TABLES'");
  env = {
    rules: cluster.rules,
    schema: cluster.schema,
    database: 'shop',
    mode,
    sqlMode: 'STRICT_ALL_TABLES',
    collation: 'utf8mb4_general_ci',
    databases: new Set(['shop']),
  };
});

after(async () => {
  await connection?.end();
  runner?.close();
  await cluster?.close();
});

seedWith(seed);
const visits = (alias: string): Source => ({ alias, columns: ['id', 'user_id', 'seconds'], keyed: true });

let serial = 0;
/** Ids that say their user: a key that is unique on every node is unique over all. */
function row(): string {
  const user = 1 + below(14);
  const id = user * 10_000 + (chance(40) ? below(20) : 100 + serial++);
  const written = pick([`${user}`, `${user}`, `'${user}'`, `${user}.0`, `${user - 1}.5`]);
  return `(${id}, ${written}, '${pick(['home', "it''s", 'a, b', ')'])}', ${pick(['NULL', '1', `${below(50)}`, '-3', '1 + 1'])})`;
}

function statement(): string {
  const v = visits('v');
  switch (below(12)) {
    case 10:
      return `UPDATE visits SET seconds = IFNULL(seconds, 0) + 2 WHERE user_id ${chance(30) ? 'NOT ' : ''}IN (SELECT n.${pick(['id', 'order_id'])} FROM notes n WHERE n.id < ${below(14)})`;
    case 11:
      return `DELETE FROM visits WHERE id % 4 = ${below(4)} AND visits.seconds IN (SELECT o.qty FROM orders o WHERE ${comparison([{ alias: 'o', columns: ['id', 'qty'], keyed: true }])})`;
    case 0:
    case 1:
    case 2: {
      const rows = Array.from({ length: 1 + below(4) }, row).join(', ');
      const verb = pick(['INSERT', 'INSERT', 'INSERT IGNORE', 'REPLACE']);
      const tail =
        verb === 'INSERT'
          ? pick([
              '',
              ' ON DUPLICATE KEY UPDATE seconds = IFNULL(visits.seconds, 0) + 1',
              ' ON DUPLICATE KEY UPDATE page = VALUES(page)',
            ])
          : '';
      return `${verb} INTO visits (id, user_id, page, seconds) VALUES ${rows}${tail}`;
    }
    case 3:
      return `UPDATE visits SET seconds = IFNULL(seconds, 0) + 1 WHERE ${comparison([visits('visits')])}`;
    case 4:
      return `UPDATE visits v SET v.page = 'x', v.seconds = ${below(9)} WHERE ${condition([v])}`;
    case 5:
      return `UPDATE visits v JOIN orders o ON o.user_id = v.user_id SET v.page = 'joined' WHERE ${comparison([v])} AND o.id < ${below(60)}`;
    case 6:
      return `DELETE FROM visits WHERE ${comparison([visits('visits')])} AND visits.id % 3 = ${below(3)}`;
    case 7:
      return `DELETE v FROM visits v LEFT JOIN items i ON i.user_id = v.user_id AND i.n = ${below(5)} WHERE ${comparison([v])} AND i.id IS NULL AND v.id % 2 = 0`;
    case 8:
      return `UPDATE visits SET user_id = ${1 + below(14)} WHERE id = ${1 + below(40)} AND user_id = ${1 + below(14)}`;
    default:
      return `INSERT IGNORE INTO visits (id, user_id, page, seconds) SELECT v.id + 1000000 * v.user_id, v.user_id, v.page, v.seconds FROM visits v WHERE ${comparison([v])} AND v.id < 1000000`;
  }
}

async function run(query: ShardQuery): Promise<number> {
  await connection.query(`USE ${query.source}`);
  const [result] = (await connection.query(Buffer.from(query.text).toString())) as unknown as [
    { affectedRows: number },
  ];
  return result.affectedRows;
}

async function perform(action: Action): Promise<number> {
  switch (action.kind) {
    case 'forward':
      return run(action.query);
    case 'write': {
      let affected = 0;
      for (const query of action.queries) affected += await run(query);
      return affected;
    }
    case 'reply':
      return Number(action.affected ?? 0n);
    case 'insertSelect': {
      const read = await runner.run(action.read, 'text');
      const fields = new RowFields(read.columns, 'text');
      const rows = read.rows.map((bytes) => {
        fields.locate(bytes, 0, bytes.length);
        return read.columns.map((_, index) =>
          fields.isNull(index) ? null : Buffer.from(bytes.subarray(fields.starts[index], fields.ends[index])),
        );
      });
      return perform(await action.insert(rows));
    }
    case 'refuse':
      // The second step of a statement that reads first may be refused, too.
      throw action.error;
    default:
      throw new Error(`unexpected action ${action.kind}`);
  }
}

async function content(tables: readonly string[]): Promise<string[]> {
  const union = tables.map((table) => `SELECT id, user_id, page, seconds FROM ${table}`).join(' UNION ALL ');
  const [rows] = (await connection.query(`${union} ORDER BY 1, 2, 3, 4`)) as unknown as [Record<string, unknown>[]];
  return rows.map((each) => JSON.stringify(each));
}

const nodes = ['s0.visits_0', 's0.visits_1', 's1.visits_0', 's1.visits_1'];

/** Every row lives where its key says. */
async function misplaced(): Promise<number> {
  let count = 0;
  for (const node of nodes) {
    const [source, table] = [Number(node[1]), Number(node.at(-1))];
    const [[found]] = (await connection.query(
      `SELECT COUNT(*) n FROM ${node} WHERE NOT (user_id % 2 = ${source} AND (user_id DIV 2) % 2 = ${table})`,
    )) as unknown as [[{ n: number }]];
    count += Number(found.n);
  }
  return count;
}

test('random writes', async () => {
  const forms = new Map<string, number>();
  for (let time = 0; time < runs; time++) {
    const sql = statement();
    const { input, fingerprint } = inputOf(sql);
    const plan = compile({ tokens: input.tokens, fingerprint, env, hints: noHints });
    const action = await bind(plan, input as BindInput);
    const form = action.kind === 'refuse' ? `refuse ${action.error.code}` : action.kind;
    forms.set(form, (forms.get(form) ?? 0) + 1);
    if (action.kind === 'refuse') continue;
    const told = `seed ${seed} run ${time}\n${sql}\n${'queries' in action ? action.queries.map((query) => `${query.source}: ${Buffer.from(query.text)}`).join('\n') : ''}`;
    await connection.query('USE plain');
    await connection.query('BEGIN');
    let expected: number;
    try {
      const [result] = (await connection.query(sql)) as unknown as [{ affectedRows: number }];
      expected = result.affectedRows;
    } catch {
      // Both must refuse it: all or nothing is the transaction's business.
      await connection.query('ROLLBACK');
      await connection.query('BEGIN');
      // What a subquery that is read first only warns of is execute's business, too (strict modes).
      if (action.kind !== 'insertSelect') await assert.rejects(perform(action), Error, told);
      await connection.query('ROLLBACK');
      continue;
    }
    try {
      assert.equal(await perform(action), expected, told);
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      await connection.query('ROLLBACK');
      continue;
    }
    await connection.query('COMMIT');
    assert.deepEqual(await content(nodes), await content(['plain.visits']), told);
    assert.equal(await misplaced(), 0, told);
  }
  console.log(Object.fromEntries(forms));
  assert.ok((forms.get('forward') ?? 0) > 0 && (forms.get('write') ?? 0) > 0);
});
