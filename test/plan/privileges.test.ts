/** Privileges and session effects of statements. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { environment, planOf } from './shop-layout.ts';

const env = environment();

describe('privileges', () => {
  const cases: readonly (readonly [string, readonly string[], boolean])[] = [
    ['select 1', [], false],
    ['select * from orders', ['shop'], false],
    ['with x as (select 1) select * from x', [], false],
    ['with x as (select * from orders) select * from x', ['shop'], false],
    ['select * from other.t', ['other'], false],
    ['select * from information_schema.tables', ['information_schema'], false],
    ['select * from mysql.user', ['mysql'], true],
    ['select * from (select * from performance_schema.threads) x', ['performance_schema'], true],
    ['insert into orders select * from mysql.user', ['shop', 'mysql'], true],
    ["select load_file('/etc/passwd')", [], true],
    ["select * from users into outfile '/tmp/x'", ['shop'], true],
    ['select other.f(1)', ['other'], false],
    ['set global sort_buffer_size = 1', [], true],
    ['set persist sort_buffer_size = 1', [], true],
    ['set session sort_buffer_size = 1', [], false],
    ['set names utf8mb4', [], false],
    ['shutdown', [], true],
    ["grant all on *.* to 'x'@'%'", [], true],
    ['flush tables', [], true],
    ['create database x', ['x'], true],
    ['create table shop.t (a int)', ['shop'], false],
    ['drop table other.t', ['other'], false],
    ["load data infile '/x' into table users", ['shop'], true],
    ["load data local infile '/x' into table users", ['shop'], false],
    ['use other', ['other'], false],
    ['show tables from other', ['other'], false],
    ['show columns from mysql.user', ['mysql'], true],
    ['show mesh sources', [], true],
    ['reload mesh', [], true],
    ['explain select * from mysql.user', ['mysql'], true],
    ['call other.p()', ['other'], false],
    ['/* SHARDMESH_HINT: DATA_SOURCE_NAME=ds_1 */ select 1', [], true],
  ];
  for (const [sql, schemas, admin] of cases) {
    test(sql, () => {
      const { plan } = planOf(sql, env);
      assert.deepEqual([...plan.privileges.schemas].sort(), [...schemas].sort());
      assert.equal(plan.privileges.admin, admin);
    });
  }
});

describe('session effects', () => {
  const cases: readonly (readonly [string, Record<string, unknown>])[] = [
    ['select 1', { keepsDiagnostics: true }],
    ['select @a := 1, @b', { keepsDiagnostics: true, assigns: ['a'], reads: ['b'] }],
    ['select name into @x from users where user_id = 1', { assigns: ['x'] }],
    ['select last_insert_id()', { keepsDiagnostics: true, readsInsertId: true }],
    ['select last_insert_id(5)', { keepsDiagnostics: true, setsInsertId: true }],
    ['select @@identity', { keepsDiagnostics: true, readsInsertId: true }],
    ['insert into users values (1, 2, 3)', { setsInsertId: true }],
    ['select my_function(1)', { opaque: true }],
    ['select other.f(1)', { opaque: true }],
    ['call p()', { opaque: true }],
    ["select get_lock('a', 1)", { keepsDiagnostics: true, pins: ['user lock'] }],
    ['select sql_calc_found_rows * from users where user_id = 1', { pins: ['found rows'] }],
    ['show warnings', { keepsDiagnostics: true }],
    ['get diagnostics @n = number', { reads: ['n'], keepsDiagnostics: true }],
    ['select 1 from (select 1) t', {}],
    ['lock tables notes read', { pins: ['lock tables'], opaque: true }],
    ['create temporary table t (a int)', { pins: ['temporary table'] }],
  ];
  for (const [sql, expected] of cases) {
    test(sql, () => {
      const { effects } = planOf(sql, env).plan;
      assert.deepEqual(effects, {
        assigns: [],
        reads: [],
        opaque: false,
        pins: [],
        setsInsertId: false,
        readsInsertId: false,
        keepsDiagnostics: false,
        ...expected,
      });
    });
  }
});
