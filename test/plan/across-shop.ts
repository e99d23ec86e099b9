/** The tables and rows of the tests of planning across shards: nasty strings, NULLs, ties, extremes. */
import { type Cluster, startCluster } from './across-cluster.ts';

const tables = [
  {
    name: 'orders',
    shardBy: 'user_id',
    columns: `id BIGINT NOT NULL PRIMARY KEY, user_id INT NOT NULL, name VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci,
      city VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, code VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_swedish_ci,
      exact VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, amount DECIMAL(10,2), price DOUBLE, weight FLOAT,
      status ENUM('new','paid','sent','a') NOT NULL, tags SET('x','y','z'), flags BIT(6), created DATETIME(3), ts TIMESTAMP(2) NULL,
      day DATE, span TIME(1), yr YEAR, note TEXT, qty INT, big BIGINT UNSIGNED, raw VARBINARY(12)`,
  },
  {
    name: 'items',
    shardBy: 'user_id',
    columns:
      'id INT NOT NULL PRIMARY KEY, user_id INT NOT NULL, order_id BIGINT NOT NULL, sku VARCHAR(12) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, price DECIMAL(8,3), n INT',
  },
  {
    name: 'visits',
    shardBy: 'user_id',
    columns:
      'id INT NOT NULL PRIMARY KEY, user_id INT NOT NULL, page VARCHAR(20), at DATETIME, seconds INT, secret INT INVISIBLE DEFAULT 7',
  },
  { name: 'countries', columns: 'code CHAR(2) NOT NULL PRIMARY KEY, title VARCHAR(30)' },
  { name: 'notes', single: 's0' as const, columns: 'id INT NOT NULL PRIMARY KEY, order_id BIGINT, body VARCHAR(50)' },
  { name: 'logs', single: 's1' as const, columns: 'id INT NOT NULL PRIMARY KEY, note_id INT, line VARCHAR(50)' },
] as const;

const words = [
  'a',
  'A',
  'á',
  'a ',
  'a\\t',
  'ab',
  'aB ',
  '',
  ' ',
  'ß',
  'ss',
  'S',
  'z',
  'Z',
  'ä',
  'ae',
  '10',
  '9',
  'é',
  'E',
  'e  ',
  'ø',
  'o',
];

/** A seeded generator: the same rows at every run. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export async function startShop(): Promise<Cluster> {
  return await startCluster(tables, '"orders, items"', async (run, place) => {
    const next = randomNumbers(7);
    const pick = <T>(list: readonly T[]): T => list[next(list.length)]!;
    const orNull = (text: string, chance = 6): string => (next(chance) === 0 ? 'NULL' : text);
    const word = () => orNull(`'${pick(words)}'`, 8);
    await run("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'");
    const insert = async (table: string, key: number, values: string) => {
      await run(`INSERT INTO plain.${table} VALUES (${values})`);
      await run(`INSERT INTO ${place(table, key)} VALUES (${values})`);
    };
    for (let id = 1; id <= 90; id += 1) {
      const user = 1 + next(12);
      const date = pick(['2024-01-31', '2023-12-31', '0000-00-00', '2024-02-29', '1000-01-01']);
      const values = [
        id,
        user,
        word(),
        word(),
        orNull(`'${pick(['a', 'A', 'b', 'Ä', 'b ', ''])}'`),
        word(),
        orNull(pick(['0.00', '-1.25', '99999999.99', '10.10', '10.10', '3.33', '-0.01'])),
        orNull(pick(['0.1', '1e20', '-1.5e-7', '3', '100000', '0.30000000000000004'])),
        orNull(pick(['0.1', '16777216', '1.1754944e-38', '3.4e38', '-2.5'])),
        `'${pick(['new', 'paid', 'sent', 'a'])}'`,
        orNull(`'${pick(['', 'x', 'x,z', 'y', 'x,y,z'])}'`),
        orNull(`${next(64)}`),
        orNull(`'${date} 0${next(10)}:00:0${next(3)}.${next(1000)}'`),
        orNull(`'2024-10-27 0${next(3)}:30:00.${next(100)}'`),
        orNull(`'${date}'`),
        orNull(`'${pick(['-838:59:59', '00:00:00', '12:30:00.5', '-00:00:01', '838:59:59', '100:00:00'])}'`),
        orNull(pick(['0', '1999', '2024', '2155'])),
        orNull(`'note ${next(5)}'`),
        orNull(`${next(7) - 3}`, 5),
        orNull(pick(['0', '18446744073709551615', '9223372036854775808', '5'])),
        orNull(pick(["X'00'", "X'0001FF'", "'abc'", "''"])),
      ];
      await insert('orders', user, values.join(', '));
      for (let n = next(4); n > 0; n -= 1) {
        await insert(
          'items',
          user,
          `${id * 10 + n}, ${user}, ${id}, '${pick(['pen', 'Pen ', 'ink', 'cup'])}', ${orNull(`${next(100)}.${next(1000)}`)}, ${orNull(`${next(5)}`)}`,
        );
      }
    }
    for (let id = 1; id <= 40; id += 1) {
      const user = 1 + next(14);
      await insert(
        'visits',
        user,
        `${id}, ${user}, '${pick(['home', 'Home', 'cart', 'help'])}', '2024-05-0${1 + next(3)} 10:00:0${next(9)}', ${orNull(`${next(50)}`)}`,
      );
    }
    for (const [code, title] of [
      ['DE', 'Germany'],
      ['FR', 'France'],
      ['a', 'Aland'],
    ]) {
      for (const schema of ['plain', 's0', 's1'])
        await run(`INSERT INTO ${schema}.countries VALUES ('${code}', '${title}')`);
    }
    for (let id = 1; id <= 12; id += 1) {
      for (const schema of ['plain', 's0'])
        await run(`INSERT INTO ${schema}.notes VALUES (${id}, ${id * 7}, 'n${id % 4}')`);
      for (const schema of ['plain', 's1'])
        await run(`INSERT INTO ${schema}.logs VALUES (${id}, ${1 + (id % 5)}, 'l${id}')`);
    }
  });
}
