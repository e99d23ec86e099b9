/** The sample shop: its tables and its rows, which are the same on each machine because row i depends on i alone. */

/** A number in [0, 1) that depends on its two arguments alone (a mixing of their bits, not for secrets). */
const chance = (row: number, purpose: number): number => {
  let x = Math.imul(row ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(purpose + 1, 0xc2b2ae35);
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
};
const whole = (row: number, purpose: number, count: number): number => Math.floor(chance(row, purpose) * count);
const pick = <T>(list: readonly T[], row: number, purpose: number): T => list[whole(row, purpose, list.length)]!;

const countryRows = [
  ['BR', 'Brazil', 216],
  ['CA', 'Canada', 40],
  ['CH', 'Switzerland', 9],
  ['DE', 'Germany', 84],
  ['DK', 'Denmark', 6],
  ['ES', 'Spain', 48],
  ['FI', 'Finland', 6],
  ['FR', 'France', 68],
  ['GB', 'United Kingdom', 68],
  ['IE', 'Ireland', 5],
  ['IN', 'India', 1428],
  ['IT', 'Italy', 59],
  ['JP', 'Japan', 124],
  ['KE', 'Kenya', 55],
  ['MX', 'Mexico', 128],
  ['NL', 'Netherlands', 18],
  ['NO', 'Norway', 5],
  ['PL', 'Poland', 37],
  ['SE', 'Sweden', 11],
  ['US', 'United States', 335],
] as const;
const givenNames = [
  'Ada',
  'Aylin',
  'Björn',
  'Chloé',
  'Daniel',
  'Elena',
  'Farid',
  'Grace',
  'Hiro',
  'Ines',
  'Jonas',
  'Kofi',
  'Lena',
  'Miguel',
  'Noor',
  'Olga',
];
const familyNames = [
  'Abe',
  'Brown',
  'Costa',
  'Diaz',
  'Eriksen',
  'Fischer',
  'García',
  'Haas',
  'Ito',
  'Jansen',
  'Kaya',
  'López',
  'Müller',
  'Novak',
  'Okafor',
  'Petit',
];
const products = [
  'lamp',
  'chair',
  'table',
  'shelf',
  'carpet',
  'mirror',
  'vase',
  'clock',
  'basket',
  'blanket',
  'cushion',
  'stool',
];
const stati = ['new', 'paid', 'sent', 'delivered', 'returned'];

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const pad = (value: number): string => String(value).padStart(2, '0');
const moment = (row: number): string =>
  quote(
    `2025-${pad(1 + whole(row, 20, 12))}-${pad(1 + whole(row, 21, 28))} ${pad(whole(row, 22, 24))}:${pad(whole(row, 23, 60))}:${pad(whole(row, 24, 60))}`,
  );
const cents = (value: number): string => `${Math.floor(value / 100)}.${pad(value % 100)}`;

/** Prices and quantities of the items of an order, in cents. */
const items = (order: number): { readonly product: string; readonly quantity: number; readonly cents: number }[] =>
  Array.from({ length: 1 + whole(order, 10, 3) }, (_, k) => ({
    product: pick(products, order, 30 + k),
    quantity: 1 + whole(order, 40 + k, 4),
    cents: 500 + whole(order, 50 + k, 20_000),
  }));

export interface ShopTable {
  readonly name: string;
  readonly create: string;
  readonly columns: string;
  /** Number of units of generation: rows, or for order_items orders. */
  readonly units: number;
  /** The rows of unit i (from 1) as `(...)`. */
  readonly rows: (unit: number) => readonly string[];
}

export interface Shop {
  readonly tables: readonly ShopTable[];
  /** An order and its user, for examples. */
  readonly example: { readonly order: number; readonly user: number };
  /** What a complete load must contain. */
  readonly totals: { readonly orderCents: bigint; readonly rows: Readonly<Record<string, number>> };
}

/** The shop with this many orders: a user for each ten of them, one to three items per order. */
export const sampleShop = (orders: number): Shop => {
  const users = Math.max(10, Math.floor(orders / 10));
  const notes = 200;
  const userOf = (order: number) => 1 + whole(order, 1, users);
  const amountOf = (order: number) => items(order).reduce((sum, item) => sum + item.quantity * item.cents, 0);
  let orderCents = 0n;
  let itemCount = 0;
  for (let order = 1; order <= orders; order++) {
    orderCents += BigInt(amountOf(order));
    itemCount += 1 + whole(order, 10, 3);
  }
  const exampleOrder = Math.floor(orders / 2);
  return {
    example: { order: exampleOrder, user: userOf(exampleOrder) },
    totals: {
      orderCents,
      rows: { countries: countryRows.length, notes, users, orders, order_items: itemCount },
    },
    tables: [
      {
        name: 'countries',
        create:
          'CREATE TABLE IF NOT EXISTS countries (code CHAR(2) NOT NULL PRIMARY KEY, name VARCHAR(60) NOT NULL, population BIGINT UNSIGNED NOT NULL)',
        columns: 'code, name, population',
        units: countryRows.length,
        rows: (i) => {
          const [code, name, millions] = countryRows[i - 1]!;
          return [`(${quote(code)}, ${quote(name)}, ${millions * 1_000_000})`];
        },
      },
      {
        name: 'notes',
        create:
          'CREATE TABLE IF NOT EXISTS notes (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, title VARCHAR(80) NOT NULL, body TEXT NULL)',
        columns: 'id, title, body',
        units: notes,
        rows: (i) => [
          `(${i}, ${quote(`Note ${i}`)}, ${quote(`Remember the ${pick(products, i, 5)} for ${pick(givenNames, i, 6)}.`)})`,
        ],
      },
      {
        name: 'users',
        create:
          'CREATE TABLE IF NOT EXISTS users (user_id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(80) NOT NULL, email VARCHAR(120) NULL, country CHAR(2) NOT NULL, created DATETIME NOT NULL, KEY by_country (country))',
        columns: 'user_id, name, email, country, created',
        units: users,
        rows: (i) => [
          `(${i}, ${quote(`${pick(givenNames, i, 2)} ${pick(familyNames, i, 3)}`)}, ${i % 9 === 0 ? 'NULL' : quote(`user${i}@example.org`)}, ${quote(pick(countryRows, i, 4)[0])}, ${moment(i)})`,
        ],
      },
      {
        name: 'orders',
        create:
          "CREATE TABLE IF NOT EXISTS orders (order_id BIGINT NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL, status ENUM('new','paid','sent','delivered','returned') NOT NULL, amount DECIMAL(12,2) NOT NULL, placed DATETIME NOT NULL, KEY by_user (user_id))",
        columns: 'order_id, user_id, status, amount, placed',
        units: orders,
        rows: (i) => [`(${i}, ${userOf(i)}, ${quote(pick(stati, i, 7))}, ${cents(amountOf(i))}, ${moment(i)})`],
      },
      {
        name: 'order_items',
        create:
          'CREATE TABLE IF NOT EXISTS order_items (item_id BIGINT NOT NULL PRIMARY KEY, order_id BIGINT NOT NULL, user_id BIGINT NOT NULL, product VARCHAR(40) NOT NULL, quantity INT UNSIGNED NOT NULL, price DECIMAL(10,2) NOT NULL, KEY by_order (order_id), KEY by_user (user_id))',
        columns: 'item_id, order_id, user_id, product, quantity, price',
        units: orders,
        rows: (i) =>
          items(i).map(
            (item, k) =>
              `(${i * 10 + k}, ${i}, ${userOf(i)}, ${quote(item.product)}, ${item.quantity}, ${cents(item.cents)})`,
          ),
      },
    ],
  };
};
