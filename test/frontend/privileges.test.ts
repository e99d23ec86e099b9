/** What a user without the right must not do, asked in every way that the protocol and SQL's text allow. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import { framePayload } from '../../src/wire/index.ts';
import { type ClientGround, startGround } from '../clients/ground.ts';

/** 1044 database, 1045 user, 1142 table, 1143 column, 1227 privilege, 1370 routine, 1049 as for names that no one has. */
const DENIALS = new Set([1044, 1045, 1142, 1143, 1227, 1370]);

const denied: readonly string[] = [
  // system schemas
  'SELECT * FROM mysql.user',
  'SELECT * FROM `mysql`.`user`',
  'SELECT * FROM MySQL.user',
  'SELECT user.host FROM mysql . user',
  'SELECT 1 FROM orders WHERE EXISTS (SELECT 1 FROM mysql.user)',
  'SELECT (SELECT MAX(host) FROM mysql.user)',
  'SELECT 1 UNION SELECT host FROM mysql.user',
  'WITH x AS (SELECT host FROM mysql.user) SELECT * FROM x',
  'INSERT INTO orders (user_id, note) SELECT 1, host FROM mysql.user',
  'UPDATE orders SET note = (SELECT MAX(host) FROM mysql.user) WHERE user_id = 1',
  'DELETE FROM orders WHERE note IN (SELECT host FROM mysql.user)',
  'CREATE TABLE stolen AS SELECT * FROM mysql.user',
  'CREATE VIEW stolen AS SELECT * FROM mysql.user',
  'CREATE TABLE stolen LIKE mysql.user',
  'SHOW COLUMNS FROM mysql.user',
  'SHOW TABLES FROM mysql',
  'DESCRIBE mysql.user',
  'EXPLAIN SELECT * FROM mysql.user',
  'HANDLER mysql.user OPEN',
  'TRUNCATE TABLE mysql.user',
  'LOCK TABLES mysql.user READ',
  'SELECT * FROM performance_schema.threads',
  'SELECT * FROM sys.version',
  'USE mysql',
  // physical schemas and another logical database
  'SELECT * FROM shop_0.orders_0',
  'SELECT * FROM `shop_1`.orders_1',
  'USE shop_0',
  'SHOW TABLES FROM shop_0',
  'SELECT * FROM solo.plain_t',
  'SELECT solo.plain_t.id FROM solo.plain_t',
  'INSERT INTO solo.plain_t VALUES (9)',
  'UPDATE solo.plain_t SET id = 10',
  'DELETE FROM solo.plain_t',
  'DELETE solo.plain_t FROM solo.plain_t',
  'DROP TABLE solo.plain_t',
  'CREATE TABLE solo.t2 (id INT)',
  'RENAME TABLE orders TO solo.orders',
  'ALTER TABLE solo.plain_t ADD COLUMN x INT',
  'CALL solo.several(1, @x)',
  'USE solo',
  'SHOW CREATE TABLE solo.plain_t',
  'CREATE DATABASE another',
  'DROP DATABASE solo',
  // administration and files
  'SET GLOBAL max_connections = 1',
  'SET @@global.max_connections = 1',
  'SHUTDOWN',
  'KILL 999999999',
  "CREATE USER 'x'@'%' IDENTIFIED BY 'y'",
  "GRANT ALL ON *.* TO 'app'@'%'",
  "DROP USER 'app'@'%'",
  "ALTER USER 'app'@'%' IDENTIFIED BY 'y'",
  'RESET MASTER',
  'FLUSH PRIVILEGES',
  'STOP SLAVE',
  "CHANGE MASTER TO MASTER_HOST = 'x'",
  'PURGE BINARY LOGS BEFORE NOW()',
  "INSTALL PLUGIN x SONAME 'y.so'",
  "SELECT 1 INTO OUTFILE '/tmp/shardmesh-test'",
  "SELECT 1 INTO DUMPFILE '/tmp/shardmesh-test'",
  "SELECT LOAD_FILE('/etc/passwd')",
  "LOAD DATA INFILE '/etc/passwd' INTO TABLE orders",
  "LOAD XML LOCAL INFILE 'x' INTO TABLE orders",
  "LOAD DATA LOCAL INFILE 'x' INTO TABLE solo.plain_t",
  "LOAD DATA LOCAL INFILE 'x' INTO TABLE mysql.user",
  "LOAD DATA LOCAL INFILE 'x' INTO TABLE orders (note) SET note = (SELECT MAX(host) FROM mysql.user)",
  "LOAD DATA LOCAL INFILE 'x' INTO TABLE orders (note) SET note = LOAD_FILE('/etc/passwd')",
  "LOAD DATA LOCAL INFILE 'x' INTO TABLE orders (note) SET note = (SELECT MAX(id) FROM solo.plain_t)",
  'CREATE TABLE stolen LIKE solo.plain_t',
  'INSERT INTO orders (user_id, note) SELECT 1, id FROM solo.plain_t',
  'SET @a = (SELECT MAX(host) FROM mysql.user)',
  'SET @a = (SELECT MAX(id) FROM solo.plain_t)',
  'SELECT MAX(host) INTO @a FROM mysql.user',
  'DO (SELECT MAX(host) FROM mysql.user)',
  "EXECUTE IMMEDIATE 'SELECT * FROM mysql.user'",
  "PREPARE stolen FROM 'SELECT * FROM solo.plain_t'",
  'SELECT * FROM orders JOIN solo.plain_t ON orders.user_id = plain_t.id',
  'SELECT * FROM (SELECT * FROM mysql.user) AS x',
  'SELECT * FROM orders ORDER BY (SELECT MAX(id) FROM solo.plain_t)',
  'SELECT host FROM mysql.user FOR UPDATE',
  'ANALYZE TABLE mysql.user',
  'CHECKSUM TABLE solo.plain_t',
  'OPTIMIZE TABLE solo.plain_t',
  'SHOW INDEX FROM user FROM mysql',
  'SHOW INDEX FROM plain_t FROM solo',
  'SHOW TABLE STATUS FROM mysql',
  'SHOW TABLE STATUS FROM solo',
  'SHOW TRIGGERS FROM solo',
  'SHOW EVENTS FROM solo',
  'SHOW CREATE DATABASE solo',
  'SHOW CREATE DATABASE mysql',
  'SET PERSIST max_connections = 1',
  "SET PASSWORD FOR 'dba'@'%' = 'x'",
  'XA RECOVER',
  'FLUSH TABLES WITH READ LOCK',
  'SHOW MESH SOURCES',
  'RELOAD MESH',
];

/** Refused for everybody, or a row of nothing: never an answer with what is not theirs. */
const silent: readonly string[] = [
  '/* SHARDMESH_HINT: DATA_SOURCE_NAME=ds_0 */ SELECT * FROM orders_0',
  '/* SHARDINGSPHERE_HINT: DATA_SOURCE_NAME=ds_0 */ SELECT * FROM mysql.user',
  'SELECT * FROM orders_0',
  'SELECT * FROM shop.orders_0',
  'DROP TABLE orders_1',
  'DROP TABLE IF EXISTS orders_1',
  'TRUNCATE TABLE orders_1',
  'ALTER TABLE orders_1 ADD COLUMN stolen INT',
  'CREATE TABLE orders_1 (id INT)',
  'RENAME TABLE orders_1 TO mine',
  "SHOW GRANTS FOR 'dba'@'%'",
  'SHOW ENGINE INNODB STATUS',
  'SHOW MASTER STATUS',
  'SHOW BINARY LOGS',
  'SELECT * FROM information_schema.PROCESSLIST',
  'SELECT * FROM information_schema.INNODB_TRX',
  "SELECT * FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ('mysql', 'solo', 'shop_0', 'shop_1')",
  "SELECT * FROM information_schema.COLUMNS WHERE TABLE_NAME IN ('user', 'orders_0')",
  "SELECT * FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ('shop', 'information_schema')",
  "SHOW DATABASES WHERE `Database` NOT IN ('shop', 'information_schema')",
];

let ground: ClientGround;
let user: mysql.Connection;

before(async () => {
  ground = await startGround(undefined, { users: ['{ user: "soloist@%", password: app, databases: [solo] }'] });
  const admin = await connect({ user: 'app', database: 'solo' });
  await admin.query('CREATE TABLE plain_t (id INT PRIMARY KEY)');
  await admin.query('INSERT INTO plain_t VALUES (1)');
  await admin.end();
  user = await connect({ multipleStatements: true });
  await user.query(
    'CREATE TABLE orders (order_id BIGINT NOT NULL PRIMARY KEY, user_id INT NOT NULL, note VARCHAR(200))',
  );
});

after(async () => {
  await user?.end();
  await ground?.stop();
});

/** The user `native` has the database shop and nothing else. */
function connect(more: mysql.ConnectionOptions = {}): Promise<mysql.Connection> {
  return mysql.createConnection({
    host: '127.0.0.1',
    port: ground.sidecar.port,
    user: 'native',
    password: 'app',
    database: 'shop',
    ...more,
  });
}

async function refusal(run: () => Promise<unknown>): Promise<number> {
  try {
    await run();
  } catch (error) {
    return (error as { errno?: number }).errno ?? -1;
  }
  return 0;
}

const ways: readonly (readonly [string, (sql: string) => Promise<unknown>, readonly number[]])[] = [
  ['as it is', (sql) => user.query(sql), []],
  ['behind another statement', (sql) => user.query(`SELECT 1; ${sql}`), []],
  ['in an executable comment', (sql) => user.query(`/*!40000 ${sql} */`), []],
  ['with comments between', (sql) => user.query(sql.replaceAll(' ', '/* */ ')), []],
  // Some statements cannot be prepared at all.
  ['prepared', (sql) => user.prepare(sql).then((statement) => statement.execute([])), [1295]],
];

for (const [way, run, more] of ways) {
  test(way, async () => {
    const wrong: string[] = [];
    for (const sql of denied) {
      const errno = await refusal(() => run(sql));
      const known = sql.startsWith('KILL') ? errno === 1094 || errno === 1095 : false;
      if (!DENIALS.has(errno) && !more.includes(errno) && !known) wrong.push(`${errno}: ${sql}`);
    }
    assert.deepEqual(wrong, []);
  });
}

describe('answers without what is not theirs', () => {
  for (const sql of silent)
    test(sql, async () => {
      const answer = await user.query<mysql.RowDataPacket[]>(sql).then(
        ([rows]) => rows,
        (error: { errno: number }) => error.errno,
      );
      assert.ok(typeof answer === 'number' || answer.length === 0, JSON.stringify(answer).slice(0, 300));
    });

  test('under ANSI_QUOTES, where quotes make names', async () => {
    const client = await connect();
    await client.query("SET sql_mode = 'ANSI_QUOTES'");
    for (const sql of [
      'SELECT * FROM "mysql"."user"',
      'SELECT * FROM "solo"."plain_t"',
      'SELECT * FROM mysql . "user"',
    ])
      assert.ok(DENIALS.has(await refusal(() => client.query(sql))), sql);
    await client.end();
  });

  test('without a database, the first of the mesh is not shown to those who may not use it', async () => {
    const client = await connect({ user: 'soloist', database: '' });
    const asked = [
      'SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES',
      'SELECT * FROM information_schema.COLUMNS',
      'SELECT SCHEMA_NAME FROM information_schema.SCHEMATA',
      'SHOW TABLES',
      'SHOW TABLE STATUS',
      'SHOW TRIGGERS',
      'SHOW DATABASES',
      'SELECT * FROM orders',
      'SELECT * FROM shop.orders',
      'SHOW COLUMNS FROM orders',
    ];
    for (const database of [undefined, 'information_schema', 'solo']) {
      if (database !== undefined) await client.changeUser({ user: 'soloist', password: 'app', database });
      for (const sql of asked) {
        const answer = await client.query(sql).then(
          ([rows]) => JSON.stringify(rows),
          (error: { errno: number }) => String(error.errno),
        );
        assert.equal(/.{0,120}shop/.exec(answer)?.[0], undefined, `${database}: ${sql}`);
      }
    }
    await client.end();
  });
});

describe('commands', () => {
  test('COM_INIT_DB and COM_CHANGE_USER to a database without a grant', async () => {
    for (const database of ['solo', 'mysql', 'shop_0', 'nothing']) {
      const client = await connect();
      client.on('error', () => undefined);
      assert.equal(await refusal(() => client.changeUser({ user: 'native', password: 'app', database })), 1044);
      client.destroy();
      assert.equal(await refusal(() => connect({ database })), 1044);
    }
  });

  test('COM_FIELD_LIST, COM_PROCESS_KILL, COM_STATISTICS and the commands of administrators', async () => {
    const client = await connect();
    const [[id]] = await (await connect({ user: 'dba', password: 'dba' })).query<mysql.RowDataPacket[]>(
      'SELECT CONNECTION_ID() AS id',
    );
    const kill = Buffer.alloc(5, 0x0c);
    kill.writeUInt32LE(id?.['id'], 1);
    const tried: readonly (readonly [Buffer, readonly number[]])[] = [
      [Buffer.from('\x04mysql.user\0'), [1146, 1142]],
      [Buffer.from('\x04user` FROM mysql.user -- \0'), [1146]],
      [Buffer.from('\x04orders_0\0'), [1146]],
      [kill, [1095]],
      [Buffer.from([0x08]), [1227]],
      [Buffer.from([0x07, 1]), [1227]],
      [Buffer.from([0x0d]), [1227]],
      [Buffer.from('\x05another'), [1047]],
      [Buffer.from('\x06solo'), [1047]],
      [Buffer.from([0x12, 0, 0, 0, 0]), [1047]],
    ];
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    stream.removeAllListeners('data');
    for (const [payload, errors] of tried) {
      const answered = once(stream, 'data') as Promise<[Buffer]>;
      stream.write(framePayload(payload, 0));
      const [answer] = await answered;
      assert.equal(answer[4], 0xff, payload.toString('latin1'));
      assert.ok(errors.includes(answer.readUInt16LE(5)), `${answer.readUInt16LE(5)}: ${payload.toString('latin1')}`);
    }
    client.destroy();
  });

  test('nothing was changed by any of them', async () => {
    const server = await ground.servers[1]!.connection('shop_0');
    const [rows] = await server.query('SELECT id FROM plain_t');
    assert.deepEqual(rows, [{ id: 1 }]);
    const [tables] = await server.query("SHOW TABLES LIKE 'stolen%'");
    assert.deepEqual(tables, []);
    await server.end();
  });
});
