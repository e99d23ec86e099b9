import { startServer } from '../test/servers/index.ts';
import { BackendConnection } from '../src/backend/index.ts';
const s = await startServer({ schemas: ['d'], durable: true, binaryLog: true });
const open = () => BackendConnection.connect({ source: 'x', host: '127.0.0.1', port: s.port, user: 'mesh', password: 'mesh', database: 'd', class: { foundRows: false, deprecateEof: true } } as never);
const q = async (c: any, sql: string) => { try { const r = await c.query(sql); return JSON.stringify(r.rows ?? r) + ' st=' + c.status.toString(16) + (c.statusStale?' stale':''); } catch (e: any) { return 'ERR ' + (e.errno ?? e.message) + ' ' + e.message + ' st=' + c.status.toString(16)+ (c.statusStale?' stale':''); } };
const a = await open(), b = await open(), c = await open();
const x = "'g1','b1',1397575985";
console.log(1, await q(a, 'CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB'), await q(a, 'INSERT INTO t VALUES (1,1),(2,2)'));
console.log(2, 'iso', await q(a, `SET TRANSACTION ISOLATION LEVEL READ COMMITTED;XA START ${x}`));
console.log(3, await q(a, 'SELECT v FROM t WHERE id=1'), await q(b, 'UPDATE t SET v=10 WHERE id=1'), await q(a, 'SELECT v FROM t WHERE id=1'));
console.log(4, await q(a, `XA END ${x};XA COMMIT ${x} ONE PHASE`));
console.log(5, 'ro', await q(a, `SET TRANSACTION READ ONLY;XA START ${x}`), await q(a, 'UPDATE t SET v=5 WHERE id=1'), await q(a, `XA END ${x};XA COMMIT ${x} ONE PHASE`));
console.log('5b', await q(a, 'UPDATE t SET v=5 WHERE id=1'));
console.log(6, 'snap', await q(a, `XA START ${x};SELECT 1 FROM shardmesh.identity`), await q(b, 'UPDATE t SET v=20 WHERE id=1'), await q(a, 'SELECT v FROM t WHERE id=1'), await q(a, `XA END ${x};XA COMMIT ${x} ONE PHASE`));
console.log(7, 'savepoint', await q(a, `XA START ${x}`), await q(a, 'SAVEPOINT s;UPDATE t SET v=30 WHERE id=2;ROLLBACK TO SAVEPOINT s;RELEASE SAVEPOINT s'), await q(a, `XA END ${x};XA ROLLBACK ${x}`));
console.log(8, 'begin in xa', await q(a, `XA START ${x}`), await q(a, 'BEGIN'), await q(a, 'CREATE TABLE u (a INT)'), await q(a, 'UPDATE t SET v=v+1 WHERE id=2'));
console.log(9, await q(a, `INSERT INTO shardmesh.mark VALUES ('g1','b1','',CAST(UNIX_TIMESTAMP(SYSDATE(3))*1000 AS SIGNED));XA END ${x};XA PREPARE ${x}`));
console.log(10, 'commit elsewhere while attached', await q(c, `XA COMMIT ${x}`), await q(c, 'XA RECOVER'));
console.log(11, 'lease state', a.state, await q(a, 'SELECT 1'), await q(a, 'XA RECOVER'));
console.log(12, await q(a, `XA COMMIT ${x}`), await q(a, 'SELECT v FROM t WHERE id=2'));
console.log(13, 'unknown', await q(c, `XA COMMIT ${x}`), await q(c, `XA ROLLBACK ${x}`));
// deadlock in branch
await q(a, `XA START ${x}`); await q(b, 'BEGIN'); await q(a, 'UPDATE t SET v=1 WHERE id=1'); await q(b, 'UPDATE t SET v=1 WHERE id=2'); const p = q(b,'UPDATE t SET v=1 WHERE id=1'); await new Promise(r=>setTimeout(r,200)); console.log(14, await q(a,'UPDATE t SET v=1 WHERE id=2'), await p);
console.log(15, await q(a, `XA END ${x}`), await q(a, `XA ROLLBACK ${x}`), await q(b,'ROLLBACK'));
console.log('15b', await q(a,'SELECT 1'));
// timeout
await q(b,'BEGIN;UPDATE t SET v=1 WHERE id=1'); await q(a, `SET SESSION innodb_lock_wait_timeout=1;XA START ${x};UPDATE t SET v=7 WHERE id=2`); console.log(16, await q(a,'UPDATE t SET v=1 WHERE id=1'), await q(a,`XA END ${x};XA PREPARE ${x}`), await q(a,`XA ROLLBACK ${x}`), await q(b,'ROLLBACK'));
// XA END; after XA START with error in statement then rollback: 'XA END;XA ROLLBACK'
console.log(17, await q(a,`XA START ${x};SELECT 1`), await q(a, 'SELECT * FROM nope'), await q(a,`XA END ${x};XA ROLLBACK ${x}`));
console.log(18, 'uptime', await q(a, "SHOW GLOBAL STATUS LIKE 'Uptime'"), await q(a,'SELECT @@hostname,@@port,@@server_id,@@datadir,@@version'));
// read-only branch prepare
console.log(19, await q(a,`XA START ${x};SELECT v FROM t;XA END ${x};XA PREPARE ${x}`)); a.destroy(); await new Promise(r=>setTimeout(r,300)); console.log(await q(c,'XA RECOVER'), await q(c,`XA COMMIT ${x}`));
console.log(20, 'ODKU', await q(c, "BEGIN;INSERT IGNORE INTO shardmesh.decision VALUES ('g',2,'','n',1,0);COMMIT"), await q(c,"INSERT INTO shardmesh.decision VALUES ('g',1,'','n',1,0)"));
console.log(21, 'guard', await q(c, "SELECT 1 FROM (SELECT 1) x WHERE @@in_transaction=1"), await q(c,'SELECT @@in_transaction'), await q(c, 'BEGIN'), await q(c,'SELECT @@in_transaction'), await q(c, "ROLLBACK"));
console.log(22, 'guard savepoint', await q(c, "SAVEPOINT g1;RELEASE SAVEPOINT g1"), await q(c, 'ROLLBACK TO SAVEPOINT zz'));
await s.stop(); process.exit(0);
