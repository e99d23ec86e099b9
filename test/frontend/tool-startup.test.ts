/** What graphical tools send when they connect and show a schema: each statement is answered, with logical tables only. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import mysql from 'mysql2/promise';
import { type ClientGround, startGround } from '../clients/ground.ts';

/** Written after the tools' documented behaviour. */
const statements: Readonly<Record<string, readonly string[]>> = {
  Workbench: [
    'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
    "SHOW SESSION VARIABLES LIKE 'lower_case_table_names'",
    "SHOW SESSION VARIABLES LIKE 'sql_mode'",
    'SELECT current_user()',
    'SET CHARACTER SET utf8mb4',
    'SET NAMES utf8mb4',
    'SET SQL_SAFE_UPDATES=1',
    'SELECT CONNECTION_ID()',
    "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
    "SHOW VARIABLES LIKE 'version_comment'",
    'SHOW DATABASES',
    'SHOW FULL TABLES FROM `shop`',
    'SHOW FULL COLUMNS FROM `shop`.`orders`',
    'SHOW INDEX FROM `shop`.`orders`',
    "SHOW PROCEDURE STATUS WHERE Db='shop'",
    "SHOW FUNCTION STATUS WHERE Db='shop'",
    'SHOW PLUGINS',
    'SHOW ENGINES',
  ],
  DBeaver: [
    'SELECT @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS character_set_server, @@collation_server AS collation_server, @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@wait_timeout AS wait_timeout',
    'SET autocommit=1',
    'SET SQL_SELECT_LIMIT=DEFAULT',
    'SHOW WARNINGS',
    'SELECT DATABASE()',
    'SHOW ENGINES',
    'SHOW CHARSET',
    'SHOW COLLATION',
    'SELECT @@GLOBAL.character_set_server,@@GLOBAL.collation_server',
    'SHOW PLUGINS',
    "SHOW VARIABLES LIKE 'lower_case_%'",
    'SHOW FULL TABLES FROM `shop`',
    'SHOW TABLE STATUS FROM `shop`',
    "SELECT * FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='shop' AND TABLE_NAME='orders' ORDER BY ORDINAL_POSITION",
    "SELECT * FROM information_schema.STATISTICS WHERE TABLE_SCHEMA='shop' AND TABLE_NAME='orders' ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
    'SHOW CREATE TABLE `shop`.`orders`',
    "SELECT cc.CONSTRAINT_NAME, cc.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS cc WHERE cc.CONSTRAINT_SCHEMA='shop'",
    'SELECT * FROM `shop`.orders LIMIT 0, 200',
  ],
  DataGrip: [
    'select database()',
    'select @@version, @@version_comment',
    "select table_name, table_type, table_comment, engine, table_collation from information_schema.tables where table_schema = 'shop'",
    "select ordinal_position, column_name, column_type, column_default, generation_expression, table_name, column_comment, is_nullable, extra, collation_name from information_schema.columns where table_schema = 'shop' order by table_name, ordinal_position",
    "select table_name, index_name, index_comment, index_type, non_unique, column_name, sub_part, collation from information_schema.statistics where table_schema = 'shop' order by index_schema, table_name, index_name, index_type, seq_in_index",
    "select c.constraint_name, c.table_name, c.constraint_type from information_schema.table_constraints c where c.table_schema = 'shop'",
    'select schema_name, default_character_set_name, default_collation_name from information_schema.schemata',
    'SET net_write_timeout=600000',
  ],
  HeidiSQL: [
    'SELECT CONNECTION_ID()',
    'SHOW VARIABLES',
    '/*!40101 SET NAMES utf8mb4 */',
    'SHOW /*!50002 GLOBAL */ STATUS',
    'SELECT NOW()',
    "SHOW VARIABLES LIKE 'skip_name_resolve'",
    'SHOW DATABASES',
    "SELECT `DEFAULT_COLLATION_NAME` FROM `information_schema`.`SCHEMATA` WHERE `SCHEMA_NAME`='shop'",
    'SHOW TABLE STATUS FROM `shop`',
    "SHOW FUNCTION STATUS WHERE `Db`='shop'",
    "SHOW PROCEDURE STATUS WHERE `Db`='shop'",
    'SHOW TRIGGERS FROM `shop`',
    "SELECT *, EVENT_SCHEMA AS `Db`, EVENT_NAME AS `Name` FROM information_schema.`EVENTS` WHERE `EVENT_SCHEMA`='shop'",
    'USE `shop`',
    "SELECT * FROM `information_schema`.`COLUMNS` WHERE TABLE_SCHEMA='shop' AND TABLE_NAME='orders' ORDER BY ORDINAL_POSITION",
    'SHOW INDEXES FROM `orders` FROM `shop`',
    'SELECT `order_id`, `user_id`, LEFT(`note`, 256) FROM `shop`.`orders` LIMIT 1000',
  ],
  Navicat: [
    'SET NAMES utf8mb4',
    "SHOW VARIABLES LIKE 'lower_case_%'; SHOW VARIABLES LIKE 'sql_mode'; SELECT COUNT(*) AS support_ndb FROM information_schema.ENGINES WHERE Engine = 'ndbcluster'",
    'SHOW DATABASES',
    'SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA',
    "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop' ORDER BY TABLE_SCHEMA, TABLE_TYPE",
    "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'shop' ORDER BY TABLE_SCHEMA, TABLE_NAME",
    "SHOW FULL TABLES WHERE Table_type != 'VIEW'",
    'SHOW TABLE STATUS',
    'SHOW FULL COLUMNS FROM `orders`',
    'SELECT * FROM `shop`.`orders` LIMIT 0,1000',
  ],
};

/** Tell of one server only; refused on a sharded database, and tools go on without them. */
const refused = /^SHOW (PROCEDURE STATUS|FUNCTION STATUS|TRIGGERS)/;

let ground: ClientGround;

before(async () => {
  ground = await startGround('*0000000000000000000000000000000000000000');
  const client = await open();
  await client.query(
    'CREATE TABLE orders (order_id BIGINT NOT NULL PRIMARY KEY, user_id INT NOT NULL, note VARCHAR(200))',
  );
  await client.query("INSERT INTO orders VALUES (1, 1, 'one'), (2, 2, 'two')");
  await client.end();
});

after(async () => {
  await ground?.stop();
});

function open(): Promise<mysql.Connection> {
  return mysql.createConnection({
    host: '127.0.0.1',
    port: ground.sidecar.port,
    user: 'app',
    password: 'app',
    database: 'shop',
    multipleStatements: true,
  });
}

for (const [tool, list] of Object.entries(statements)) {
  test(tool, async () => {
    const client = await open();
    const wrong: string[] = [];
    for (const sql of list) {
      try {
        const [rows] = await client.query(sql);
        if (refused.test(sql)) wrong.push(`answered now: ${sql}`);
        if (/orders_[01]|shop_[01]/.test(JSON.stringify(rows))) wrong.push(`physical names: ${sql}`);
      } catch (error) {
        if (refused.test(sql) && (error as { errno?: number }).errno === 9001) continue;
        wrong.push(`${(error as Error).message}: ${sql}`);
      }
    }
    await client.end();
    assert.deepEqual(wrong, []);
  });
}
