/** `explain`: routes without servers, from CREATE TABLE statements. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { schemaFromDdl } from '../../src/cli/ddl-schema.ts';
import { runCommand } from '../../src/cli/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'shardmesh-explain-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ddl = `-- the shop
CREATE TABLE \`orders\` (
  order_id BIGINT UNSIGNED NOT NULL COMMENT 'DEFAULT COLLATE latin1_bin', user_id INT NOT NULL DEFAULT 0,
  note VARCHAR(50) COLLATE utf8mb4_bin DEFAULT 'NOT NULL', price DECIMAL(10,2), made DATETIME(3) NOT NULL,
  doubled INT AS (user_id * 2) STORED,
  PRIMARY KEY (order_id), UNIQUE KEY by_note (note, user_id)
) DEFAULT CHARSET=latin1;
GIBBERISH HERE;
CREATE TABLE IF NOT EXISTS notes (id SERIAL, body TEXT, kind ENUM('a','b') CHARACTER SET latin1);
INSERT INTO notes VALUES (1);`;
const rules = `databaseName: shop
dataSources:
  ds_0: { url: mysql://127.0.0.1:1/s0, username: mesh, password: mesh }
  ds_1: { url: mysql://127.0.0.1:1/s1, username: mesh, password: mesh }
rules:
- !SHARDING
  tables:
    orders:
      actualDataNodes: ds_\${0..1}.orders
      databaseStrategy: { standard: { shardingColumn: user_id, shardingAlgorithmName: by_user } }
      keyGenerateStrategy: { column: order_id, keyGeneratorName: ids }
  shardingAlgorithms: { by_user: { type: INLINE, props: { algorithm-expression: "ds_\${user_id % 2}" } } }
  keyGenerators: { ids: { type: SNOWFLAKE } }
`;
const explain = async (...args: string[]) => {
  writeFileSync(join(folder, 'shop.yaml'), rules);
  writeFileSync(join(folder, 'ddl.sql'), ddl);
  const out: string[] = [];
  const err: string[] = [];
  const notHere = () => Promise.reject(new Error('not here'));
  const terminal = {
    env: {},
    color: false,
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
  };
  const code = await runCommand(['explain', '-c', join(folder, 'shop.yaml'), ...args], terminal, {
    startMesh: notHere,
    runDemo: notHere,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
};
const withDdl = ['--schema', join(folder, 'ddl.sql')];
interface Explained {
  readonly kind: string;
  readonly rows: readonly { readonly source: string; readonly statement: string }[];
  readonly sampleKeys: boolean;
}
const json = async (sql: string): Promise<Explained> =>
  JSON.parse((await explain(...withDdl, '--json', sql)).out) as Explained;

describe('schema from DDL', () => {
  it('reads tables, columns, keys and collations, and tells what it does not understand', () => {
    const { snapshot, problems } = schemaFromDdl('ddl.sql', ddl);
    assert.deepEqual([...snapshot.tables.keys()], ['orders', 'notes']);
    assert.deepEqual(
      problems.map(({ line, column }) => `${line}:${column}`),
      ['8:1'],
    );
    const orders = snapshot.tables.get('orders')!;
    assert.deepEqual([orders.primaryKey, orders.uniqueKeys], [['order_id'], [['note', 'user_id']]]);
    const shape = orders.columns.map((c) => [
      c.name,
      c.dataType,
      c.unsigned,
      c.nullable,
      c.hasDefault,
      c.generated,
      c.collation,
    ]);
    assert.deepEqual(shape, [
      ['order_id', 'bigint', true, false, false, false, undefined],
      ['user_id', 'int', false, false, true, false, undefined],
      ['note', 'varchar', false, true, true, false, 'utf8mb4_bin'],
      ['price', 'decimal', false, true, true, false, undefined],
      ['made', 'datetime', false, false, false, false, undefined],
      ['doubled', 'int', false, true, false, true, undefined],
    ]);
    assert.deepEqual(
      [
        orders.columnsByName.get('price')?.precision,
        orders.columnsByName.get('price')?.scale,
        orders.columnsByName.get('made')?.fractionDigits,
      ],
      [10, 2, 3],
    );
    const notes = snapshot.tables.get('notes')!;
    assert.deepEqual(
      notes.columns.map((c) => [c.name, c.dataType, c.autoIncrement, c.nullable, c.charset]),
      [
        ['id', 'bigint', true, false, undefined],
        ['body', 'text', false, true, 'utf8mb4'],
        ['kind', 'enum', false, true, 'latin1'],
      ],
    );
  });
});

describe('explain', () => {
  it('shows the one shard of a key', async () => {
    const { kind, rows } = await json('SELECT * FROM orders WHERE user_id = 5');
    assert.equal(kind, 'forward');
    assert.deepEqual(
      rows.map((row) => row.source),
      ['ds_1'],
    );
  });
  it('shows all shards, and the split of an INSERT with sample keys', async () => {
    assert.deepEqual(
      (await json('SELECT COUNT(*) FROM orders')).rows.map((row) => row.source),
      ['ds_0', 'ds_1'],
    );
    const insert = await json("INSERT INTO orders (user_id, made) VALUES (1, '2024-01-01'), (2, '2024-01-02')");
    assert.deepEqual(insert.rows.map((row) => row.source).sort(), ['ds_0', 'ds_1']);
    assert.equal(insert.sampleKeys, true);
    assert.ok(insert.rows.every((row) => /order_id/.test(row.statement)));
  });
  it('shows single tables of the DDL on the default source', async () => {
    assert.deepEqual(
      (await json('SELECT * FROM notes')).rows.map((row) => row.source),
      ['ds_0'],
    );
  });
  it('prints a table for people', async () => {
    const { code, out } = await explain(...withDdl, 'DELETE FROM orders WHERE user_id = 2');
    assert.equal(code, 0);
    assert.match(out, /^STEP +SOURCE .*\n1 +ds_0 /);
  });
  it('says what it does not know instead of guessing, and refuses what the mesh refuses', async () => {
    const unknown = await explain('SELECT * FROM orders WHERE user_id = 5');
    assert.equal(unknown.code, 1);
    assert.match(unknown.out, /SM_UNKNOWN_SCHEMA_STATE.*give --schema or --connect/);
    const bad = await explain(...withDdl, 'SELEC 1');
    assert.equal(bad.code, 1);
    assert.match(bad.out, /SM_NOT_UNDERSTOOD|ER_PARSE_ERROR/);
  });
  it('ends with 2 or 69 where the command itself is wrong', async () => {
    assert.equal((await explain('-d', 'nope', 'SELECT 1')).code, 2);
    assert.equal((await explain(...withDdl, ' ')).code, 2);
    assert.equal((await explain(...withDdl, 'SELECT * FROM orders WHERE user_id = ?')).code, 2);
    assert.equal((await explain('--schema', join(folder, 'none.sql'), 'SELECT 1')).code, 2);
    assert.equal((await explain('--connect', 'SELECT 1')).code, 69);
  });
});
