/** drizzle: typed queries on mysql2. */
import { asc, count, eq, inArray, lt, sum } from 'drizzle-orm';
import { bigint, decimal, int, mysqlTable, varchar } from 'drizzle-orm/mysql-core';
import { drizzle } from 'drizzle-orm/mysql2';
import mysql from 'mysql2/promise';
import { address, check, done, rows } from './orm.mjs';

const pool = mysql.createPool({ ...address, connectionLimit: 2 });
const db = drizzle(pool);
const orders = mysqlTable('orders', {
  order_id: bigint('order_id', { mode: 'bigint' }).primaryKey().autoincrement(),
  user_id: int('user_id').notNull(),
  amount: decimal('amount', { precision: 12, scale: 2 }),
  note: varchar('note', { length: 200 }),
});
await db.execute('DROP TABLE IF EXISTS orders');
await db.execute(
  'CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(12,2), note VARCHAR(200))',
);
await db.insert(orders).values(rows);
check((await db.select({ n: count() }).from(orders))[0].n, 200, 'count');
check(
  (await db.select().from(orders).where(eq(orders.user_id, 3)).orderBy(asc(orders.amount)).limit(2)).map(
    (row) => row.note,
  ),
  ['row 3 ü 🐬', 'row 13 ü 🐬'],
  'where',
);
const groups = await db
  .select({ total: sum(orders.amount) })
  .from(orders)
  .where(lt(orders.user_id, 2))
  .groupBy(orders.user_id)
  .orderBy(orders.user_id);
check(
  groups.map((row) => row.total),
  ['1910.00', '1930.00'],
  'groups',
);
await db.transaction(async (tx) =>
  check((await tx.update(orders).set({ note: 'x' }).where(eq(orders.user_id, 3)))[0].affectedRows, 20, 'update'),
);
await db
  .transaction(async (tx) => {
    await tx.delete(orders).where(inArray(orders.user_id, [3, 4]));
    throw new Error('back');
  })
  .catch((error) => check(error.message, 'back', 'rollback'));
check((await db.select().from(orders).where(eq(orders.note, 'x'))).length, 20, 'after the rollback');
await pool.end();
done();
