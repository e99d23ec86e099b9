/** sequelize: sync, models, transactions. */
import { DataTypes, Op, Sequelize } from 'sequelize';
import { address, check, done, rows } from './orm.mjs';

const sequelize = new Sequelize(address.database, address.user, address.password, {
  ...address,
  dialect: 'mysql',
  logging: false,
});
await sequelize.authenticate();
const Order = sequelize.define(
  'Order',
  {
    order_id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
    user_id: { type: DataTypes.INTEGER, allowNull: false },
    amount: DataTypes.DECIMAL(12, 2),
    note: DataTypes.STRING(200),
  },
  { tableName: 'orders', timestamps: false },
);
await Order.sync({ force: true });
const first = await Order.create({ user_id: 77, amount: '1.25', note: 'first' });
check((await Order.findOne({ where: { order_id: first.order_id, user_id: 77 } })).note, 'first', 'create');
// Given keys: sequelize counts generated ones up from the first as numbers, which fails beyond 2^53 on any server.
await Order.bulkCreate(rows.map((row, index) => ({ order_id: index + 1000, ...row })));
check(await Order.count(), 201, 'count');
check(
  (await Order.findAll({ where: { user_id: 3 }, order: [['amount', 'ASC']], limit: 2 })).map((row) => row.note),
  ['row 3 ü 🐬', 'row 13 ü 🐬'],
  'where',
);
check(await Order.sum('amount', { where: { user_id: { [Op.lt]: 2 } } }), 3840, 'sum');
await sequelize.transaction(async (transaction) => {
  check((await Order.update({ note: 'x' }, { where: { user_id: 3 }, transaction }))[0], 20, 'update');
});
const open = await sequelize.transaction();
await Order.destroy({ where: { user_id: 3 }, transaction: open });
await open.rollback();
check(await Order.count({ where: { note: 'x' } }), 20, 'after the rollback');
const { count, rows: page } = await Order.findAndCountAll({
  where: { user_id: { [Op.in]: [1, 2] } },
  order: ['amount'],
  offset: 10,
  limit: 5,
});
check([count, page.length], [40, 5], 'page');
check(
  Object.keys(await sequelize.getQueryInterface().describeTable('orders')),
  ['order_id', 'user_id', 'amount', 'note'],
  'describe',
);
await sequelize.close();
done();
