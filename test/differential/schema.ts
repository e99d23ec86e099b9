/** The tables that all cases share and their rows, made by formulas so that each run has the same data. */

/** The type of user_id: a number in most layouts, text in the layout with string keys. */
export type KeyKind = 'number' | 'string';

const keyType: Readonly<Record<KeyKind, string>> = {
  number: 'INT',
  string: 'VARCHAR(24) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin',
};

export interface TableDefinition {
  readonly name: string;
  /** Everything after `CREATE TABLE name`. */
  readonly definition: (key: string) => string;
  readonly columns: string;
  /** One `(...)` per row. */
  readonly rows: readonly string[];
}

const range = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);
const text = (value: string | null): string =>
  value === null ? 'NULL' : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
const pick = <T>(list: readonly T[], index: number): T => list[index % list.length]!;
const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

const names = ['Ada', 'bob', 'Carla', 'dora', 'Émile', 'Ada', 'Zoë', 'zoe', 'Bob', 'Olaf', 'Ängel', 'angel'];
const countryCodes = ['DE', 'FR', 'IT', 'JP', 'BR', null, 'XX'];
const stati = ['new', 'paid', 'sent', 'done'];

const users: TableDefinition = {
  name: 'users',
  definition: (
    key,
  ) => `(user_id ${key} NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, email VARCHAR(80) NULL, age INT NULL,
    balance DECIMAL(12,2) NOT NULL DEFAULT 0.00, country CHAR(2) NULL, created DATETIME NOT NULL DEFAULT '2024-01-01 00:00:00',
    active TINYINT(1) NOT NULL DEFAULT 1, KEY by_country (country))`,
  columns: 'user_id, name, email, age, balance, country, created, active',
  rows: range(24).map(
    (i) =>
      `(${i}, ${text(pick(names, i))}, ${i % 5 === 0 ? 'NULL' : text(`u${i}@example.org`)}, ${i % 6 === 0 ? 'NULL' : 20 + ((i * 7) % 30)}, ` +
      `${((i * 12345) % 100000) / 100 - 100}, ${text(pick(countryCodes, i * 3))}, '2024-${pad(1 + (i % 12))}-${pad(1 + ((i * 5) % 28))} ${pad(i % 24)}:15:00', ${i % 4 === 0 ? 0 : 1})`,
  ),
};

const orders: TableDefinition = {
  name: 'orders',
  definition: (
    key,
  ) => `(order_id BIGINT NOT NULL, user_id ${key} NOT NULL, amount DECIMAL(10,2) NOT NULL, status ENUM('new','paid','sent','done') NOT NULL DEFAULT 'new',
    placed DATETIME NULL, note VARCHAR(100) NULL, PRIMARY KEY (user_id, order_id), KEY by_order (order_id))`,
  columns: 'order_id, user_id, amount, status, placed, note',
  rows: range(60).map(
    (i) =>
      `(${1000 + i}, ${1 + ((i * 7) % 20)}, ${((i * 1931) % 50000) / 100}, ${text(pick(stati, i * 3 + (i >> 2)))}, ` +
      `${i % 9 === 0 ? 'NULL' : `'2024-${pad(1 + (i % 6))}-${pad(1 + (i % 28))} 10:${pad(i % 60)}:00'`}, ${i % 4 === 0 ? 'NULL' : text(`note ${i % 7}`)})`,
  ),
};

const orderItems: TableDefinition = {
  name: 'order_items',
  definition: (
    key,
  ) => `(item_id INT NOT NULL, order_id BIGINT NOT NULL, user_id ${key} NOT NULL, sku VARCHAR(20) NOT NULL, qty INT UNSIGNED NOT NULL DEFAULT 1,
    price DECIMAL(8,3) NULL, PRIMARY KEY (user_id, order_id, item_id))`,
  columns: 'item_id, order_id, user_id, sku, qty, price',
  rows: range(50).flatMap((i) =>
    range(1 + (i % 3)).map(
      (k) =>
        `(${k}, ${1000 + i}, ${1 + ((i * 7) % 20)}, ${text(`sku-${(i * k) % 8}`)}, ${1 + ((i + k) % 5)}, ${(i + k) % 11 === 0 ? 'NULL' : ((i * 777 + k * 13) % 90000) / 1000})`,
    ),
  ),
};

const countries: TableDefinition = {
  name: 'countries',
  definition: () => '(code CHAR(2) NOT NULL PRIMARY KEY, name VARCHAR(60) NOT NULL, population BIGINT UNSIGNED NULL)',
  columns: 'code, name, population',
  rows: [
    "('DE', 'Germany', 84000000)",
    "('FR', 'France', 68000000)",
    "('IT', 'Italy', 59000000)",
    "('JP', 'Japan', 124000000)",
    "('BR', 'Brazil', 216000000)",
    "('IS', 'Iceland', NULL)",
  ],
};

const notes: TableDefinition = {
  name: 'notes',
  definition: (key) => `(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id ${key} NULL, body TEXT NULL)`,
  columns: 'id, user_id, body',
  rows: range(12).map((i) => `(${i}, ${i % 5 === 0 ? 'NULL' : i * 2}, ${i % 4 === 0 ? 'NULL' : text(`body ${i}`)})`),
};

const types: TableDefinition = {
  name: 'types',
  definition:
    () => `(id INT NOT NULL PRIMARY KEY, c_tiny TINYINT NULL, c_utiny TINYINT UNSIGNED NULL, c_small SMALLINT NULL, c_medium MEDIUMINT NULL, c_int INT NULL,
    c_big BIGINT NULL, c_ubig BIGINT UNSIGNED NULL, c_zero INT(6) UNSIGNED ZEROFILL NULL, c_float FLOAT NULL, c_double DOUBLE NULL, c_dec DECIMAL(20,6) NULL, c_dec0 DECIMAL(30,0) NULL,
    c_bit BIT(8) NULL, c_date DATE NULL, c_time TIME NULL, c_time6 TIME(6) NULL, c_dt DATETIME NULL, c_dt6 DATETIME(6) NULL, c_ts TIMESTAMP NULL DEFAULT NULL, c_year YEAR NULL,
    c_char CHAR(10) NULL, c_varchar VARCHAR(30) NULL, c_binary BINARY(4) NULL, c_varbinary VARBINARY(20) NULL, c_text TEXT NULL, c_blob BLOB NULL,
    c_enum ENUM('small','medium','large') NULL, c_set SET('x','b','a') NULL, c_json JSON NULL)`,
  columns: `id, c_tiny, c_utiny, c_small, c_medium, c_int, c_big, c_ubig, c_zero, c_float, c_double, c_dec, c_dec0, c_bit, c_date, c_time, c_time6, c_dt, c_dt6, c_ts, c_year,
    c_char, c_varchar, c_binary, c_varbinary, c_text, c_blob, c_enum, c_set, c_json`,
  rows: [
    `(1, -128, 255, -32768, -8388608, -2147483648, -9223372036854775808, 18446744073709551615, 42, 1.5, 2.25, 12345678901234.123456, 123456789012345678901234567890, b'10101010', '2024-02-29', '-12:30:00', '23:59:59.123456', '2024-02-29 12:34:56', '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56', 2024, 'char', 'var char', x'01020304', x'00ff10', 'text', x'deadbeef', 'large', 'a,x', '{"a": 1}')`,
    `(2, 127, 0, 32767, 8388607, 2147483647, 9223372036854775807, 0, 0, -1.5, 1e300, -0.000001, -5, b'0', '1000-01-01', '838:59:59', '00:00:00.000001', '1000-01-01 00:00:00', '9999-12-31 23:59:59.999999', '2001-01-01 00:00:00', 1999, '', '', x'', x'', '', x'', 'small', '', '[]')`,
    `(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    `(4, 0, 1, 0, 0, 0, 0, 9223372036854775808, 999999, 0, -0.0, 0, 0, b'11111111', '2024-12-31', '00:00:00', '01:02:03', '2024-12-31 23:59:59', '2024-12-31 23:59:59', '2024-12-31 23:59:59', 1901, 'Ä', 'ß ss', x'61', x'61', 'ü', x'c3bc', 'medium', 'b', '"text"')`,
    `(5, 1, 1, 1, 1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 1, b'1', '2024-01-01', '00:00:01', '00:00:01', '2024-01-01 00:00:01', '2024-01-01 00:00:01.5', '2024-01-01 00:00:01', 2000, '1', '1.0', x'31', x'31', '1', x'31', 'small', 'x,b,a', '{"b": [1, 2]}')`,
    `(6, 1, 2, 3, 4, 5, 6, 7, 8, 9.25, 10.125, 11.5, 12, b'1101', '2023-06-15', '10:00:00', '10:00:00.5', '2023-06-15 10:00:00', '2023-06-15 10:00:00.000001', '2023-06-15 10:00:00', 2023, 'abc', 'ABC', x'616263', x'414243', 'Abc', x'00', 'medium', 'x', 'null')`,
    `(7, -1, 2, -3, -4, -5, -6, 7, 8, 16777216, 0.2, 0.2, -12, b'1101', '2023-06-15', '-00:00:01', '-00:00:00.5', '2023-06-15 10:00:00', '2023-06-15 10:00:00.000002', '2023-06-15 10:00:01', 2023, 'abc ', 'ABC ', x'61626300', x'41424300', 'abc', x'0000', 'large', 'x,a', 'true')`,
    `(8, 5, 5, 5, 5, 5, 5, 5, 5, 0.3, 0.3, 0.3, 7, b'1', '2025-03-01', '05:00:00', '05:00:00', '2025-03-01 05:00:00', '2025-03-01 05:00:00', '2025-03-01 05:00:00', 2025, 'x', 'y', x'7a', x'7a', 'z', x'7a', NULL, 'a', '3.14')`,
  ],
};

/** Words that collations compare in ways that byte comparison does not. */
const trickyWords: readonly (string | null)[] = [
  'a',
  'A',
  'a ',
  'ä',
  'Ä',
  'á',
  'b',
  'B',
  '',
  ' ',
  'a\t',
  'a\tb',
  'a b',
  'ab',
  'aB',
  'ss',
  'ß',
  'ſs',
  'z',
  'Z',
  'é',
  'e',
  'E',
  'ñ',
  'n',
  'ø',
  'o',
  'æ',
  'ae',
  '10',
  '9',
  '01',
  '1',
  '1.0',
  'a\u0001',
  'a  ',
  'i',
  'ı',
  'İ',
  '🙂',
  '🙃',
  '\u4e2d',
  null,
  null,
];
const latinSafe = (word: string | null): string | null =>
  word === null ? null : [...word].every((c) => c.codePointAt(0)! < 256) ? word : 'latin';

const words: TableDefinition = {
  name: 'words',
  definition:
    () => `(id INT NOT NULL PRIMARY KEY, w VARCHAR(20) NULL, w_bin VARCHAR(20) COLLATE utf8mb4_bin NULL, w_uca VARCHAR(20) COLLATE utf8mb4_unicode_ci NULL,
    w_nopad VARCHAR(20) COLLATE utf8mb4_unicode_nopad_ci NULL, w_latin VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL, w_text TEXT COLLATE utf8mb4_unicode_ci NULL, n INT NOT NULL)`,
  columns: 'id, w, w_bin, w_uca, w_nopad, w_latin, w_text, n',
  rows: trickyWords.map(
    (word, i) =>
      `(${i + 1}, ${text(word)}, ${text(word)}, ${text(word)}, ${text(word)}, ${text(latinSafe(word))}, ${text(word)}, ${(i * 5) % 7})`,
  ),
};

const tags: TableDefinition = {
  name: 'tags',
  definition: () => '(tag VARCHAR(20) NOT NULL, n INT NOT NULL, KEY by_tag (tag))',
  columns: 'tag, n',
  rows: ['abc', 'ABC', 'abc ', 'äbc', 'Abc', '1', '01', '1.0', ' 1', '1abc', '', 'x', 'X', 'y'].map(
    (tag, i) => `(${text(tag)}, ${i + 1})`,
  ),
};

const accountCodes = ['A-1', 'a-1', 'A-1 ', 'B-2', 'C-3', 'ç-3', '10', '010', '1e1', 'Z', ''];
const accounts: TableDefinition = {
  name: 'accounts',
  definition: () =>
    '(code VARCHAR(20) COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY, owner VARCHAR(40) NOT NULL, credit DECIMAL(10,2) NULL)',
  columns: 'code, owner, credit',
  rows: accountCodes.map((code, i) => `(${text(code)}, ${text(pick(names, i))}, ${i % 4 === 3 ? 'NULL' : i * 10.5})`),
};

const accountEntries: TableDefinition = {
  name: 'account_entries',
  definition: () =>
    '(code VARCHAR(20) COLLATE utf8mb4_nopad_bin NOT NULL, seq INT NOT NULL, amount DECIMAL(10,2) NOT NULL, PRIMARY KEY (code, seq))',
  columns: 'code, seq, amount',
  rows: accountCodes.flatMap((code, i) => range(i % 4).map((seq) => `(${text(code)}, ${seq}, ${i + seq / 4})`)),
};

const tickets: TableDefinition = {
  name: 'tickets',
  definition: () =>
    '(ticket_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, title VARCHAR(40) NOT NULL, priority INT NOT NULL DEFAULT 3)',
  columns: 'ticket_id, title, priority',
  rows: range(8).map((i) => `(${i}, ${text(`ticket ${i}`)}, ${1 + (i % 3)})`),
};

/** All tables with rows, in the order in which they are loaded. */
export const tables: readonly TableDefinition[] = [
  users,
  orders,
  orderItems,
  countries,
  notes,
  types,
  words,
  tags,
  accounts,
  accountEntries,
  tickets,
];

/** Declared in the rules but made by the cases themselves. */
export const ddlTables = ['ddl_t', 'ddl_u', 'ddl_b'] as const;

export const createStatements = (kind: KeyKind): string[] =>
  tables.map((table) => `CREATE TABLE ${table.name} ${table.definition(keyType[kind])}`);

export const insertStatements = (): string[] =>
  tables.map((table) => `INSERT INTO ${table.name} (${table.columns}) VALUES ${table.rows.join(', ')}`);
