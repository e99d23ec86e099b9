/** TypeORM: schema synchronisation, repository, query builder, transactions. */
import { DataSource, EntitySchema } from 'typeorm';
import { address, check, done, rows } from './orm.mjs';

const Order = new EntitySchema({
  name: 'orders',
  columns: {
    order_id: { type: 'bigint', primary: true, generated: 'increment' },
    user_id: { type: 'int' },
    amount: { type: 'decimal', precision: 12, scale: 2, nullable: true },
    note: { type: 'varchar', length: 200, nullable: true },
  },
});
const { user, ...rest } = address;
const source = new DataSource({
  type: 'mysql',
  connectorPackage: 'mysql2',
  ...rest,
  username: user,
  entities: [Order],
  supportBigNumbers: true,
  bigNumberStrings: true,
});
await source.initialize();
await source.query('DROP TABLE IF EXISTS orders');
await source.query(
  'CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(12,2), note VARCHAR(200))',
);
const orders = source.getRepository(Order);
await orders.save({ user_id: 77, amount: '1.25', note: 'first' });
check((await orders.findOneBy({ user_id: 77 })).note, 'first', 'save');
await orders.insert(rows);
check(await orders.count(), 201, 'count');
check(
  (await orders.find({ where: { user_id: 3 }, order: { amount: 'ASC' }, take: 2 })).map((row) => row.note),
  ['row 3 ü 🐬', 'row 13 ü 🐬'],
  'find',
);
const sums = await orders
  .createQueryBuilder('o')
  .select('o.user_id', 'user')
  .addSelect('SUM(o.amount)', 'total')
  .where('o.user_id < :limit', { limit: 2 })
  .groupBy('o.user_id')
  .orderBy('o.user_id')
  .getRawMany();
check(
  sums.map((row) => row.total),
  ['1910.00', '1930.00'],
  'groups',
);
await source.transaction(async (manager) =>
  check((await manager.update(Order, { user_id: 3 }, { note: 'x' })).affected, 20, 'update'),
);
await source
  .transaction(async (manager) => {
    await manager.delete(Order, { user_id: 3 });
    throw new Error('back');
  })
  .catch((error) => check(error.message, 'back', 'rollback'));
check(await orders.countBy({ note: 'x' }), 20, 'after the rollback');
await source.destroy();
done();
