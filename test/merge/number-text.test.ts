/** Numbers as a real server prints, sums and divides them: doubles, decimals, averages. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { compareDecimalText, parseDoubleText, timeTextMicroseconds } from '../../src/merge/compare-text.ts';
import { decimalText, ExactSum, quotientText } from '../../src/merge/exact-sum.ts';
import { doubleText } from '../../src/merge/index.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { PacketClient } from './packet-client.ts';

let server: TestServer;
let client: PacketClient;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${seed} (SEED=${seed} repeats this run)`);

before(async () => {
  server = await startServer();
  client = await PacketClient.open(server.socketPath, 'mysql');
});

after(async () => {
  client?.close();
  await server?.stop();
});

/** The first column of the answer as text. */
async function column(sql: string): Promise<(string | null)[]> {
  const { rows } = await client.query(sql);
  return rows.map((row) => {
    const first = row[0]!;
    if (first === 0xfb) return null;
    return first < 0xfb ? row.toString('latin1', 1, 1 + first) : row.toString('latin1', 3, 3 + row.readUInt16LE(1));
  });
}

/** A double through the server without a text literal: from its 17 digits. */
const literal = (value: number): string => (Object.is(value, -0) ? '-0e0' : value.toExponential(16));

describe('numbers', () => {
  test('doubles are printed as the server prints them', async () => {
    const fixed = [
      0,
      -0,
      0.1,
      1e14,
      1e15,
      999999999999999,
      123456789012345680,
      1e20,
      1.5e-7,
      1e-15,
      1e-16,
      1.234567890123456e-15,
      5e-324,
      1.7976931348623157e308,
      -1e-5,
      100000,
      1 / 3,
    ];
    const drawn = fc.sample(
      fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.double({ min: -1e17, max: 1e17, noNaN: true }),
        fc.double({ min: 1e14, max: 2e16, noNaN: true }),
      ),
      { seed, numRuns: 400 },
    );
    const values = [...fixed, ...drawn];
    await client.query('CREATE OR REPLACE TEMPORARY TABLE test_d (id INT PRIMARY KEY, d DOUBLE) ENGINE=Aria');
    await client.query(`INSERT INTO test_d VALUES ${values.map((value, i) => `(${i}, ${literal(value)})`).join(',')}`);
    const printed = await column('SELECT d FROM test_d ORDER BY id');
    values.forEach((value, i) => {
      assert.equal(doubleText(value, 31), printed[i], `seed ${seed}: ${value}`);
    });
    values.forEach((value, i) => {
      const bytes = Buffer.from(printed[i]!);
      assert.ok(parseDoubleText(bytes, 0, bytes.length) === value, `seed ${seed}: reading ${printed[i]}`);
    });
  });

  test('doubles with fixed digits are rounded as the server rounds them', async () => {
    const values = [
      0.125,
      0.375,
      -0.125,
      2.5,
      1e22,
      0.005,
      1.005,
      -1234567.891,
      ...fc.sample(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { seed, numRuns: 200 }),
    ];
    for (const digits of [0, 2, 5]) {
      await client.query(
        `CREATE OR REPLACE TEMPORARY TABLE test_f (id INT PRIMARY KEY, d DOUBLE(60,${digits}), e DOUBLE) ENGINE=Aria`,
      );
      await client.query(
        `INSERT INTO test_f VALUES ${values.map((value, i) => `(${i}, ${literal(value)}, 0)`).join(',')}`,
      );
      await client.query('UPDATE test_f SET e = d');
      const stored = (await column('SELECT e FROM test_f ORDER BY id')).map(Number);
      const printed = await column('SELECT d FROM test_f ORDER BY id');
      stored.forEach((value, i) => {
        assert.equal(doubleText(value, digits), printed[i], `seed ${seed}: ${value} with ${digits}`);
      });
    }
  });

  test('decimal sums and averages are the server’s', async () => {
    for (const [precision, scale] of [
      [10, 2],
      [20, 0],
      [12, 5],
      [30, 9],
      [25, 10],
      [65, 30],
      [9, 9],
    ] as const) {
      const digits = fc.bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n });
      const groups = fc.sample(fc.array(fc.option(digits, { freq: 5 }), { minLength: 1, maxLength: 7 }), {
        seed: seed + scale,
        numRuns: 25,
      });
      await client.query(
        `CREATE OR REPLACE TEMPORARY TABLE test_n (g INT, v DECIMAL(${precision},${scale})) ENGINE=Aria`,
      );
      const small = groups.map((group) =>
        group.map((value) => (value === null || precision < 60 ? value : value / 100n)),
      );
      await client.query(
        `INSERT INTO test_n VALUES ${small.flatMap((group, g) => group.map((value) => `(${g}, ${value === null ? 'NULL' : decimalText(value, scale, scale)})`)).join(',')}`,
      );
      const { columns } = await client.query('SELECT SUM(v), AVG(v) FROM test_n GROUP BY g');
      const sums = await column('SELECT SUM(v) FROM test_n GROUP BY g ORDER BY g');
      const averages = await column('SELECT AVG(v) FROM test_n GROUP BY g ORDER BY g');
      small.forEach((group, g) => {
        const sum = new ExactSum(columns[0]!.decimals);
        let count = 0n;
        for (const value of group) {
          if (value === null) continue;
          const text = Buffer.from(decimalText(value, scale, scale));
          sum.add(text, 0, text.length);
          count += 1n;
        }
        const note = `seed ${seed}: DECIMAL(${precision},${scale}) of ${group}`;
        assert.equal(count === 0n ? null : decimalText(sum.total(), sum.scale, columns[0]!.decimals), sums[g], note);
        assert.equal(
          count === 0n ? null : quotientText(sum.total(), sum.scale, count, columns[1]!.decimals),
          averages[g],
          note,
        );
      });
    }
  });

  test('integer averages with other div_precision_increment', async () => {
    for (const increment of [0, 4, 9, 12]) {
      await client.query(`SET div_precision_increment = ${increment}`);
      await client.query('CREATE OR REPLACE TEMPORARY TABLE test_i (v INT) ENGINE=Aria');
      await client.query('INSERT INTO test_i VALUES (2), (0), (0)');
      const { columns } = await client.query('SELECT AVG(v) FROM test_i');
      assert.equal(quotientText(2n, 0, 3n, columns[0]!.decimals), (await column('SELECT AVG(v) FROM test_i'))[0]);
    }
    await client.query('SET div_precision_increment = DEFAULT');
  });

  test('decimal texts compare as numbers', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
        fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 0, max: 12 }),
        (a, b, s, t) => {
          const x = Buffer.from(decimalText(a, s, s));
          const y = Buffer.from(decimalText(b, t, t));
          const left = a * 10n ** BigInt(t);
          const right = b * 10n ** BigInt(s);
          assert.equal(compareDecimalText(x, 0, x.length, y, 0, y.length), left < right ? -1 : left > right ? 1 : 0);
        },
      ),
      { seed, numRuns: 2000 },
    );
    const order = (a: string, b: string): number =>
      compareDecimalText(Buffer.from(a), 0, a.length, Buffer.from(b), 0, b.length);
    assert.equal(order('0042', '42'), 0);
    assert.equal(order('-0.00', '0'), 0);
    assert.equal(order('-1.50', '-1.5'), 0);
    assert.equal(order('18446744073709551615', '9223372036854775807'), 1);
  });

  test('times', () => {
    const micros = (text: string): number => timeTextMicroseconds(Buffer.from(text), 0, text.length);
    assert.equal(micros('-838:59:59.999999'), -3020399999999);
    assert.equal(micros('00:00:00.5'), 500000);
    assert.ok(micros('-00:00:01') < micros('00:00:00'));
  });
});
