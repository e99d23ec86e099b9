/** kysely: the query builder on a mysql2 pool, with its introspection. */
import { Kysely, MysqlDialect, sql } from 'kysely';
import { createPool } from 'mysql2';
import { address, check, done, rows } from './orm.mjs';

const db = new Kysely({ dialect: new MysqlDialect({ pool: createPool({ ...address, connectionLimit: 2 }) }) });
await db.schema.dropTable('orders').ifExists().execute();
await db.schema
  .createTable('orders')
  .addColumn('order_id', 'bigint', (column) => column.primaryKey().autoIncrement())
  .addColumn('user_id', 'integer', (column) => column.notNull())
  .addColumn('amount', 'decimal(12, 2)')
  .addColumn('note', 'varchar(200)')
  .execute();
check(
  ((await db.introspection.getTables()).find((table) => table.name === 'orders')?.columns ?? []).map(
    (column) => column.name,
  ),
  ['order_id', 'user_id', 'amount', 'note'],
  'introspection',
);
await db.insertInto('orders').values(rows).execute();
check(
  Number(
    (
      await db
        .selectFrom('orders')
        .select((eb) => eb.fn.countAll().as('n'))
        .executeTakeFirst()
    ).n,
  ),
  200,
  'count',
);
check(
  (await db.selectFrom('orders').selectAll().where('user_id', '=', 3).orderBy('amount').limit(2).execute()).map(
    (row) => row.note,
  ),
  ['row 3 ü 🐬', 'row 13 ü 🐬'],
  'where',
);
const streamed = [];
for await (const row of db.selectFrom('orders').select('note').where('user_id', '=', 4).stream())
  streamed.push(row.note);
check(streamed.length, 20, 'stream');
await db
  .transaction()
  .execute(async (trx) =>
    check(
      Number(
        (await trx.updateTable('orders').set({ note: 'x' }).where('user_id', '=', 3).executeTakeFirst()).numUpdatedRows,
      ),
      20,
      'update',
    ),
  );
await db
  .transaction()
  .execute(async (trx) => {
    await trx.deleteFrom('orders').where('user_id', '=', 3).execute();
    throw new Error('back');
  })
  .catch((error) => check(error.message, 'back', 'rollback'));
check((await sql`SELECT note FROM orders WHERE note = ${'x'}`.execute(db)).rows.length, 20, 'after the rollback');
await db.destroy();
done();
