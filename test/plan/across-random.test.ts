/** Random SELECTs over several nodes against one plain server. SEED and COUNT in the environment repeat or lengthen a run. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ServerError } from '../merge/packet-client.ts';
import { ActionRunner, actionOf, type Cluster, show } from './across-cluster.ts';
import { randomNumbers, startShop } from './across-shop.ts';

// CI repeats itself; everywhere else each run tries new statements.
const seed = Number(process.env['SEED'] ?? (process.env['CI'] === undefined ? Date.now() % 1_000_000 : 20_261_121));
const count = Number(process.env['COUNT'] ?? 150);
console.log(`seed ${seed} (SEED=${seed} repeats this run, COUNT=n lengthens it)`);

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

/** Makes statements whose answers are fixed up to order: no picks among equal strings, no sums of doubles. */
class Statements {
  readonly #next: (below: number) => number;

  constructor(start: number) {
    this.#next = randomNumbers(start);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#next(list.length)]!;
  }

  #some<T>(list: readonly T[], most: number): T[] {
    const left = [...list];
    return Array.from({ length: 1 + this.#next(most) }, () => left.splice(this.#next(left.length), 1)[0]!).filter(
      (item) => item !== undefined,
    );
  }

  #chance(of: number): boolean {
    return this.#next(of) === 0;
  }

  /** Columns of orders whose equal values are shown alike. */
  readonly exact = [
    'qty',
    'status',
    'amount',
    'day',
    'span',
    'yr',
    'big',
    'user_id',
    'created',
    'tags',
    'weight',
    'ts',
    'flags',
  ];

  condition(a: string): string {
    const simple = () =>
      this.#pick([
        `${a}.qty > ${this.#next(4) - 2}`,
        `${a}.id < ${this.#next(90)}`,
        `${a}.name LIKE '${this.#pick(['a', 's', 'e', 'z'])}%'`,
        `${a}.name = '${this.#pick(['A', 'ss', 'e', ''])}'`,
        `${a}.status IN ('new', 'paid')`,
        `${a}.amount IS NOT NULL`,
        `${a}.user_id IN (1, 2, 5, 6)`,
        `${a}.user_id BETWEEN 3 AND 9`,
        `${a}.city > 'a'`,
        `${a}.day >= '2024-01-01'`,
        `${a}.id IN (SELECT v.id FROM visits v WHERE v.seconds > ${this.#next(40)})`,
        `EXISTS (SELECT 1 FROM items x WHERE x.user_id = ${a}.user_id AND x.order_id = ${a}.id)`,
      ]);
    const parts = Array.from({ length: 1 + this.#next(3) }, simple);
    return parts.length === 3
      ? `(${parts[0]} OR ${parts[1]}) AND ${parts[2]}`
      : parts.join(this.#chance(3) ? ' OR ' : ' AND ');
  }

  from(): { from: string; a: string } {
    return {
      a: 'o',
      from: this.#pick([
        'orders o',
        'orders o',
        'orders o',
        'orders AS o',
        'orders o JOIN items i ON i.user_id = o.user_id AND i.order_id = o.id',
        'orders o LEFT JOIN items i ON i.user_id = o.user_id AND i.order_id = o.id AND i.n > 2',
        'orders o JOIN visits i ON i.user_id = o.user_id',
        'orders o LEFT JOIN visits i ON i.id = o.id',
        'visits i RIGHT JOIN orders o ON i.id = o.qty',
        'orders o LEFT JOIN countries i ON i.code = o.code',
        'countries i LEFT JOIN orders o ON i.code = o.code',
        'notes i JOIN orders o ON i.order_id = o.id',
        'orders o JOIN (SELECT user_id, COUNT(*) n FROM visits GROUP BY user_id) i ON i.user_id = o.user_id',
        'orders o JOIN orders i ON i.user_id = o.user_id AND i.id = o.id + 1',
      ]),
    };
  }

  aggregate(a: string): string {
    return this.#pick([
      'COUNT(*)',
      `COUNT(${a}.name)`,
      `SUM(${a}.qty)`,
      `SUM(${a}.amount)`,
      `AVG(${a}.qty)`,
      `AVG(${a}.amount)`,
      `MIN(${a}.amount)`,
      `MAX(${a}.created)`,
      `MIN(${a}.span)`,
      `MAX(${a}.id)`,
      `MIN(${a}.status)`,
      `COUNT(DISTINCT ${a}.name)`,
      `COUNT(DISTINCT ${a}.city, ${a}.qty)`,
      `SUM(DISTINCT ${a}.qty)`,
      `IFNULL(SUM(${a}.qty), 0) + COUNT(*)`,
      `ROUND(AVG(${a}.amount), 1)`,
      `SUM(${a}.amount) / COUNT(*)`,
      `MAX(${a}.amount) - MIN(${a}.amount)`,
      `BIT_OR(${a}.flags)`,
      `SUM(${a}.big)`,
      `MAX(${a}.big)`,
      `GROUP_CONCAT(DISTINCT ${a}.id ORDER BY ${a}.id)`,
      `COUNT(DISTINCT ${a}.exact)`,
      `SUM(CASE WHEN ${a}.qty > 0 THEN ${a}.amount END)`,
      `MAX(${a}.ts)`,
      `MIN(${a}.yr)`,
      `MAX(${a}.weight)`,
      `COUNT(DISTINCT ${a}.flags)`,
    ]);
  }

  next(): { sql: string; ordered: boolean } {
    const { from, a } = this.from();
    const where = this.#chance(3) ? '' : ` WHERE ${this.condition(a)}`;
    const alone = /^orders (AS )?o$/.test(from);
    switch (this.#next(6)) {
      case 0: {
        // Rows in a total order.
        const keys = this.#some(
          [...this.exact, 'name', 'city', 'code', 'exact', 'price', 'raw', 'qty + 1', 'note'],
          3,
        ).map((key) => `${a}.${key}${this.#chance(2) ? ' DESC' : ''}`);
        const limit = this.#chance(2)
          ? ''
          : ` LIMIT ${this.#next(30)}${this.#chance(2) ? ` OFFSET ${this.#next(20)}` : ''}`;
        const columns = this.#some(
          ['id', 'name', 'amount', 'price', 'weight', 'status', 'flags', 'ts', 'note', 'raw', 'span'],
          4,
        ).map((name) => `${a}.${name}`);
        if (!alone)
          return {
            sql: `SELECT ${columns.join(', ')} FROM ${from}${where} ORDER BY ${keys.join(', ')}`,
            ordered: false,
          };
        return {
          sql: `SELECT ${columns.join(', ')} FROM ${from}${where} ORDER BY ${keys.join(', ')}, ${a}.id${limit}`,
          ordered: true,
        };
      }
      case 1: {
        // Whether DISTINCT shows a BIT as bytes or as a number is up to the server's plan.
        const columns = this.#some(
          this.exact.filter((name) => name !== 'flags'),
          3,
        ).map((name) => `${a}.${name}`);
        return {
          sql: `SELECT DISTINCT ${columns.join(', ')} FROM ${from}${where}${this.#chance(2) ? ` ORDER BY ${columns.join(', ')}` : ''}`,
          ordered: false,
        };
      }
      case 2:
        return {
          sql: `SELECT ${Array.from({ length: 1 + this.#next(4) }, () => this.aggregate(a)).join(', ')} FROM ${from}${where}`,
          ordered: true,
        };
      case 3:
      case 4: {
        const keys = this.#some([...this.exact, 'name', 'city', 'exact'], 2).map((name) => `${a}.${name}`);
        const shown = keys.filter((key) => !/name|city|exact/.test(key));
        const items = [...shown, ...Array.from({ length: 1 + this.#next(3) }, () => this.aggregate(a))];
        const having = this.#chance(3)
          ? ` HAVING ${this.#pick([`COUNT(*) > 1`, `SUM(${a}.qty) > 0`, `MAX(${a}.amount) IS NOT NULL`])}`
          : '';
        const order = this.#chance(2)
          ? ` ORDER BY ${this.#pick([keys.join(' DESC, '), items.at(-1)!, String(items.length)])}`
          : '';
        return {
          sql: `SELECT ${items.join(', ')} FROM ${from}${where} GROUP BY ${keys.join(', ')}${having}${order}`,
          ordered: false,
        };
      }
      default:
        return {
          sql: this.#pick([
            `SELECT ${a}.id, ROW_NUMBER() OVER (PARTITION BY ${a}.${this.#pick(['user_id', 'status'])} ORDER BY ${a}.id) r FROM ${alone ? from : 'orders o'} ORDER BY id`,
            `SELECT id FROM orders o WHERE ${this.condition('o')} UNION ALL SELECT id FROM visits`,
            `SELECT COUNT(*), SUM(x.qty) FROM (SELECT DISTINCT o.qty, o.status FROM ${from}${where}) x`,
            `SELECT o.id, (SELECT SUM(i.n) FROM items i WHERE i.user_id = o.user_id AND i.order_id = o.id) s FROM orders o WHERE ${this.condition('o')}`,
            `WITH t AS (SELECT o.id, o.qty FROM ${from}${where}) SELECT qty, COUNT(*) FROM t GROUP BY qty`,
          ]),
          ordered: false,
        };
    }
  }
}

describe('random statements', () => {
  const statements = new Statements(seed);
  for (let n = 0; n < count; n += 1) {
    const { sql, ordered } = statements.next();
    test(`${n}: ${sql}`, async () => {
      let want: string[];
      let shape: string[];
      const shapeOf = (columns: readonly { name: string; type: number; decimals: number }[]): string[] =>
        columns.map(({ name, type, decimals }) => `${name} ${type} ${decimals}`);
      try {
        const expected = await cluster.plain.query(sql);
        want = show(expected, 'text');
        shape = shapeOf(expected.columns);
      } catch (error) {
        if (!(error instanceof ServerError)) throw error;
        return;
      }
      const action = await actionOf(cluster, sql);
      assert.notEqual(action.kind, 'refuse', action.kind === 'refuse' ? action.error.message : '');
      const got = await runner.run(action, 'text');
      const have = show(got, 'text');
      const note = `seed ${seed}, ${action.kind}: ${action.kind === 'scatter' ? Buffer.from(action.queries[0]!.text) : action.kind === 'scratch' ? Buffer.from(action.scratch.final.text) : ''}`;
      assert.deepEqual(shapeOf(got.columns), shape, note);
      if (!ordered) {
        want.sort();
        have.sort();
      }
      assert.deepEqual(have, want, note);
    });
  }
});
