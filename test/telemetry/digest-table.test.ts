/** The statement statistics: bounded, and nothing that was counted is lost. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Digest, DigestTable } from '../../src/telemetry/index.ts';

const row = (table: DigestTable, database: string, hash: number, text: string): Digest =>
  table.find(database, hash) ?? table.add(database, hash, text);
const sample = (totalMs: number, failed = false) => ({ failed, totalMs, rows: 2, affected: 1, bytes: 10, shards: 3 });

describe('statement statistics', () => {
  it('sum up by database and digest', () => {
    const table = new DigestTable(10);
    const a = row(table, 'shop', 1, 'SELECT ?');
    assert.equal(table.find('shop', 1), a);
    assert.notEqual(row(table, 'other', 1, 'SELECT ?'), a);
    table.record(a, sample(5));
    table.record(a, sample(3, true));
    const [first] = table.list();
    assert.equal(table.list().length, 1);
    assert.deepEqual(
      [
        first?.name,
        first?.database,
        first?.text,
        first?.count,
        first?.errors,
        first?.totalMs,
        first?.maxMs,
        first?.rows,
        first?.affected,
        first?.bytes,
        first?.shards,
      ],
      ['00000001', 'shop', 'SELECT ?', 2, 1, 8, 5, 4, 2, 20, 6],
    );
  });

  it('keep a bounded number of digests, and every statement in one of them or in `other`', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 500 }),
        fc.integer({ min: 1, max: 12 }),
        (hashes, size) => {
          const table = new DigestTable(size);
          let late: Digest | undefined;
          for (const hash of hashes) {
            const digest = row(table, 'shop', hash, `q${hash}`);
            // One statement ends only after the next one has begun.
            if (late !== undefined) table.record(late, sample(1));
            late = digest;
          }
          if (late !== undefined) table.record(late, sample(1));
          const list = table.list();
          assert.ok(list.length <= size + 1);
          assert.equal(
            list.reduce((sum, row) => sum + row.count, 0),
            hashes.length,
          );
          assert.equal(
            list.reduce((sum, row) => sum + row.bytes, 0),
            hashes.length * 10,
          );
          assert.equal(new Set(list.map((row) => row.name)).size, list.length);
        },
      ),
    );
  });

  it('keep a frequent digest through a flood of rare ones', () => {
    const table = new DigestTable(16);
    for (let hash = 1000; hash < 3000; hash += 1) {
      table.record(row(table, 'shop', 1, 'frequent'), sample(1));
      table.record(row(table, 'shop', hash, 'rare'), sample(1));
    }
    const list = table.list();
    assert.equal(list.find((row) => row.text === 'frequent')?.count, 2000);
    assert.equal(list.at(-1)?.name, 'other');
  });
});
