/** The schema of a logical database, read from real servers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SchemaSnapshot } from '../../src/catalog/index.ts';
import { SchemaLoader, type SchemaWarning } from '../../src/control/index.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { sampleRules, sampleSource, sampleTable } from './sample-rules.ts';

const until = async (condition: () => boolean): Promise<void> => {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('waited too long');
    await sleep(20);
  }
};

describe('schema loader', () => {
  let server: TestServer;
  const orders = `(id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL DEFAULT 0, name VARCHAR(40) COLLATE utf8mb4_nopad_bin,
    price DECIMAL(10,2), made DATETIME(3) NULL, kind ENUM('a','b') NOT NULL, doubled INT AS (user_id * 2) STORED, note TEXT INVISIBLE,
    UNIQUE KEY by_name (user_id, name), KEY (made))`;

  before(async () => {
    server = await startServer({ schemas: ['s0', 's1'] });
    await server.execute(
      `CREATE TABLE s0.orders_0 ${orders}`,
      `CREATE TABLE s0.orders_1 ${orders}`,
      `CREATE TABLE s1.orders_0 ${orders}`,
      `CREATE TABLE s1.orders_1 ${orders}`,
      'CREATE TABLE s0.countries (code CHAR(2) PRIMARY KEY)',
      'CREATE TABLE s1.countries (code CHAR(2) PRIMARY KEY)',
      'CREATE TABLE s0.notes (id INT)',
      'CREATE TABLE s1.logs (id INT)',
      'CREATE TABLE s0.twice (id INT)',
      'CREATE TABLE s1.twice (id INT)',
      'CREATE VIEW s0.seen AS SELECT id FROM s0.notes',
      'CREATE TABLE s0.orders (id INT)',
      'CREATE FUNCTION s1.Twice_Of(a INT) RETURNS INT DETERMINISTIC RETURN a * 2',
    );
  });
  after(async () => await server.stop());

  const rules = (port0 = server.port, port1 = server.port) =>
    sampleRules(
      [sampleSource('ds_0', port0, 's0'), sampleSource('ds_1', port1, 's1')],
      [
        sampleTable('orders', 'sharded', ['ds_0.orders_0', 'ds_0.orders_1', 'ds_1.orders_0', 'ds_1.orders_1']),
        sampleTable('countries', 'broadcast', ['ds_0.countries', 'ds_1.countries']),
        sampleTable('later', 'sharded', ['ds_0.later_0', 'ds_1.later_1']),
      ],
    );

  it('reads columns, keys, views, routines and collations', async () => {
    const published: SchemaSnapshot[] = [];
    let warnings: readonly SchemaWarning[] = [];
    const loader = new SchemaLoader({
      rules: rules(),
      publish: (snapshot) => published.push(snapshot),
      onWarnings: (all) => {
        warnings = all;
      },
      versionBefore: 6,
    });
    assert.deepEqual([...loader.snapshot.missing.keys()], ['ds_0', 'ds_1']);
    const snapshot = await loader.start();
    loader.stop();
    assert.equal(published.length, 1);
    assert.equal(snapshot, published[0]);
    assert.equal(snapshot.version, 7);
    assert.ok(Object.isFrozen(snapshot));
    assert.equal(snapshot.mariadb, true);
    assert.ok(snapshot.serverVersion >= 101100);
    assert.equal(snapshot.missing.size, 0);
    assert.deepEqual([...snapshot.tables.keys()].sort(), ['countries', 'logs', 'notes', 'orders', 'seen']);
    assert.deepEqual(Object.fromEntries(snapshot.singleTables), { notes: 'ds_0', seen: 'ds_0', logs: 'ds_1' });
    assert.equal(snapshot.tables.get('seen')?.view, true);
    assert.deepEqual([...snapshot.routines], ['twice_of']);
    assert.match(snapshot.defaultCollation, /^utf8mb4_/);

    const table = snapshot.tables.get('orders')!;
    assert.deepEqual(table.primaryKey, ['id']);
    assert.deepEqual(table.uniqueKeys, [['user_id', 'name']]);
    const column = (name: string) => table.columnsByName.get(name)!;
    assert.deepEqual(
      { ...column('id'), precision: undefined, scale: undefined },
      {
        name: 'id',
        ordinal: 0,
        dataType: 'bigint',
        columnType: 'bigint(20) unsigned',
        unsigned: true,
        nullable: false,
        precision: undefined,
        scale: undefined,
        autoIncrement: true,
        generated: false,
        hasDefault: false,
        invisible: false,
      },
    );
    assert.equal(column('user_id').hasDefault, true);
    assert.deepEqual(
      [column('name').collation, column('name').charset, column('name').lengthMax],
      ['utf8mb4_nopad_bin', 'utf8mb4', 40],
    );
    assert.deepEqual([column('price').precision, column('price').scale, column('price').hasDefault], [10, 2, true]);
    assert.equal(column('made').fractionDigits, 3);
    assert.deepEqual([column('kind').columnType, column('kind').hasDefault], ["enum('a','b')", false]);
    assert.equal(column('doubled').generated, true);
    assert.deepEqual([column('note').invisible, column('note').generated], [true, false]);

    const pads = (name: string) => snapshot.collations.get(name)?.padSpace;
    assert.deepEqual(
      [
        pads('utf8mb4_general_ci'),
        pads('utf8mb4_bin'),
        pads('utf8mb4_nopad_bin'),
        pads('binary'),
        pads('utf8mb4_uca1400_ai_ci'),
      ],
      [true, true, false, false, true],
    );
    assert.deepEqual(
      [snapshot.collations.get('utf8mb4_nopad_bin')?.binary, snapshot.collations.get('utf8mb4_general_ci')?.binary],
      [true, false],
    );
    assert.deepEqual(
      warnings.map((w) => [w.kind, w.table]),
      [['ambiguous single table', 'twice']],
    );
  });

  it('keeps the version when nothing changed, and raises it after DDL', async () => {
    const published: SchemaSnapshot[] = [];
    const loader = new SchemaLoader({ rules: rules(), publish: (snapshot) => published.push(snapshot) });
    await loader.start();
    const same = await loader.refresh('ddl');
    assert.equal(same.version, 1);
    await server.execute('CREATE TABLE s0.later_0 (id INT, a INT)', 'CREATE TABLE s1.later_1 (id INT, a BIGINT)');
    const [one, two, three] = await Promise.all([
      loader.refresh('ddl'),
      loader.refresh('unknown name'),
      loader.refresh('ddl'),
    ]);
    assert.equal(one.version, 2);
    assert.equal(two, one);
    assert.equal(three, one);
    assert.equal(one.tables.get('later')?.columns.length, 2);
    assert.equal(published.length, 2);
    assert.match(
      loader.warnings.find((w) => w.table === 'later')?.message ?? '',
      /'ds_1.later_1' differs from 'ds_0.later_0': column 'a' has type bigint/,
    );
    loader.stop();
  });

  it('a refresh asked for while a load runs is read after it was asked for', async () => {
    let reads = 0;
    const release: (() => void)[] = [];
    const loader = new SchemaLoader({
      rules: sampleRules([sampleSource('ds_0', 1, 's0')], []),
      publish: () => {},
      read: async () => {
        reads++;
        await new Promise<void>((resolve) => release.push(resolve));
        throw new Error('no server');
      },
    });
    const first = loader.start();
    const second = loader.refresh('ddl');
    const third = loader.refresh('ddl');
    assert.equal(reads, 1);
    assert.equal(second, third);
    release[0]!();
    await first;
    await until(() => reads === 2);
    release[1]!();
    await second;
    assert.equal(reads, 2);
    loader.stop();
  });

  it('names sources that are down, describes tables by the others, and heals by itself', async () => {
    const other = await startServer({ schemas: ['s1'] });
    await other.execute(
      `CREATE TABLE s1.orders_0 ${orders}`,
      `CREATE TABLE s1.orders_1 ${orders}`,
      'CREATE TABLE s1.logs (id INT)',
    );
    await other.kill();
    const seen: [string, boolean][] = [];
    const loader = new SchemaLoader({
      rules: rules(server.port, other.port),
      publish: () => {},
      retryMs: 50,
      onSource: (source, reason) => seen.push([source, reason === undefined]),
    });
    const down = await loader.start();
    assert.deepEqual([...down.missing.keys()], ['ds_1']);
    assert.match(down.missing.get('ds_1') ?? '', /ECONNREFUSED/);
    assert.ok(down.tables.has('orders'));
    assert.ok(!down.tables.has('logs'));
    await other.restart();
    await until(() => loader.snapshot.missing.size === 0);
    assert.equal(loader.snapshot.singleTables.get('logs'), 'ds_1');
    assert.deepEqual(seen, [
      ['ds_1', false],
      ['ds_1', true],
    ]);
    // What was read once stays known while its server is away.
    const { version } = loader.snapshot;
    await other.kill();
    const again = await loader.refresh('admin');
    assert.equal(again.version, version);
    assert.deepEqual([...loader.failing.keys()], ['ds_1']);
    loader.stop();
    await other.stop();
  });
});
