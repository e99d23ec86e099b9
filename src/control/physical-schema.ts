/** Reads one physical schema from one server's information_schema. MariaDB 10.11 and MySQL 8 and later. */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Collation, Column } from '../catalog/index.ts';

/** One table or view as a server tells it; names are physical. */
export interface PhysicalTable {
  readonly name: string;
  readonly view: boolean;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  readonly uniqueKeys: readonly (readonly string[])[];
}

/** What one server says of one schema at one moment. */
export interface PhysicalSchema {
  /** VERSION() as is. */
  readonly version: string;
  readonly mariadb: boolean;
  /** 101100 for 10.11.0. */
  readonly serverVersion: number;
  readonly collationDatabase: string;
  /** lower_case_table_names is 0: names differ by case. */
  readonly caseSensitive: boolean;
  readonly tables: ReadonlyMap<string, PhysicalTable>;
  /** Lower-cased names of functions and procedures. */
  readonly routines: ReadonlySet<string>;
  readonly collations: ReadonlyMap<string, Collation>;
}

/** Family and number of a VERSION() text; a `5.5.5-` prefix (replication's) is dropped. */
export function parseServerVersion(version: string): { readonly mariadb: boolean; readonly serverVersion: number } {
  const mariadb = /mariadb/i.test(version);
  const [, major = '0', minor = '0', patch = '0'] = /^(?:5\.5\.5-)?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return { mariadb, serverVersion: Number(major) * 10000 + Number(minor) * 100 + Number(patch) };
}

/**
 * Reads the connection's current schema. Collations are static per server build: give those of an earlier read with the
 * same VERSION() to save the largest of the queries. Errors of the server pass through; the connection stays the caller's.
 */
export async function readPhysicalSchema(connection: Connection, known?: PhysicalSchema): Promise<PhysicalSchema> {
  const [server] = await select(
    connection,
    'SELECT VERSION() AS version, @@collation_database AS collation_database, @@lower_case_table_names AS lctn, DATABASE() AS db',
  );
  const version = text(server?.['version']);
  const { mariadb, serverVersion } = parseServerVersion(version);
  if (server?.['db'] === null) throw new Error('no physical schema is selected');

  const tables = await select(
    connection,
    `SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES
      WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME`,
  );
  const columns = await select(
    connection,
    `SELECT TABLE_NAME AS tbl, COLUMN_NAME AS name, ORDINAL_POSITION AS position, COLUMN_DEFAULT IS NOT NULL AS has_default,
            IS_NULLABLE AS nullable, DATA_TYPE AS data_type, COLUMN_TYPE AS column_type,
            CHARACTER_MAXIMUM_LENGTH AS length_max, NUMERIC_PRECISION AS num_precision, NUMERIC_SCALE AS num_scale,
            DATETIME_PRECISION AS fraction_digits, CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation,
            EXTRA AS extra, GENERATION_EXPRESSION AS expression
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`,
  );
  const keys = await select(
    connection,
    `SELECT TABLE_NAME AS tbl, INDEX_NAME AS key_name, COLUMN_NAME AS name FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0 ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
  );
  const routines = await select(
    connection,
    'SELECT ROUTINE_NAME AS name FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()',
  );

  const columnsOf = groupBy(columns, 'tbl');
  const keysOf = groupBy(keys, 'tbl');
  return {
    version,
    mariadb,
    serverVersion,
    collationDatabase: text(server?.['collation_database']),
    caseSensitive: Number(server?.['lctn']) === 0,
    tables: new Map(
      tables.map((row) => {
        const name = text(row['name']);
        const type = text(row['type']).toUpperCase();
        return [
          name,
          {
            name,
            view: type.includes('VIEW'),
            columns: (columnsOf.get(name) ?? []).map(readColumn),
            ...readKeys(keysOf.get(name) ?? []),
          },
        ];
      }),
    ),
    routines: new Set(routines.map((row) => text(row['name']).toLowerCase())),
    collations:
      known !== undefined && known.version === version
        ? known.collations
        : await readCollations(connection, mariadb, serverVersion),
  };
}

function readColumn(row: RowDataPacket): Column {
  const extra = text(row['extra']).toLowerCase();
  const nullable = text(row['nullable']) === 'YES';
  const columnType = text(row['column_type']);
  const number = (key: string): number | undefined => (row[key] === null ? undefined : Number(row[key]));
  const lengthMax = number('length_max');
  const precision = number('num_precision');
  const scale = number('num_scale');
  const fractionDigits = number('fraction_digits');
  return Object.freeze({
    name: text(row['name']),
    ordinal: Number(row['position']) - 1,
    dataType: text(row['data_type']).toLowerCase(),
    columnType,
    unsigned: /\bunsigned\b/i.test(columnType),
    nullable,
    ...(row['charset'] === null ? {} : { charset: text(row['charset']) }),
    ...(row['collation'] === null ? {} : { collation: text(row['collation']) }),
    ...(lengthMax === undefined ? {} : { lengthMax }),
    ...(precision === undefined ? {} : { precision }),
    ...(scale === undefined ? {} : { scale }),
    ...(fractionDigits === undefined ? {} : { fractionDigits }),
    autoIncrement: extra.includes('auto_increment'),
    // MySQL writes DEFAULT_GENERATED for a mere default expression.
    generated: /(^|\s)(virtual|stored|persistent)( generated)?\b/.test(extra) || text(row['expression'] ?? '') !== '',
    // A nullable column without DEFAULT has the implicit DEFAULT NULL, which MySQL shows as no default at all.
    hasDefault: Number(row['has_default']) === 1 || nullable,
    invisible: /\binvisible\b/.test(extra),
  });
}

/** A key with an expression part (MySQL 8) says nothing of columns and is left out. */
function readKeys(rows: readonly RowDataPacket[]): Pick<PhysicalTable, 'primaryKey' | 'uniqueKeys'> {
  const parts = new Map<string, string[] | undefined>();
  for (const row of rows) {
    const key = text(row['key_name']);
    const known = parts.has(key) ? parts.get(key) : [];
    parts.set(key, row['name'] === null || known === undefined ? undefined : [...known, text(row['name'])]);
  }
  const primaryKey = Object.freeze(parts.get('PRIMARY') ?? []);
  const uniqueKeys = [...parts].flatMap(([name, columns]) =>
    name === 'PRIMARY' || columns === undefined ? [] : [Object.freeze(columns)],
  );
  return { primaryKey, uniqueKeys: Object.freeze(uniqueKeys) };
}

async function readCollations(
  connection: Connection,
  mariadb: boolean,
  serverVersion: number,
): Promise<ReadonlyMap<string, Collation>> {
  // MariaDB 10.10 lists its uca1400 collations without character set in COLLATIONS; columns use the full name.
  const sql = !mariadb
    ? 'SELECT COLLATION_NAME AS name, CHARACTER_SET_NAME AS charset, PAD_ATTRIBUTE AS pad FROM information_schema.COLLATIONS'
    : serverVersion >= 101001
      ? `SELECT FULL_COLLATION_NAME AS name, CHARACTER_SET_NAME AS charset, NULL AS pad
           FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY`
      : 'SELECT COLLATION_NAME AS name, CHARACTER_SET_NAME AS charset, NULL AS pad FROM information_schema.COLLATIONS';
  const rows = await select(connection, sql);
  return new Map(
    rows.map((row) => {
      const name = text(row['name']);
      const padSpace = row['pad'] === null ? padsSpace(name) : text(row['pad']) === 'PAD SPACE';
      return [
        name,
        Object.freeze({
          name,
          charset: text(row['charset']),
          padSpace,
          binary: name === 'binary' || /_bin$/.test(name),
        }),
      ];
    }),
  );
}

/** MariaDB does not say it in a column. `binary` compares bytes, without padding. */
function padsSpace(collation: string): boolean {
  return collation !== 'binary' && !/_nopad_|^utf8mb4_0900_/.test(collation);
}

async function select(connection: Connection, sql: string): Promise<RowDataPacket[]> {
  const [rows] = await connection.query<RowDataPacket[]>(sql);
  return rows;
}

function groupBy(rows: readonly RowDataPacket[], key: string): Map<string, RowDataPacket[]> {
  const groups = new Map<string, RowDataPacket[]>();
  for (const row of rows) {
    const name = text(row[key]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return groups;
}

/** information_schema of MySQL 8 gives some texts as binary. */
function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}
