/** Random joins, subqueries and key conditions: the mesh answers what one plain server answers. SEED and RUNS repeat or widen a run. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ActionRunner, actionOf, type Cluster, show } from './across-cluster.ts';
import { startShop } from './across-shop.ts';
import { chance, query, seedWith } from './random-sql.ts';

// CI repeats itself; everywhere else each run tries new statements.
const seed = Number(process.env['SEED'] ?? (process.env['CI'] === undefined ? Date.now() % 1_000_000 : 20_261_121));
const runs = Number(process.env['RUNS'] ?? 250);
console.log(`seed ${seed}`);

let cluster: Cluster;
let runner: ActionRunner;

before(async () => {
  cluster = await startShop();
  runner = new ActionRunner(cluster);
});

after(async () => {
  runner?.close();
  await cluster?.close();
});

seedWith(seed);

test('random queries', async () => {
  const forms = new Map<string, number>();
  for (let run = 0; run < runs; run++) {
    const sql = chance(8) ? `${query()} UNION ${chance(50) ? 'ALL ' : ''}${query()}` : query();
    let expected: Awaited<ReturnType<typeof cluster.plain.query>>;
    try {
      expected = await cluster.plain.query(sql);
    } catch {
      continue;
    }
    if (expected.rows.length > 3000) continue;
    const action = await actionOf(cluster, sql);
    const form = action.kind === 'refuse' ? `refuse ${action.error.code}` : action.kind;
    forms.set(form, (forms.get(form) ?? 0) + 1);
    if (action.kind === 'refuse') {
      if (process.env['SHOW_REFUSED'] === '1') console.log(action.error.message, '\n  ', sql);
      continue;
    }
    const told =
      'route' in action
        ? `${action.route.reason}: ${action.route.nodes.map((node) => `${node.source}.${node.tables.join('+')}`).join(', ')}`
        : '';
    let got: typeof expected;
    try {
      got = await runner.run(action, 'text');
    } catch (error) {
      assert.fail(`${sql}\n${told}\n${String(error)}`);
    }
    assert.deepEqual(
      show(got, 'text').sort(),
      show(expected, 'text').sort(),
      `seed ${seed} run ${run}\n${sql}\n${told}`,
    );
  }
  console.log(Object.fromEntries(forms));
  assert.ok((forms.get('forward') ?? 0) > 0 && (forms.get('scatter') ?? 0) > 0);
});
