/** The merge against a plain model over random rows, in both protocols; its early end, memory limit and failures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type MergeColumn, merge, type RowBatch, type RowSource, sameRowFormat } from '../../src/merge/index.ts';
import type { MergeKey, MergeSpec } from '../../src/plan/index.ts';
import { binaryWidth, FieldType } from '../../src/wire/index.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${seed} (SEED=${seed} repeats this run)`);

type Value = bigint | string | null;
type Row = readonly Value[];

const bigint = (unsigned: boolean): MergeColumn => ({
  type: FieldType.LONGLONG,
  flags: unsigned ? 0x20 : 0,
  collation: 63,
  decimals: 0,
});
const int: MergeColumn = { type: FieldType.LONG, flags: 0, collation: 63, decimals: 0 };
const decimal = (decimals: number): MergeColumn => ({ type: FieldType.NEWDECIMAL, flags: 0, collation: 63, decimals });
const bytes: MergeColumn = { type: FieldType.VAR_STRING, flags: 0x80, collation: 63, decimals: 0 };
const text: MergeColumn = { type: FieldType.VAR_STRING, flags: 0, collation: 45, decimals: 0 };

const lenenc = (value: Buffer): Buffer => {
  if (value.length < 251) return Buffer.concat([Buffer.from([value.length]), value]);
  const head = Buffer.alloc(3);
  head[0] = 0xfc;
  head.writeUInt16LE(value.length, 1);
  return Buffer.concat([head, value]);
};

function encode(row: Row, columns: readonly MergeColumn[], protocol: 'text' | 'binary'): Buffer {
  if (protocol === 'text')
    return Buffer.concat(
      row.map((value) => (value === null ? Buffer.from([0xfb]) : lenenc(Buffer.from(String(value), 'latin1')))),
    );
  const bitmap = Buffer.alloc((columns.length + 9) >> 3);
  const values = row.map((value, i) => {
    if (value === null) {
      bitmap[(i + 2) >> 3]! |= 1 << ((i + 2) & 7);
      return Buffer.alloc(0);
    }
    const width = binaryWidth(columns[i]!.type);
    if (width < 0) return lenenc(Buffer.from(String(value), 'latin1'));
    const eight = Buffer.alloc(8);
    eight.writeBigUInt64LE(BigInt.asUintN(64, value as bigint));
    return eight.subarray(0, width);
  });
  return Buffer.concat([Buffer.from([0]), bitmap, ...values]);
}

/** Batches of `size` rows; every other `next` answers later. Counts cancels. */
function source(rows: readonly Buffer[], size: number): RowSource & { cancels: number; calls: number } {
  let at = 0;
  return {
    cancels: 0,
    calls: 0,
    next() {
      this.calls += 1;
      const part = rows.slice(at, at + size);
      at += size;
      const batch = part.length === 0 ? undefined : batchOf(part);
      return this.calls % 2 === 0 ? new Promise((resolve) => setImmediate(() => resolve(batch))) : batch;
    },
    cancel() {
      this.cancels += 1;
    },
  };
}

function batchOf(rows: readonly Buffer[]): RowBatch {
  const bounds = new Uint32Array(2 * rows.length + 4);
  let at = 0;
  rows.forEach((row, i) => {
    // Between rows lie packet headers in real batches.
    at += 4;
    bounds[2 * i] = at;
    at += row.length;
    bounds[2 * i + 1] = at;
  });
  return { buffer: Buffer.concat(rows.flatMap((row) => [Buffer.alloc(4), row])), bounds, count: rows.length };
}

async function drain(stream: RowSource): Promise<string[]> {
  const rows: string[] = [];
  for (let batch = await stream.next(); batch !== undefined; batch = await stream.next()) {
    assert.ok(batch.count > 0);
    for (let i = 0; i < batch.count; i += 1)
      rows.push(batch.buffer.toString('hex', batch.bounds[2 * i], batch.bounds[2 * i + 1]));
  }
  return rows;
}

function compareValues(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b as string, 'latin1'));
  return a < (b as bigint) ? -1 : a > (b as bigint) ? 1 : 0;
}

function compareRows(keys: readonly MergeKey[]): (a: Row, b: Row) => number {
  return (a, b) => {
    for (const key of keys) {
      const order = compareValues(a[key.column] ?? null, b[key.column] ?? null);
      if (order !== 0) return key.descending ? -order : order;
    }
    return 0;
  };
}

const plain: Omit<MergeSpec, 'visible' | 'inputOrder'> = { outputOrder: [], offset: 0n, limit: undefined };
const limits = { bytesMax: 1 << 20 };

const value = {
  signed: fc.option(fc.oneof(fc.bigInt({ min: -3n, max: 3n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), {
    freq: 6,
  }),
  unsigned: fc.option(fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), {
    freq: 6,
  }),
  small: fc.option(fc.bigInt({ min: -2n, max: 2n }), { freq: 6 }),
  bytes: fc.option(
    fc.array(fc.constantFrom(0, 1, 32, 65, 255), { maxLength: 3 }).map((list) => Buffer.from(list).toString('latin1')),
    { freq: 6 },
  ),
};
const columns = [bigint(false), bigint(true), int, bytes];
const rowOf = fc.tuple(value.signed, value.unsigned, value.small, value.bytes);
const keysOf = fc.array(fc.record({ column: fc.integer({ min: 0, max: 3 }), descending: fc.boolean() }), {
  minLength: 1,
  maxLength: 3,
});

for (const protocol of ['text', 'binary'] as const) {
  describe(`merge, ${protocol} protocol`, () => {
    test('ordered streams, limit and offset: as a stable sort of everything', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(rowOf, { maxLength: 12 }), { minLength: 1, maxLength: 6 }),
          keysOf,
          fc.integer({ min: 1, max: 5 }),
          fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
          fc.integer({ min: 0, max: 10 }),
          fc.integer({ min: 0, max: 4 }),
          async (shards, keys, size, limit, offset, visible) => {
            const order = compareRows(keys);
            const sorted = shards.map((rows) => [...rows].sort(order));
            const model = sorted
              .flat()
              .sort(order)
              .slice(offset, limit === undefined ? undefined : offset + limit);
            const sources = sorted.map((rows) =>
              source(
                rows.map((row) => encode(row, columns, protocol)),
                size,
              ),
            );
            const spec: MergeSpec = {
              ...plain,
              visible,
              inputOrder: keys,
              offset: BigInt(offset),
              limit: limit === undefined ? undefined : BigInt(limit),
            };
            const got = await drain(merge(sources, columns, spec, protocol, limits));
            assert.deepEqual(
              got,
              model.map((row) => encode(row.slice(0, visible), columns.slice(0, visible), protocol).toString('hex')),
            );
            for (const { cancels } of sources) assert.equal(cancels, 1);
          },
        ),
        { seed, numRuns: 150 },
      );
    });

    test('without order: one shard after the other; sorted afterwards where it must be', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(rowOf, { maxLength: 10 }), { minLength: 1, maxLength: 4 }),
          fc.option(keysOf, { nil: undefined }),
          async (shards, keys) => {
            const all = shards.flat();
            const model = keys === undefined ? all : [...all].sort(compareRows(keys));
            const sources = shards.map((rows) =>
              source(
                rows.map((row) => encode(row, columns, protocol)),
                3,
              ),
            );
            const got = await drain(
              merge(
                sources,
                columns,
                { ...plain, visible: 4, inputOrder: [], outputOrder: keys ?? [] },
                protocol,
                limits,
              ),
            );
            assert.deepEqual(
              got,
              model.map((row) => encode(row, columns, protocol).toString('hex')),
            );
          },
        ),
        { seed, numRuns: 100 },
      );
    });

    test('groups: counts, sums, extremes, averages, bits', async () => {
      // Columns: key, COUNT, SUM, MIN, MAX, AVG, BIT_XOR | SUM, COUNT of AVG.
      const partial = [
        bigint(false),
        bigint(false),
        decimal(2),
        decimal(2),
        bytes,
        decimal(6),
        bigint(true),
        decimal(2),
        bigint(false),
      ];
      const shown = 7;
      const cents = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n });
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.array(
              fc.tuple(
                fc.option(fc.bigInt({ min: 0n, max: 4n })),
                fc.option(cents, { freq: 4 }),
                value.bytes,
                fc.bigInt({ min: 0n, max: 255n }),
              ),
              { maxLength: 15 },
            ),
            { minLength: 1, maxLength: 5 },
          ),
          fc.boolean(),
          async (shards, grouped) => {
            const money = (x: bigint, digits = 2): string => {
              const s = (x < 0n ? -x : x).toString().padStart(digits + 1, '0');
              return `${x < 0n ? '-' : ''}${s.slice(0, -digits)}.${s.slice(-digits)}`;
            };
            const aggregate = (
              rows: readonly (readonly [bigint | null, bigint | null, string | null, bigint])[],
              final: boolean,
            ): Row[] => {
              const groups = new Map<bigint | null, (typeof rows)[number][]>();
              for (const row of rows) {
                const key = grouped ? row[0] : null;
                groups.set(key, [...(groups.get(key) ?? []), row]);
              }
              if (!grouped && groups.size === 0) groups.set(null, []);
              return [...groups]
                .sort(([a], [b]) => compareValues(a, b))
                .map(([key, list]) => {
                  const present = list.flatMap((row) => (row[1] === null ? [] : [row[1]]));
                  const texts = list.flatMap((row) => (row[2] === null ? [] : [row[2]])).sort(compareValues);
                  const sum = present.reduce((a, b) => a + b, 0n);
                  const count = BigInt(present.length);
                  const scaled = sum * 10_000_000n;
                  const cut = count === 0n ? 0n : scaled / count;
                  const average = cut < 0n ? -((-cut + 500n) / 1000n) : (cut + 500n) / 1000n;
                  const none = present.length === 0;
                  const row: Value[] = [
                    key,
                    BigInt(list.length),
                    none ? null : money(sum),
                    none ? null : money(present.toSorted(compareValues)[0]!),
                    texts.at(-1) ?? null,
                    none ? null : final ? money(average, 6) : '0.000000',
                    list.reduce((a, r) => a ^ r[3], 0n),
                  ];
                  return final ? row : [...row, none ? null : money(sum), count];
                });
            };
            const spec: MergeSpec = {
              ...plain,
              visible: shown,
              inputOrder: grouped ? [{ column: 0, descending: false }] : [],
              group: {
                keys: grouped ? [{ column: 0, descending: false }] : [],
                aggregates: [
                  { column: 1, function: 'COUNT' },
                  { column: 2, function: 'SUM' },
                  { column: 3, function: 'MIN' },
                  { column: 4, function: 'MAX' },
                  { column: 5, function: 'AVG', sum: 7, count: 8 },
                  { column: 6, function: 'BIT_XOR' },
                ],
                always: !grouped,
              },
            };
            const sources = shards.map((rows) =>
              source(
                aggregate(rows, false).map((row) => encode(row, partial, protocol)),
                2,
              ),
            );
            const got = await drain(merge(sources, partial, spec, protocol, limits));
            assert.deepEqual(
              got,
              aggregate(shards.flat(), true).map((row) =>
                encode(row, partial.slice(0, shown), protocol).toString('hex'),
              ),
            );
          },
        ),
        { seed, numRuns: 150 },
      );
    });

    test('the limit ends the reading; limit 0 reads nothing', async () => {
      const rows = Array.from({ length: 1000 }, (_, i) => encode([BigInt(i), null, null, null], columns, protocol));
      const sources = [source(rows, 10), source(rows, 10)];
      const stream = merge(
        sources,
        columns,
        { ...plain, visible: 1, inputOrder: [{ column: 0, descending: false }], limit: 5n },
        protocol,
        limits,
      );
      assert.equal((await drain(stream)).length, 5);
      assert.equal(stream.rowsSent, 5);
      for (const { calls, cancels } of sources) {
        assert.ok(calls <= 2);
        assert.equal(cancels, 1);
      }
      const unread = source(rows, 10);
      assert.deepEqual(
        await drain(merge([unread], columns, { ...plain, visible: 1, inputOrder: [], limit: 0n }, protocol, limits)),
        [],
      );
      assert.equal(unread.calls, 0);
    });

    test('what the limit leaves out is counted: rows, sorted rows and groups', async () => {
      // Each value is on both shards, twice on each.
      const rows = Array.from({ length: 400 }, (_, i) => encode([BigInt(i >> 1), null, null, null], columns, protocol));
      const order = [{ column: 0, descending: false }];
      for (const limit of [0n, 5n, 10_000n, undefined]) {
        for (const offset of [0n, 3n, 10_000n]) {
          for (const [shape, found] of [
            [{ inputOrder: order }, 800],
            [{ inputOrder: [], outputOrder: [{ column: 0, descending: true }] }, 800],
            [{ inputOrder: order, group: { keys: order, aggregates: [], always: false } }, 200],
          ] as const) {
            const sources = [source(rows, 10), source(rows, 7)];
            const spec: MergeSpec = { ...plain, visible: 1, ...shape, offset, limit, countsAll: true };
            const stream = merge(sources, columns, spec, protocol, limits);
            const sent = (await drain(stream)).length;
            assert.equal(sent, Math.min(Number(limit ?? 10_000n), Math.max(0, found - Number(offset))));
            assert.equal(stream.rowsFound, found);
            for (const { cancels } of sources) assert.equal(cancels, 1);
          }
        }
      }
    });

    test('a sort beyond the memory limit is refused and cancels the sources', async () => {
      const rows = Array.from({ length: 200 }, () => encode([1n, 2n, 3n, 'x'.repeat(200)], columns, protocol));
      const shard = source(rows, 50);
      const stream = merge(
        [shard],
        columns,
        { ...plain, visible: 4, inputOrder: [], outputOrder: [{ column: 0, descending: true }] },
        protocol,
        { bytesMax: 20_000 },
      );
      await assert.rejects(drain(stream), { code: 'SM_RESULT_TOO_LARGE' });
      assert.equal(shard.cancels, 1);
    });

    test('a shard out of order is a fault, not a wrong answer', async () => {
      const sources = [[1n, 3n, 2n], [1n]].map((list) =>
        source(
          list.map((v) => encode([v, null, null, null], columns, protocol)),
          10,
        ),
      );
      await assert.rejects(
        drain(
          merge(
            sources,
            columns,
            { ...plain, visible: 1, inputOrder: [{ column: 0, descending: false }] },
            protocol,
            limits,
          ),
        ),
        { code: 'SM_INTERNAL' },
      );
    });

    test('a failing source rejects the merge and cancels the others', async () => {
      const good = source([encode([1n, null, null, null], columns, protocol)], 1);
      const bad: RowSource = { next: () => Promise.reject(new Error('lost')), cancel() {} };
      for (const inputOrder of [[], [{ column: 0, descending: false }]]) {
        await assert.rejects(
          drain(merge([bad, good], columns, { ...plain, visible: 1, inputOrder }, protocol, limits)),
          /lost/,
        );
      }
      assert.equal(good.cancels, 2);
    });
  });
}

test('strings without weight are never compared', () => {
  assert.throws(
    () =>
      merge(
        [source([], 1), source([], 1)],
        [text],
        { ...plain, visible: 1, inputOrder: [{ column: 0, descending: false }] },
        'text',
        limits,
      ),
    { code: 'SM_INTERNAL' },
  );
});

test('rows of tables that were altered apart are told', () => {
  assert.ok(sameRowFormat([int, text], [{ ...int, flags: 1 }, text]));
  for (const other of [
    [int],
    [bigint(false), text],
    [{ ...int, flags: 0x20 }, text],
    [int, bytes],
    [decimal(2), text],
  ]) {
    assert.ok(!sameRowFormat([int, text], other));
  }
  assert.ok(!sameRowFormat([decimal(2)], [decimal(3)]));
});
