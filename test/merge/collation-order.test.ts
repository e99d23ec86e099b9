/** Weights make bytes out of collations: random strings in random shards, merged, stand as the server sorts them all; equal weights are equal strings. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Column, SchemaSnapshot } from '../../src/catalog/index.ts';
import { type MergeColumn, merge, RowFields } from '../../src/merge/index.ts';
import { columnOrder } from '../../src/plan/across/column-order.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { PacketClient } from './packet-client.ts';
import { batchOf, drain } from './row-batches.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${seed} (SEED=${seed} repeats this run)`);

const collations = [
  'utf8mb4_general_ci',
  'utf8mb4_unicode_ci',
  'utf8mb4_bin',
  'utf8mb4_unicode_520_ci',
  'utf8mb4_swedish_ci',
  'utf8mb4_czech_ci',
  'utf8mb4_german2_ci',
  'utf8mb4_general_nopad_ci',
  'utf8mb4_unicode_nopad_ci',
  'utf8mb4_nopad_bin',
  'utf8mb4_uca1400_ai_ci',
  'utf8mb4_uca1400_as_cs',
  'utf8mb4_uca1400_nopad_as_ci',
  'utf8mb3_general_ci',
  'utf8mb3_bin',
  'utf8mb3_unicode_ci',
  'latin1_swedish_ci',
  'latin1_general_cs',
  'latin1_german1_ci',
  'latin1_german2_ci',
  'latin1_bin',
  'latin1_nopad_bin',
  'ascii_general_ci',
  'cp1251_general_ci',
  'cp1251_bin',
  'latin2_general_ci',
];
const LENGTH = 6;

const wide = [
  'a',
  'A',
  'á',
  'b',
  'ß',
  's',
  'ss',
  'ä',
  'æ',
  'ø',
  ' ',
  '  ',
  '\t',
  '\u0001',
  '-',
  '_',
  '0',
  'Z',
  'z',
  'ﷺ',
  '中',
  'ch',
  'ı',
  'İ',
  'ﬃ',
  '\u0301',
  '\u00ad',
  '€',
];
const narrow = ['a', 'A', 'b', 's', 'S', ' ', '  ', '\t', '\u0001', '-', '_', '0', 'Z', 'z', '~'];
const western = [...narrow, 'á', 'ä', 'Ä', 'ß', 'ö', 'ae', 'ÿ', 'Þ', 'æ'];

let server: TestServer;
let client: PacketClient;
let schema: SchemaSnapshot;

before(async () => {
  server = await startServer({ schemas: ['shop'] });
  client = await PacketClient.open(server.socketPath, 'shop');
  await client.query('SET NAMES utf8mb4');
  schema = {
    collations: new Map(
      collations.map((name) => [
        name,
        {
          name,
          charset: name.slice(0, name.indexOf('_')),
          padSpace: !name.includes('nopad'),
          binary: name.endsWith('_bin'),
        },
      ]),
    ),
  } as unknown as SchemaSnapshot;
});

after(async () => {
  client?.close();
  await server?.stop();
});

const idsOf = (rows: readonly Buffer[]): number[] =>
  rows.map((row) => {
    const length = row[0]!;
    return Number(row.toString('latin1', 1, 1 + length));
  });

describe('collations', () => {
  for (const collation of collations) {
    test(collation, async () => {
      const charset = collation.slice(0, collation.indexOf('_'));
      const letters = charset.startsWith('utf8') ? wide : charset === 'latin1' ? western : narrow;
      const texts = fc.sample(
        fc
          .array(fc.constantFrom(...letters), { maxLength: LENGTH })
          .map((parts) => [...parts.join('')].slice(0, LENGTH).join('')),
        { seed, numRuns: 250 },
      );
      const shards = fc.sample(fc.integer({ min: 0, max: 3 }), { seed, numRuns: texts.length });
      await client.query('DROP TABLE IF EXISTS t');
      await client.query(
        `CREATE TABLE t (id INT PRIMARY KEY, shard INT, c VARCHAR(${LENGTH}) CHARACTER SET ${charset} COLLATE ${collation})`,
      );
      await client.query(
        `INSERT INTO t VALUES ${texts.map((text, id) => `(${id}, ${shards[id]}, ${id % 40 === 7 ? 'NULL' : `X'${Buffer.from(text, charset === 'latin1' ? 'latin1' : 'utf8').toString('hex')}'`})`).join(',')}`,
      );
      const column: Column = {
        name: 'c',
        ordinal: 0,
        dataType: 'varchar',
        columnType: `varchar(${LENGTH})`,
        unsigned: false,
        nullable: true,
        charset,
        collation,
        lengthMax: LENGTH,
        autoIncrement: false,
        generated: false,
        hasDefault: false,
        invisible: false,
      };
      for (const use of ['sort', 'group'] as const) {
        const order = columnOrder(column, schema, use);
        assert.equal(order?.kind, 'derived', `${collation} has weights`);
        if (order?.kind !== 'derived') return;
        const weight = `${order.before}c${order.after}`;
        for (const direction of ['ASC', 'DESC']) {
          const parts = [];
          let columns: readonly MergeColumn[] = [];
          for (let shard = 0; shard < 4; shard += 1) {
            // Ids decide between equal strings, so that the whole order is fixed.
            const part = await client.query(
              `SELECT id, c, ${weight} FROM t WHERE shard = ${shard} ORDER BY c ${direction}, id`,
            );
            columns = part.columns;
            parts.push(part.rows);
          }
          const sources = parts.map((rows) => {
            let done = rows.length === 0;
            return {
              next() {
                if (done) return undefined;
                done = true;
                return batchOf(rows);
              },
              cancel() {},
            };
          });
          const merged = merge(
            sources,
            columns,
            {
              visible: 1,
              inputOrder: [
                { column: 1, weight: 2, descending: direction === 'DESC' },
                { column: 0, descending: false },
              ],
              outputOrder: [],
              offset: 0n,
              limit: undefined,
            },
            'text',
            { bytesMax: 1 << 20 },
          );
          const got = idsOf(await drain(merged));
          const want = idsOf((await client.query(`SELECT id FROM t ORDER BY c ${direction}, id`)).rows);
          assert.deepEqual(got, want, `seed ${seed}`);
        }
        const { rows, columns } = await client.query(
          `SELECT a.id, b.id, HEX(a.c), HEX(b.c), a.c = b.c, wa = wb FROM (SELECT *, ${weight} wa FROM t WHERE id < 80) a JOIN (SELECT *, ${weight} wb FROM t WHERE id < 80) b ON a.id < b.id WHERE (a.c = b.c) <> (wa = wb)`,
        );
        const fields = new RowFields(columns, 'text');
        assert.deepEqual(
          rows.map((row) => {
            fields.locate(row, 0, row.length);
            return columns.map((_, i) => row.toString('latin1', fields.starts[i], fields.ends[i])).join(' ');
          }),
          [],
          `seed ${seed}: equal strings have equal weights, and only they`,
        );
      }
    });
  }
});
