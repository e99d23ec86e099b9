/** knex: schema builder, queries, transactions. */
import knexOf from 'knex';
import { address, check, done, rows } from './orm.mjs';

const knex = knexOf({ client: 'mysql2', connection: address, pool: { min: 0, max: 3 } });
await knex.schema.dropTableIfExists('orders');
await knex.schema.createTable('orders', (table) => {
  table.bigIncrements('order_id');
  table.integer('user_id').notNullable();
  table.decimal('amount', 12, 2);
  table.string('note', 200);
});
check(await knex.schema.hasTable('orders'), true, 'hasTable');
check(await knex.schema.hasColumn('orders', 'note'), true, 'hasColumn');
const [id] = await knex('orders').insert({ user_id: 77, amount: '1.25', note: 'first' });
check((await knex('orders').where({ order_id: id, user_id: 77 }).first()).note, 'first', 'insert id');
await knex.batchInsert('orders', rows, 50);
check(Number((await knex('orders').count({ n: '*' }))[0].n), 201, 'count');
check(
  (await knex('orders').where('user_id', 3).orderBy('amount').limit(2)).map((row) => row.note),
  ['row 3 ü 🐬', 'row 13 ü 🐬'],
  'where',
);
const groups = await knex('orders')
  .select('user_id')
  .sum({ total: 'amount' })
  .whereBetween('user_id', [0, 1])
  .groupBy('user_id')
  .orderBy('user_id');
check(
  groups.map((row) => row.total),
  ['1910.00', '1930.00'],
  'groups',
);
await knex.transaction(async (trx) =>
  check(await trx('orders').where({ user_id: 3 }).update({ note: 'x' }), 20, 'update'),
);
await knex
  .transaction((trx) =>
    trx('orders')
      .where({ user_id: 3 })
      .del()
      .then(() => Promise.reject(new Error('back'))),
  )
  .catch((error) => check(error.message, 'back', 'rollback'));
check((await knex('orders').where({ note: 'x' })).length, 20, 'after the rollback');
await knex.destroy();
done();
