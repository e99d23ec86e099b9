/** Every column type survives the way shard -> feed query -> INSERT text -> temporary table bit by bit, under several session settings. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Column } from '../../src/catalog/index.ts';
import { SchemaLoader } from '../../src/control/index.ts';
import { ScratchInsert, scratchLoadSettings } from '../../src/merge/index.ts';
import { columnDefinition, transferOf } from '../../src/plan/across/transfer.ts';
import { sampleRules, sampleSource } from '../control/sample-rules.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { PacketClient } from './packet-client.ts';

let server: TestServer;
let client: PacketClient;
let scratch: PacketClient;

before(async () => {
  server = await startServer({ schemas: ['shop'] });
  client = await PacketClient.open(server.socketPath, 'shop');
  scratch = await PacketClient.open(server.socketPath, 'shop');
});

after(async () => {
  client?.close();
  scratch?.close();
  await server?.stop();
});

const every = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0')).join('');

/** Column type -> values, as SQL. */
const types: readonly (readonly [type: string, values: readonly string[]])[] = [
  ['TINYINT', ['-128', '127', '0']],
  ['TINYINT UNSIGNED', ['255']],
  ['TINYINT(1)', ['1', '0', '5']],
  ['SMALLINT', ['-32768', '32767']],
  ['MEDIUMINT UNSIGNED', ['16777215']],
  ['INT', ['-2147483648', '2147483647']],
  ['INT(8) UNSIGNED ZEROFILL', ['42', '4294967295']],
  ['BIGINT', ['-9223372036854775808', '9223372036854775807']],
  ['BIGINT UNSIGNED', ['18446744073709551615', '9223372036854775808']],
  [
    'DECIMAL(65,30)',
    ['99999999999999999999999999999999999.999999999999999999999999999999', '-0.000000000000000000000000000001'],
  ],
  ['DECIMAL(5,0)', ['-99999']],
  ['FLOAT', ['0.1', '3.4028234e38', '1.1754944e-38', '1e-45', '-16777217', '-0e0', '0.3', '123456.789']],
  ['FLOAT(7,3)', ['1234.567', '-0.001']],
  [
    'DOUBLE',
    [
      '0.1',
      '1.7976931348623157e308',
      '2.2250738585072014e-308',
      '5e-324',
      '-0e0',
      '1e15',
      '123456789012345678',
      '0.30000000000000004',
      '1e22',
      '9007199254740993',
    ],
  ],
  ['DOUBLE(12,3)', ['123456789.125', '-0.001']],
  ['BIT(1)', ["b'1'", "b'0'"]],
  ['BIT(64)', ['18446744073709551615', '1']],
  ['BOOLEAN', ['TRUE']],
  ['DATE', ["'0000-00-00'", "'9999-12-31'", "'2024-00-00'", "'2024-02-31'", "'1000-01-01'"]],
  ['DATETIME', ["'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'"]],
  ['DATETIME(6)', ["'2024-10-27 01:30:00.000001'", "'1000-01-01 00:00:00.999999'", "'0000-00-00 00:00:00'"]],
  [
    'TIMESTAMP NULL',
    [
      "'0000-00-00 00:00:00'",
      "'1970-01-01 00:00:01'",
      "'2038-01-19 03:14:07'",
      "'2024-10-27 00:30:00'",
      "'2024-10-27 01:30:00'",
    ],
  ],
  ['TIMESTAMP(6) NULL', ["'2024-10-27 01:30:00.000001'", "'0000-00-00 00:00:00'", "'1970-01-01 00:00:00.5'"]],
  ['TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)', ["'2024-10-27 01:30:00.001'"]],
  ['TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP', ["'2024-10-27 01:30:00'"]],
  ['VARCHAR(50) COMPRESSED CHARACTER SET utf8mb4', ["'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé'"]],
  ['INT GENERATED ALWAYS AS (id * 2) STORED', ['DEFAULT']],
  ['INT INVISIBLE', ['5']],
  ['TIME', ["'-838:59:59'", "'838:59:59'", "'00:00:00'"]],
  ['TIME(6)', ["'-838:59:59.999999'", "'-00:00:00.000001'"]],
  ['YEAR', ["'0000'", "'1901'", "'2155'", "'2000'"]],
  ['CHAR(5) CHARACTER SET utf8mb4', ["'a  '", "''", "'😀é'", "X'5c27'"]],
  ['CHAR(5) CHARACTER SET latin1', [`X'${'80ff27'}'`]],
  [
    'VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci',
    ["'a '", "''", "'tab\\t nl\\n'", "'it''s'", "'back\\\\slash'", "'😀'", "'NULL'", "REPEAT('ü', 300)"],
  ],
  ['VARCHAR(300) CHARACTER SET latin1', [`X'${every}'`, "'a'"]],
  ['VARCHAR(20) CHARACTER SET utf16', ["'aé😀'", "'0'", "''"]],
  ['VARCHAR(20) CHARACTER SET ucs2', ["'aé'", "'123'"]],
  ['VARCHAR(20) CHARACTER SET utf32', ["'a😀'"]],
  ['VARCHAR(20) CHARACTER SET sjis', ["_utf8mb4'表ソ能'", "'\\\\'"]],
  ['VARCHAR(20) CHARACTER SET gbk', ["_utf8mb4'縗中'"]],
  ['VARCHAR(20) CHARACTER SET cp1251', ["_utf8mb4'Привет'"]],
  ['TINYTEXT CHARACTER SET utf8mb4', ["'x'"]],
  ['TEXT CHARACTER SET latin2', ["'abc'", "''"]],
  ['MEDIUMTEXT', ["REPEAT('ab''\\\\', 30000)"]],
  ['LONGTEXT', ["'long'"]],
  ['BINARY(5)', ["X'00'", "'abc'", "X'2720202000'"]],
  ['VARBINARY(300)', [`X'${every}'`, "''", "'plain'"]],
  ['TINYBLOB', ["X'00'"]],
  ['BLOB', [`X'${every}'`]],
  ['MEDIUMBLOB', ["''"]],
  ['LONGBLOB', ["REPEAT(X'00FF', 40000)"]],
  ["ENUM('a','B','it''s','','é')", ["'a'", "'B'", "'it''s'", "''", "'é'"]],
  ["ENUM('x','y') CHARACTER SET latin1", ["'y'", "'nothing'"]],
  ["SET('x','y','z')", ["''", "'x,z'", "'y'"]],
  [`SET(${Array.from({ length: 64 }, (_, i) => `'m${i}'`).join(',')})`, ["'m0,m63'", '18446744073709551615']],
  ['JSON', ['\'{"a": [1, 2.50, "x\\\\"y", null]}\'', '\'"😀"\'']],
  ['UUID', ["'123e4567-e89b-12d3-a456-426614174000'"]],
  ['INET6', ["'::1'", "'2001:db8::ff00:42:8329'"]],
  ['INET4', ["'192.168.0.1'"]],
];

async function columnOf(): Promise<Column> {
  const rules = sampleRules([sampleSource('s0', server.port, 'shop')], [], [{ source: '*', table: '*' }]);
  const loader = new SchemaLoader({ rules, publish: () => undefined });
  const snapshot = await loader.start();
  loader.stop();
  const column = snapshot.tables.get('t')?.columns.find((candidate) => candidate.name === 'c');
  assert.ok(column, 'the table was read');
  return column;
}

describe('scratch load', () => {
  for (const [type, values] of types) {
    test(type, async () => {
      await client.query("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'");
      await client.query('SET NAMES utf8mb4');
      await client.query('DROP TABLE IF EXISTS t');
      await client.query(`CREATE TABLE t (id INT PRIMARY KEY, c ${type})`);
      const rowsIn = /NOT NULL|GENERATED/.test(type) ? values : [...values, 'NULL'];
      for (const [i, value] of rowsIn.entries()) await client.query(`INSERT INTO t (id, c) VALUES (${i}, ${value})`);
      const column = await columnOf();
      const transfer = transferOf(column);
      // The shard's session as a client may have set it.
      await client.query("SET time_zone='Europe/Berlin'").catch(() => client.query("SET time_zone='+02:00'"));
      await client.query(
        "SET character_set_results=latin1, sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE'",
      );
      const { rows } = await client.query(`SELECT t.id, ${transfer.before}t.c${transfer.after} FROM t ORDER BY id`);
      await client.query("SET time_zone='+00:00', sql_mode='', character_set_results=utf8mb4");

      const settings = [...scratchLoadSettings].map(([name, value]) => `${name}=${value}`).join(', ');
      await scratch.query(`SET ${settings}`);
      await scratch.query('DROP TEMPORARY TABLE IF EXISTS copy');
      await scratch.query(`CREATE TEMPORARY TABLE copy (id INT PRIMARY KEY, ${columnDefinition(column)})`);
      const insert = new ScratchInsert({ name: 'copy', columns: ['id', 'c'], loads: ['number', transfer.load] }, 300);
      const texts: Buffer[] = [];
      for (const row of rows) {
        const text = insert.add(row, 0, row.length);
        if (text !== undefined) texts.push(Buffer.from(text));
      }
      texts.push(Buffer.from(insert.finish()!));
      assert.equal(insert.rowsTotal, rowsIn.length);
      for (const text of texts) await scratch.query(text);

      const look = `SELECT id, c, HEX(c), LENGTH(c)${/UUID|INET/.test(type) ? '' : ', c+0'} FROM`;
      for (const how of ['query', 'execute'] as const) {
        const want = await client[how](`${look} t ORDER BY id`);
        const got = await scratch[how](`${look} copy ORDER BY id`);
        assert.deepEqual(
          got.rows.map((row) => row.toString('hex')),
          want.rows.map((row) => row.toString('hex')),
        );
        assert.deepEqual(
          got.columns.map(({ type: fieldType, decimals, collation, length }) => ({
            fieldType,
            decimals,
            collation,
            length,
          })),
          want.columns.map(({ type: fieldType, decimals, collation, length }, i) => ({
            fieldType,
            decimals,
            collation,
            // HEX() of a COMPRESSED column says too much.
            length: i === 2 ? got.columns[2]!.length : length,
          })),
        );
      }
    });
  }
  test('a value that is no number is refused', () => {
    const insert = new ScratchInsert({ name: 'x', columns: ['a'], loads: ['number'] }, 1000);
    const row = Buffer.from('\x081); DROP', 'latin1');
    assert.throws(() => insert.add(row, 0, row.length), /not a number/);
  });
  test('spatial types are refused', () => {
    assert.throws(() => transferOf({ dataType: 'point', name: 'p' } as Column), /cannot be copied/);
  });
});
