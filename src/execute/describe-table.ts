/** What a temporary table is like, asked on its own connection: information_schema does not list it. */
import type { Lease } from '../backend/index.ts';
import type { Column, TableSchema } from '../catalog/index.ts';

/** Rejects with BackendFault or ServerError. */
export async function describeTable(lease: Lease, name: string): Promise<TableSchema> {
  const quoted = `\`${name.replaceAll('`', '``')}\``;
  const fields = await lease.connection.query(`SHOW FULL COLUMNS FROM ${quoted}`);
  const columns = fields.rows.map((row, ordinal) => columnOf(row, ordinal));
  const index = await lease.connection.query(`SHOW INDEX FROM ${quoted}`);
  const at = (heading: string): number => index.columns.findIndex((column) => column.name === heading);
  const [unique, key, column] = [at('Non_unique'), at('Key_name'), at('Column_name')];
  const keys = new Map<string, string[]>();
  for (const row of index.rows) {
    if (row[unique] !== '0') continue;
    const known = keys.get(row[key] as string) ?? [];
    keys.set(row[key] as string, [...known, row[column] ?? '']);
  }
  return Object.freeze({
    name,
    view: false,
    columns,
    columnsByName: new Map(columns.map((one) => [one.name.toLowerCase(), one])),
    primaryKey: keys.get('PRIMARY') ?? [],
    uniqueKeys: [...keys].filter(([one]) => one !== 'PRIMARY').map(([, names]) => names),
  });
}

/** Field, Type, Collation, Null, Key, Default, Extra. */
function columnOf(row: readonly (string | null)[], ordinal: number): Column {
  const [name, columnType, collation, nullable, , initial, extra] = row as readonly [
    string,
    string,
    string | null,
    string,
    string,
    string | null,
    string,
  ];
  const [, type = '', numbers] = /^(\w+)(?:\(([^)]*)\))?/.exec(columnType) ?? [];
  const dataType = type.toLowerCase();
  const [first, second] = (numbers ?? '').split(',').map(Number) as [number | undefined, number | undefined];
  const sized = first !== undefined && Number.isInteger(first) && numbers !== undefined;
  return Object.freeze({
    name,
    ordinal,
    dataType,
    columnType,
    unsigned: /\bunsigned\b/i.test(columnType),
    nullable: nullable === 'YES',
    ...(collation === null ? {} : { collation, charset: collation.split('_')[0] as string }),
    ...(sized && /char|binary/.test(dataType) ? { lengthMax: first } : {}),
    ...(dataType === 'decimal' ? { precision: first ?? 10, scale: second ?? 0 } : {}),
    ...(/^(datetime|timestamp|time)$/.test(dataType) ? { fractionDigits: sized ? first : 0 } : {}),
    autoIncrement: /auto_increment/i.test(extra),
    generated: /\b(virtual|stored|persistent)\b/i.test(extra),
    hasDefault: initial !== null || nullable === 'YES',
    invisible: /\binvisible\b/i.test(extra),
  });
}
