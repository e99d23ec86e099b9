/** Exactness of key values, held against a real server: what a comparison matches, and what INSERT stores. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { boundedKey, comparedKey, type KeyColumn, storedKey } from '../../src/plan/key-value.ts';
import { decimalParts } from '../../src/plan/scalar.ts';
import { literalCell } from '../../src/plan/value-source.ts';
import type { KeyValue } from '../../src/rules/index.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { collations, column, inputOf } from './shop-layout.ts';

const types: Record<string, { readonly notation: string; readonly ddl: string; readonly rows: readonly string[] }> = {
  int: { notation: 'c int', ddl: 'INT', rows: ['0', '1', '2', '5', '-5', '100', '2147483647', '-2147483648'] },
  tiny: { notation: 'c tinyint unsigned', ddl: 'TINYINT UNSIGNED', rows: ['0', '1', '5', '255'] },
  big: {
    notation: 'c bigint unsigned',
    ddl: 'BIGINT UNSIGNED',
    rows: ['0', '1', '5', '9007199254740992', '9007199254740993', '18446744073709551615'],
  },
  decimal: { notation: 'c decimal(10.2)', ddl: 'DECIMAL(10,2)', rows: ['0', '1', '5', '5.5', '-5.25', '100'] },
  text: {
    notation: 'c varchar(5) utf8mb4_general_ci',
    ddl: 'VARCHAR(5) COLLATE utf8mb4_general_ci',
    rows: ["'abc'", "'ABC'", "'abc '", "'1'", "'01'", "'1.0'", "'é'", "''"],
  },
  exact: {
    notation: 'c varchar(5) utf8mb4_nopad_bin',
    ddl: 'VARCHAR(5) COLLATE utf8mb4_nopad_bin',
    rows: ["'abc'", "'ABC'", "'abc '", "'1'", "'01'", "'1.0'", "'é'", "''"],
  },
  padded: {
    notation: 'c char(5) utf8mb4_bin',
    ddl: 'CHAR(5) COLLATE utf8mb4_bin',
    rows: ["'abc'", "'ABC'", "'1'", "'01'", "'1.0'", "'é'", "''"],
  },
  bytes: { notation: 'c varbinary(5)', ddl: 'VARBINARY(5)', rows: ["'abc'", "'ABC'", "'abc '", "'1'", "''"] },
  date: { notation: 'c date', ddl: 'DATE', rows: ["'2024-01-31'", "'2024-02-01'", "'1999-12-31'"] },
  datetime: {
    notation: 'c datetime',
    ddl: 'DATETIME',
    rows: ["'2024-01-31 10:00:00'", "'2024-01-31 00:00:00'", "'1999-12-31 23:59:59'"],
  },
  precise: {
    notation: 'c datetime(3)',
    ddl: 'DATETIME(3)',
    rows: ["'2024-01-31 10:00:00.500'", "'2024-01-31 00:00:00'"],
  },
};

const literals = [
  '0',
  '1',
  '5',
  '-5',
  '+5',
  '100',
  '255',
  '256',
  '300',
  '2147483647',
  '2147483648',
  '-2147483648',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '5.0',
  '5.5',
  '5.25',
  '-5.25',
  '-5.5',
  '1.0',
  '4.999',
  '0.5',
  '5e0',
  '5.5e0',
  '9007199254740993e0',
  '1e30',
  "'5'",
  "'5 '",
  "' 5'",
  "'05'",
  "'5.0'",
  "'5abc'",
  "'abc'",
  "'ABC'",
  "'abc '",
  "'1'",
  "'01'",
  "''",
  "'é'",
  "'e'",
  "'-5'",
  "'abcdefgh'",
  "'9007199254740993'",
  "N'abc'",
  "_utf8mb4'abc'",
  "_binary'abc'",
  "_latin1'abc'",
  '0x616263',
  "x'05'",
  "b'101'",
  'true',
  'false',
  "'2024-01-31'",
  "'2024-1-31'",
  "'20240131'",
  "'2024-01-31 00:00:00'",
  "'2024-01-31 10:00:00'",
  "'2024-01-31T10:00:00'",
  "'2024-01-31 10:00:00.5'",
  "'2024-01-31 10:00:00.000'",
  "'2024-02-30'",
  "DATE'2024-01-31'",
  "TIMESTAMP'2024-01-31 10:00:00'",
  '20240131',
];

let server: TestServer;
let connection: Awaited<ReturnType<TestServer['connection']>>;

before(async () => {
  server = await startServer({
    schemas: ['keys'],
    options: ['--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci'],
  });
  connection = await server.connection();
  await connection.query('SET NAMES utf8mb4');
  for (const [name, type] of Object.entries(types)) {
    await connection.query(`CREATE TABLE keys.${name} (c ${type.ddl})`);
    await connection.query(`CREATE TABLE keys.into_${name} (c ${type.ddl})`);
    await connection.query(`INSERT INTO keys.${name} VALUES ${type.rows.map((row) => `(${row})`).join(', ')}`);
  }
});

after(async () => {
  await connection?.end();
  await server?.stop();
});

function scalarOf(literal: string) {
  const prefix = 'SELECT 1 FROM t WHERE c = ';
  const { input } = inputOf(prefix + literal);
  const first = [...input.tokens.kinds.subarray(0, input.tokens.count)].findIndex(
    (_, token) => input.tokens.starts[token] === prefix.length,
  );
  const scalar = literalCell(input, first, input.fingerprint.endToken, 'utf8');
  assert.notEqual(scalar, undefined, literal);
  return scalar!;
}

function keyOf(name: string): KeyColumn {
  const described = column(types[name]!.notation, 0);
  return {
    column: described,
    collation: described.collation === undefined ? undefined : collations.get(described.collation),
    keyForm: 'value',
  };
}

/** Stored values as the server shows them: text, bytes in hex. */
async function shown(sql: string): Promise<string[]> {
  const [rows] = (await connection.query(sql)) as unknown as [{ c: string }[]];
  return rows.map((row) => row.c);
}

function textOf(value: KeyValue): string {
  switch (value.kind) {
    case 'integer':
      return value.value.toString();
    case 'bytes':
      return Buffer.from(value.bytes).toString('utf8');
    case 'null':
      return 'NULL';
    default:
      return value.text;
  }
}

for (const name of Object.keys(types)) {
  describe(`key of type ${name}`, () => {
    test('equality matches only the key that it routes by', async () => {
      const key = keyOf(name);
      for (const literal of literals) {
        const compared = comparedKey(key, scalarOf(literal));
        if (compared.kind === 'all') continue;
        const matched = await shown(`SELECT CONVERT(c USING utf8mb4) c FROM keys.${name} WHERE c = ${literal}`);
        for (const row of matched)
          assert.equal(
            row,
            compared.kind === 'value' ? textOf(compared.value) : 'nothing',
            `${name} = ${literal} matches ${row}`,
          );
      }
    });

    test('ranges keep every row that matches', async () => {
      const key = keyOf(name);
      for (const literal of literals) {
        for (const operator of ['<', '<=', '>', '>=']) {
          const bound = boundedKey(key, scalarOf(literal), operator.startsWith('<'), operator.endsWith('='));
          if (bound.kind === 'all') continue;
          const matched = await shown(
            `SELECT CONVERT(c USING utf8mb4) c FROM keys.${name} WHERE c ${operator} ${literal}`,
          );
          if (bound.kind === 'none') assert.deepEqual(matched, [], `${name} ${operator} ${literal}`);
          else
            for (const row of matched)
              assert.ok(
                within(row, bound.value, operator.startsWith('<'), bound.inclusive),
                `${name} ${operator} ${literal} matches ${row}`,
              );
        }
      }
    });

    for (const mode of ['', 'STRICT_ALL_TABLES']) {
      test(`INSERT stores the key that it routes by (sql_mode '${mode}')`, async () => {
        await connection.query(`SET sql_mode = '${mode}'`);
        const key = keyOf(name);
        for (const literal of literals) {
          const stored = storedKey(key, scalarOf(literal));
          if (stored.kind !== 'value') continue;
          await connection.query(`DELETE FROM keys.into_${name}`);
          try {
            await connection.query(`INSERT INTO keys.into_${name} VALUES (${literal})`);
          } catch {
            continue;
          }
          assert.deepEqual(
            await shown(`SELECT CONVERT(c USING utf8mb4) c FROM keys.into_${name}`),
            [textOf(stored.value)],
            `${name} stores ${literal}`,
          );
        }
      });
    }
  });
}

function within(row: string, bound: KeyValue, below: boolean, inclusive: boolean): boolean {
  const order =
    bound.kind === 'temporal'
      ? row < bound.text
        ? -1
        : row > bound.text
          ? 1
          : 0
      : compareDecimals(row, textOf(bound));
  if (order === 0) return inclusive;
  return below ? order < 0 : order > 0;
}

function compareDecimals(a: string, b: string): number {
  const scaled = (text: string): bigint => {
    const parts = decimalParts(text)!;
    const value = parts.whole * 1_000_000n + BigInt(parts.fraction.padEnd(6, '0').slice(0, 6));
    return parts.negative ? -value : value;
  };
  const [x, y] = [scaled(a), scaled(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
