/** Random statements over the shop of the across tests, all from one seed. */
import { randomNumbers } from './across-shop.ts';

let next = randomNumbers(1);

/** Starts the sequence of a run. */
export function seedWith(seed: number): void {
  next = randomNumbers(seed);
}

export const below = (limit: number): number => next(limit);
export const pick = <T>(list: readonly T[]): T => list[next(list.length)]!;
export const chance = (percent: number): boolean => next(100) < percent;

const sharded = ['orders', 'items', 'visits'] as const;
const ids: Record<string, readonly string[]> = {
  orders: ['id', 'user_id', 'qty'],
  items: ['id', 'user_id', 'order_id', 'n'],
  visits: ['id', 'user_id', 'seconds'],
  countries: ['code'],
  notes: ['id', 'order_id'],
};

export interface Source {
  readonly alias: string;
  readonly columns: readonly string[];
  readonly keyed: boolean;
}

let aliases = 0;
const newAlias = (): string => `t${aliases++}`;

export const value = (): string =>
  pick([
    `${next(14)}`,
    `${next(14)}`,
    `${next(14)}`,
    `'${next(14)}'`,
    `${next(14)}.0`,
    'NULL',
    `'${next(9)}x'`,
    `-${next(3)}`,
    `${next(12)}e0`,
  ]);

export function comparison(sources: readonly Source[]): string {
  const source = pick(sources);
  const column = source.keyed && chance(75) ? `${source.alias}.user_id` : `${source.alias}.${pick(source.columns)}`;
  switch (next(11)) {
    case 0:
      return `${column} IN (${Array.from({ length: 1 + next(4) }, value).join(', ')})`;
    case 1:
      return `${column} BETWEEN ${next(8)} AND ${next(14)}`;
    case 2:
      return `${column} ${pick(['<', '<=', '>', '>='])} ${value()}`;
    case 3:
      return `${column} ${pick(['<>', '<=>'])} ${value()}`;
    case 4:
      return `${value()} = ${column}`;
    case 5:
      return chance(50) ? `${column} IS NULL` : `${column} NOT IN (${value()}, ${value()})`;
    case 6: {
      const other = pick(sources);
      return `${column} = ${other.alias}.${pick(other.columns)}`;
    }
    case 7:
      return source.keyed
        ? `(${source.alias}.user_id, ${source.alias}.id) IN ((${next(12)}, ${next(40)}), (${next(12)}, ${next(40)}))`
        : '1 = 1';
    default:
      return `${column} = ${value()}`;
  }
}

export function condition(sources: readonly Source[], depth = 0): string {
  switch (depth > 2 ? 9 : next(10)) {
    case 0:
    case 1:
      return `(${condition(sources, depth + 1)} AND ${condition(sources, depth + 1)})`;
    case 2:
      return `(${condition(sources, depth + 1)} OR ${condition(sources, depth + 1)})`;
    case 3:
      return `NOT (${condition(sources, depth + 1)})`;
    case 4:
      return depth === 0 && chance(30) ? pick(['1 = 0', 'FALSE', '2 > 1', 'NULL']) : comparison(sources);
    case 5:
      return chance(60) ? subquery(sources) : comparison(sources);
    default:
      return comparison(sources);
  }
}

function subquery(outer: readonly Source[]): string {
  const table = pick(sharded);
  const inner: Source = { alias: newAlias(), columns: ids[table]!, keyed: true };
  const source = pick(outer);
  const link = source.keyed && chance(70) ? `${inner.alias}.user_id = ${source.alias}.user_id` : comparison([inner]);
  const where = chance(40) ? `${link} AND ${comparison([inner])}` : link;
  switch (next(4)) {
    case 0:
      return `${chance(30) ? 'NOT ' : ''}EXISTS (SELECT 1 FROM ${table} ${inner.alias} WHERE ${where})`;
    case 1:
      return source.keyed
        ? `${source.alias}.user_id ${chance(30) ? 'NOT ' : ''}IN (SELECT ${inner.alias}.user_id FROM ${table} ${inner.alias} WHERE ${comparison([inner])})`
        : comparison(outer);
    case 2:
      return `(SELECT COUNT(*) FROM ${table} ${inner.alias} WHERE ${where}) > ${next(3)}`;
    default:
      return `${source.alias}.${pick(source.columns)} <= (SELECT MAX(${inner.alias}.id) FROM ${table} ${inner.alias} WHERE ${where})`;
  }
}

function factor(): { readonly sql: string; readonly source: Source } {
  const alias = newAlias();
  const table = chance(85) ? pick(sharded) : pick(['countries', 'notes'] as const);
  const keyed = (sharded as readonly string[]).includes(table);
  const columns = ids[table]!;
  if (!keyed || chance(75)) return { sql: `${table} ${alias}`, source: { alias, columns, keyed } };
  const inner: Source = { alias: newAlias(), columns, keyed };
  const where = chance(60) ? ` WHERE ${condition([inner], 2)}` : '';
  switch (next(4)) {
    case 0:
      return {
        sql: `(SELECT ${inner.alias}.user_id, MAX(${inner.alias}.id) id FROM ${table} ${inner.alias}${where} GROUP BY ${inner.alias}.user_id) ${alias}`,
        source: { alias, columns: ['user_id', 'id'], keyed },
      };
    case 1:
      return {
        sql: `(SELECT ${inner.alias}.user_id, ${inner.alias}.id FROM ${table} ${inner.alias}${where} ORDER BY ${inner.alias}.id LIMIT ${1 + next(20)}) ${alias}`,
        source: { alias, columns: ['user_id', 'id'], keyed },
      };
    case 2:
      return {
        sql: `(SELECT DISTINCT ${inner.alias}.user_id, 1 id FROM ${table} ${inner.alias}${where}) ${alias}`,
        source: { alias, columns: ['user_id', 'id'], keyed },
      };
    default:
      return {
        sql: `(SELECT ${inner.alias}.* FROM ${table} ${inner.alias}${where}) ${alias}`,
        source: { alias, columns, keyed },
      };
  }
}

export function query(): string {
  aliases = 0;
  const first = factor();
  const sources = [first.source];
  let from = first.sql;
  for (let joins = next(3); joins > 0; joins--) {
    const other = factor();
    const left = pick(sources);
    const key =
      left.keyed && other.source.keyed && chance(75)
        ? `${left.alias}.user_id = ${other.source.alias}.user_id`
        : comparison([left, other.source]);
    const on = chance(30) ? `${key} AND ${comparison([left, other.source])}` : key;
    switch (next(5)) {
      case 0:
        from = `${from} LEFT JOIN ${other.sql} ON ${on}`;
        break;
      case 1:
        from = `${from} RIGHT JOIN ${other.sql} ON ${on}`;
        break;
      default:
        from = `${from} JOIN ${other.sql} ON ${on}`;
    }
    sources.push(other.source);
  }
  const where = chance(85) ? ` WHERE ${condition(sources)}` : '';
  const columns = sources.flatMap((source) => source.columns.slice(0, 2).map((column) => `${source.alias}.${column}`));
  if (chance(20)) return `SELECT COUNT(*), MIN(${columns[0]}), MAX(${columns.at(-1)}) FROM ${from}${where}`;
  if (chance(15)) {
    const key = pick(columns);
    return `SELECT ${key}, COUNT(*) FROM ${from}${where} GROUP BY ${key}`;
  }
  return `SELECT ${chance(20) ? 'DISTINCT ' : ''}${columns.join(', ')} FROM ${from}${where}`;
}
