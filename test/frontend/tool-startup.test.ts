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
    'SHOW TRIGGERS FROM `shop`',
    "SHOW TRIGGERS FROM `shop` LIKE 'orders'",
    'SHOW EVENTS FROM `shop`',
    'SHOW FULL PROCESSLIST',
    'SHOW GLOBAL STATUS',
    'SHOW GLOBAL VARIABLES',
    'SHOW GRANTS',
    'SHOW CREATE DATABASE `shop`',
    'SHOW SCHEMAS',
    "SHOW TABLE STATUS FROM `shop` LIKE 'orders'",
    'SHOW INDEXES FROM `shop`.`orders`',
    "SELECT * FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'shop'",
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
    "SELECT * FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA='shop' ORDER BY ROUTINE_NAME",
    "SELECT * FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA='shop' ORDER BY ORDINAL_POSITION",
    'SHOW TRIGGERS FROM `shop`',
    "SELECT * FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='shop'",
    'SHOW EVENTS FROM `shop`',
    "SELECT * FROM information_schema.EVENTS WHERE EVENT_SCHEMA='shop'",
    "SELECT * FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA='shop' AND TABLE_NAME='orders' AND PARTITION_NAME IS NOT NULL",
    "SELECT kc.CONSTRAINT_NAME,kc.TABLE_NAME,kc.COLUMN_NAME,kc.ORDINAL_POSITION FROM information_schema.KEY_COLUMN_USAGE kc WHERE kc.TABLE_SCHEMA='shop' AND kc.REFERENCED_TABLE_NAME IS NULL ORDER BY kc.CONSTRAINT_NAME, kc.ORDINAL_POSITION",
    'SHOW PRIVILEGES',
    'SHOW GRANTS FOR CURRENT_USER()',
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
    "select trigger_name, event_object_table, event_manipulation, action_timing, definer from information_schema.triggers where trigger_schema = 'shop'",
    "select routine_name, routine_type, routine_definition, routine_comment, dtd_identifier, is_deterministic, sql_data_access, security_type, definer from information_schema.routines where routine_schema = 'shop'",
    "select specific_name, ordinal_position, parameter_name, parameter_mode, dtd_identifier from information_schema.parameters where specific_schema = 'shop' order by specific_name, ordinal_position",
    "select event_name, definer, time_zone, status from information_schema.events where event_schema = 'shop'",
    "select constraint_name, table_name, column_name, referenced_table_schema, referenced_table_name, referenced_column_name from information_schema.key_column_usage where table_schema = 'shop' and referenced_column_name is not null order by table_name, constraint_name, ordinal_position",
    "select r.constraint_name, r.table_name, r.update_rule, r.delete_rule from information_schema.referential_constraints r where r.constraint_schema = 'shop'",
    "select table_name, partition_name, partition_ordinal_position from information_schema.partitions where partition_name is not null and table_schema = 'shop'",
    "select table_name, view_definition, definer from information_schema.views where table_schema = 'shop'",
    'select collation_name, character_set_name, is_default from information_schema.collations',
    'select grantee, table_schema, privilege_type from information_schema.schema_privileges',
    'select variable_name, variable_value from information_schema.session_variables limit 5',
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
    'SHOW EVENTS FROM `shop`',
    'SHOW CREATE TABLE `shop`.`orders`',
    'SHOW COLLATION',
    'SHOW CHARSET',
    "SHOW VARIABLES LIKE 'sql_mode'",
    "SELECT * FROM `information_schema`.`KEY_COLUMN_USAGE` WHERE TABLE_SCHEMA='shop' AND TABLE_NAME='orders' AND REFERENCED_TABLE_NAME IS NOT NULL",
    "SELECT * FROM `information_schema`.`CHECK_CONSTRAINTS` WHERE CONSTRAINT_SCHEMA='shop'",
    "SELECT 1 FROM `information_schema`.`ROUTINES` WHERE ROUTINE_SCHEMA='shop' LIMIT 1",
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
    "SELECT * FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'shop' ORDER BY ROUTINE_NAME",
    "SELECT EVENT_CATALOG, EVENT_SCHEMA, EVENT_NAME, DEFINER, TIME_ZONE, EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'shop' ORDER BY EVENT_NAME ASC",
    "SELECT action_order, event_object_table, trigger_name, event_manipulation, event_object_table, definer, action_statement, action_timing FROM information_schema.triggers WHERE BINARY event_object_schema = 'shop' AND BINARY event_object_table = 'orders' ORDER BY event_object_table",
    "SHOW PROCEDURE STATUS WHERE Db = 'shop'",
    'SHOW INDEX FROM `orders`',
    'SHOW CREATE TABLE `shop`.`orders`',
    "SELECT TABLE_NAME, CHECK_OPTION, IS_UPDATABLE, SECURITY_TYPE, DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'shop' ORDER BY TABLE_NAME ASC",
    'SHOW STATUS',
    'SHOW PROFILES',
  ],
};

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
        if (/orders_[01]|shop_[01]/.test(JSON.stringify(rows))) wrong.push(`physical names: ${sql}`);
      } catch (error) {
        wrong.push(`${(error as Error).message}: ${sql}`);
      }
    }
    await client.end();
    assert.deepEqual(wrong, []);
  });
}
