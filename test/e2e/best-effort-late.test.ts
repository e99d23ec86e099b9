/** What BEST_EFFORT delivers late: the same rows as at once, whatever types and settings; or a dead letter, and what operators do then. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import { createConnection } from 'mysql2/promise';
import type { CapabilityClass } from '../../src/backend/index.ts';
import { Pool } from '../../src/backend/index.ts';
import { type SidecarProcess, startSidecar } from '../../src/demo/index.ts';
import { DeliveryDesk, type DeliveryGround, type ResolveWord } from '../../src/transaction/index.ts';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const columns = [
  'i TINYINT',
  'u BIGINT UNSIGNED',
  'm MEDIUMINT ZEROFILL',
  'd DECIMAL(30,10)',
  'f FLOAT',
  'g DOUBLE',
  'bits BIT(17)',
  'day DATE',
  'clock TIME(4)',
  'moment DATETIME(6)',
  'stamp TIMESTAMP(6) NULL',
  'touched TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)',
  'y YEAR',
  'word VARCHAR(60) CHARACTER SET utf8mb4',
  'latin VARCHAR(60) CHARACTER SET latin1',
  'chinese VARCHAR(60) CHARACTER SET gbk',
  'fixed BINARY(5)',
  'raw BLOB',
  "e ENUM('x','y''z')",
  "s SET('a','b','c')",
  'j JSON',
  'p POINT',
];
const rules = `- !SHARDING
  tables:
    things:
      actualDataNodes: ds_\${0..1}.things
      databaseStrategy: { standard: { shardingColumn: id, shardingAlgorithmName: by_id } }
  shardingAlgorithms:
    by_id: { type: MOD, props: { sharding-count: 2 } }
- !SINGLE { tables: ["ds_0.*", "ds_1.*"], defaultDataSource: ds_1 }
`;
const times = 'grace=100,first=200,every=200,attempt=10000';

let pair: ShardedPair;
let desk: DeliveryDesk;
const pools: Pool[] = [];
let sidecars: SidecarProcess[] = [];
let started = 0;

before(async () => {
  pair = await startShardedPair({ rules });
  const client = await pair.connect();
  await client.query(`CREATE TABLE things (id INT NOT NULL PRIMARY KEY, ${columns.join(', ')})`);
  await client.query('CREATE TABLE counted (n INT NOT NULL AUTO_INCREMENT PRIMARY KEY, v INT)');
  await client.end();
  await pair.sidecar.stop();
  const ground: DeliveryGround = {
    logicalDatabase: 'shop',
    sources: ['ds_0', 'ds_1'],
    schema: (source) => source.replace('ds', 'shop'),
    lease: (source: string, capabilities: CapabilityClass) => {
      const port = pair.servers[Number(source.at(-1))]?.port as number;
      const connect = { source, host: '127.0.0.1', port, user: 'mesh', password: 'mesh', class: capabilities };
      const pool = new Pool({
        connect: { ...connect, database: source.replace('ds', 'shop') },
        sizeMin: 0,
        sizeMax: 2,
      });
      pools.push(pool);
      return pool.acquire();
    },
  };
  desk = new DeliveryDesk(() => [ground]);
});

afterEach(async () => {
  await Promise.all(sidecars.map((sidecar) => sidecar.stop()));
  sidecars = [];
  await onServer(0, 'DELETE FROM shardmesh.outbox');
  await onServer(1, 'DELETE FROM shardmesh.outbox');
});

after(async () => {
  for (const pool of pools) pool.close();
  await pair?.stop();
});

async function sidecar(environment: Record<string, string> = {}): Promise<SidecarProcess> {
  const folder = join(pair.folder, `late-${++started}`);
  mkdirSync(folder);
  const config = join(pair.folder, 'shardmesh.yaml');
  const process = await startSidecar({ config, folder, environment: { SHARDMESH_TIMES: times, ...environment } });
  sidecars.push(process);
  return process;
}

async function connect(to: SidecarProcess, user = 'app'): Promise<mysql.Connection> {
  const client = await createConnection({
    host: '127.0.0.1',
    port: to.port,
    user,
    password: user,
    database: 'shop',
  });
  client.on('error', () => undefined);
  await client.query("SET shardmesh_transaction_type = 'BEST_EFFORT'");
  return client;
}

/** Runs it through a sidecar that dies right after the decision. */
async function decideOnly(statements: readonly (string | readonly [string, unknown[]])[], autocommit = false) {
  const dying = await sidecar({ SHARDMESH_FAULT_AT: 'best effort 2: decided:kill' });
  const client = await connect(dying);
  if (!autocommit) await client.beginTransaction();
  const run = async (): Promise<void> => {
    for (const statement of statements) {
      if (typeof statement === 'string') await client.query(statement);
      else await client.execute(statement[0], statement[1] as never);
    }
    if (!autocommit) await client.commit();
  };
  if (autocommit) await assert.rejects(run());
  else await assert.rejects(run(), /closed|lost|ECONNRESET/i);
  client.destroy();
  await dying.ended;
}

async function onServer(index: number, sql: string): Promise<mysql.RowDataPacket[]> {
  const root = await pair.servers[index]?.connection(`shop_${index}`);
  try {
    const [rows] = (await root?.query<mysql.RowDataPacket[]>({ sql, dateStrings: true } as never)) ?? [[]];
    return rows;
  } finally {
    await root?.end();
  }
}

async function waitUntil(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new assert.AssertionError({ message: `not within a minute: ${what}` });
    await sleep(50);
  }
}

const pending = async (): Promise<number> =>
  (await Promise.all([0, 1].map((index) => onServer(index, 'SELECT gid FROM shardmesh.outbox WHERE state = 1')))).flat()
    .length;

/** Every column of every row as bytes, without the id. */
async function bytes(index: number): Promise<string[]> {
  const names = columns.map((column) => column.split(' ')[0] as string);
  const items = names.map((name) =>
    name === 'bits' ? 'HEX(bits+0)' : name === 'touched' ? 'touched' : `HEX(${name})`,
  );
  const rows = await onServer(index, `SELECT ${items.join(', ')} FROM things ORDER BY id`);
  return rows.map((row) => JSON.stringify(Object.values(row)));
}

test('statements of every type and under settings of a session write late what they write at once', async () => {
  const seed = Number(process.env['SHARDMESH_SEED'] ?? Date.now() % 1_000_000);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const words = ["'plain'", "'it''s'", "'back\\\\slash'", "'\\u4e2d\\u6587'", "''", 'NULL', "'tail  '", "'ÄÖ'"];
  const word = (): string => words[random(words.length)] as string;
  const values = (): string =>
    [
      random(200) - 100,
      random(2) === 0 ? '18446744073709551615' : random(1000),
      random(16_000_000),
      `${random(1_000_000)}.${random(1_000_000)}`,
      `${random(1000)}.5e${random(20)}`,
      `${random(1000)}.25e-${random(200)}`,
      `b'${random(131_072).toString(2)}'`,
      `'20${10 + random(80)}-0${1 + random(9)}-1${random(9)}'`,
      `'-${random(800)}:5${random(9)}:0${random(9)}.${random(10_000)}'`,
      'NOW(6)',
      random(2) === 0 ? 'CURRENT_TIMESTAMP(6)' : `FROM_UNIXTIME(${random(2_000_000_000)})`,
      'DEFAULT',
      1990 + random(100),
      word(),
      "'Ã¼ber'",
      "'中文'",
      `X'${random(65_536).toString(16).padStart(4, '0')}'`,
      `X'00ff${random(65_536).toString(16).padStart(4, '0')}5c27'`,
      random(2) === 0 ? "'x'" : "'y''z'",
      "'a,c'",
      `'{"k": [${random(100)}, null, "x"]}'`,
      `POINT(${random(100)}, ${random(100)})`,
    ].join(', ');
  const names = columns.map((column) => column.split(' ')[0]).join(', ');
  const statements: (string | [string, unknown[]])[] = [
    "SET time_zone = '-07:30', sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES', character_set_client = 'utf8mb4'",
  ];
  for (let pairOfRows = 0; pairOfRows < 6; pairOfRows += 1) {
    const row = values();
    const [even, odd] = [pairOfRows * 2, pairOfRows * 2 + 1];
    statements.push(`INSERT INTO things (id, ${names}) VALUES (${odd}, ${row}), (${even}, ${row})`);
  }
  statements.push(
    'UPDATE things SET moment = ADDTIME(NOW(6), clock), word = CONCAT(word, id DIV 2) WHERE id < 6',
    [
      'UPDATE things SET i = ?, g = ?, d = ?, raw = ?, word = ? WHERE id BETWEEN ? AND ?',
      [7, 1.5, '3.25', Buffer.from([0, 255, 39]), 'préparé', 2, 9],
    ],
    "SET time_zone = '+02:00'",
    'UPDATE things SET stamp = NOW(6) WHERE id < 4',
    'DELETE FROM things WHERE id IN (10, 11)',
  );
  await decideOnly(statements);
  assert.deepEqual([(await bytes(0)).length + (await bytes(1)).length, await pending()], [5, 1], `seed ${seed}`);
  await sidecar();
  await waitUntil('it is delivered', async () => (await pending()) === 0);
  assert.deepEqual(await bytes(0), await bytes(1), `SHARDMESH_SEED=${seed}`);
});

test('AUTO_INCREMENT values come late as they were', async () => {
  await decideOnly([
    'UPDATE things SET i = 1 WHERE id = 0',
    'INSERT INTO counted (v) VALUES (1), (2)',
    'INSERT INTO counted (v) VALUES (3)',
  ]);
  // Rolled back on its server, which goes on counting: without the kept values these would be others.
  await onServer(1, 'INSERT INTO counted (n, v) VALUES (50, 0)');
  await sidecar();
  await waitUntil('it is delivered', async () => (await pending()) === 0);
  assert.deepEqual(
    (await onServer(1, 'SELECT n, v FROM counted ORDER BY v')).map((row) => [row['n'], row['v']]),
    [
      [50, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  );
});

/** A delivery whose row is not as it was: a dead letter. Answers its gid. */
async function deadLetter(): Promise<string> {
  await onServer(0, 'DELETE FROM things');
  await onServer(1, 'DELETE FROM things');
  await onServer(0, 'INSERT INTO things (id, i) VALUES (0, 5)');
  await onServer(1, 'INSERT INTO things (id, i) VALUES (1, 5)');
  await decideOnly(['UPDATE things SET i = 6 WHERE id = 0', 'UPDATE things SET i = 6 WHERE id = 1 AND i = 5']);
  await onServer(1, 'UPDATE things SET i = 9');
  const working = await sidecar();
  await waitUntil('it is a dead letter', async () => (await desk.list())[0]?.state === 'dead');
  assert.match(readFileSync(working.logPath, 'utf8'), /delivery\.dead/);
  const [letter, ...more] = await desk.list();
  assert.equal(more.length, 0);
  assert.equal(letter?.home, 'ds_0');
  assert.equal(letter?.target, 'ds_1');
  assert.match(letter?.reason ?? '', /statement 1 of 1 affected 0 rows instead of 1/);
  assert.match(letter?.payload ?? '', /UPDATE things SET i = 6 WHERE id = 1 AND i = 5/);
  return letter?.gid ?? '';
}

const values = async (): Promise<unknown[]> => [
  (await onServer(0, 'SELECT i FROM things WHERE id = 0'))[0]?.['i'],
  (await onServer(1, 'SELECT i FROM things WHERE id = 1'))[0]?.['i'],
];
const order = (gid: string, word: ResolveWord) => ({ gid, word, actor: 'dba@test', reason: 'a test' });

test('a dead letter: RETRY delivers it once what it needs is there again', async () => {
  const gid = await deadLetter();
  assert.deepEqual(await values(), [6, 9], 'nothing of it was written');
  await assert.rejects(desk.resolve(order(gid, { kind: 'rollback' })), /committed already/);
  await onServer(1, 'UPDATE things SET i = 5');
  const dba = await connect(sidecars.at(-1) as SidecarProcess, 'dba');
  const [rows] = await dba.query<mysql.RowDataPacket[]>('SHOW MESH TRANSACTIONS');
  const row = rows.find((each) => each['gid'] === gid);
  assert.deepEqual([row?.['type'], row?.['branch'], row?.['state']], ['BEST_EFFORT', '1', 'dead']);
  assert.match(String(row?.['detail']), /affected 0 rows instead of 1; due: .*UPDATE things SET i = 6/);
  await assert.rejects(dba.query(`MESH RESOLVE '${gid}' ROLLBACK`), { errno: 9133 });
  await dba.query(`MESH RESOLVE '${gid}' RETRY REASON 'the row is as it was'`);
  await dba.end();
  await waitUntil('it is delivered', async () => (await desk.list()).length === 0);
  assert.deepEqual(await values(), [6, 6]);
});

test('a dead letter: SKIP BRANCH gives it up for good, FORCE COMMIT BRANCH delivers it as it is; both are audited', async () => {
  const skipped = await deadLetter();
  await assert.rejects(desk.resolve(order(skipped, { kind: 'skip', branch: '9' })), /no open branch '9'/);
  await desk.resolve(order(skipped, { kind: 'skip', branch: '1' }));
  assert.deepEqual([await desk.list(), await values()], [[], [6, 9]]);
  assert.equal(await desk.resolve(order(skipped, { kind: 'retry' })), false);
  await Promise.all(sidecars.map((each) => each.stop()));
  const forced = await deadLetter();
  await desk.resolve(order(forced, { kind: 'force', outcome: 'commit', branch: '1' }));
  assert.deepEqual([await desk.list(), await values()], [[], [6, 9]]);
  const audit = await onServer(
    0,
    'SELECT CAST(gid AS CHAR) AS gid, CAST(action AS CHAR) AS action FROM shardmesh.audit ORDER BY id DESC LIMIT 2',
  );
  assert.deepEqual(
    audit.map((row) => [row['gid'], row['action']]),
    [
      [forced, 'heuristic force commit'],
      [skipped, 'heuristic skip'],
    ],
  );
});

test('a target that stays away becomes a dead letter when its time is over', async () => {
  await onServer(0, 'DELETE FROM things');
  await onServer(0, 'INSERT INTO things (id, i) VALUES (0, 5)');
  await decideOnly(['UPDATE things SET i = 6 WHERE id = 0', 'INSERT INTO counted (v) VALUES (77)']);
  const server = pair.servers[1];
  await server?.kill();
  try {
    await sidecar({ SHARDMESH_TIMES: `${times},age=1500,longest=400` });
    await waitUntil('it is a dead letter', async () => (await desk.list())[0]?.state === 'dead');
  } finally {
    await server?.restart();
  }
  const [letter] = await desk.list();
  assert.match(letter?.reason ?? '', /no source of the configuration is schema 'shop_1'|connect/);
  assert.equal(await desk.resolve(order(letter?.gid ?? '', { kind: 'commit' })), true);
  await waitUntil('it is delivered', async () => (await desk.list()).length === 0);
  assert.equal((await onServer(1, 'SELECT n FROM counted WHERE v = 77')).length, 1);
});
