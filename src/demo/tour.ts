/** A short tour: a few statements, each with its route and its result. */
import type mysql from 'mysql2/promise';
import { connectShop } from './load-shop.ts';
import type { Shop } from './sample-shop.ts';
import type { Screen } from './screen.ts';

const stopsOf = ({ user, order }: Shop['example']): readonly (readonly [string, string])[] => [
  [
    'one user: one source, two tables',
    `SELECT order_id, status, amount FROM orders WHERE user_id = ${user} ORDER BY order_id LIMIT 3`,
  ],
  [
    'one user and one order: one table',
    `SELECT o.order_id, i.product, i.quantity, i.price FROM orders o JOIN order_items i ON i.user_id = o.user_id AND i.order_id = o.order_id WHERE o.user_id = ${user} AND o.order_id = ${order} ORDER BY i.item_id`,
  ],
  [
    'everything, added up exactly',
    'SELECT COUNT(*) AS orders, SUM(amount) AS total, AVG(amount) AS average FROM orders',
  ],
  [
    'groups merged over all shards',
    'SELECT status, COUNT(*) AS n, MAX(amount) AS largest FROM orders GROUP BY status ORDER BY n DESC, status',
  ],
  [
    'a table that every source has whole',
    'SELECT c.name, COUNT(*) AS users FROM users u JOIN countries c ON c.code = u.country GROUP BY c.name ORDER BY users DESC, c.name LIMIT 3',
  ],
  [
    'sorted by streaming, cut after five',
    'SELECT order_id, user_id, amount FROM orders ORDER BY amount DESC, order_id LIMIT 5',
  ],
];

const routeLines = 14;

const show = async (connection: mysql.Connection, sql: string, screen: Screen, limit: number): Promise<void> => {
  const [rows, fields] = await connection.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true });
  const cells = (rows as unknown as unknown[][]).map((row) =>
    row.map((value) => (value === null ? 'NULL' : String(value).replaceAll('\n', ' '))),
  );
  screen.table(
    fields.map((field) => field.name),
    cells.slice(0, limit),
  );
  if (cells.length > limit) screen.line(screen.dim(`  ... ${cells.length - limit} more`));
};

/** Returns the statements that failed, with the reason. */
export const takeTour = async (port: number, shop: Shop, screen: Screen): Promise<readonly string[]> => {
  const failed: string[] = [];
  const connection = await connectShop(port);
  try {
    for (const [title, sql] of stopsOf(shop.example)) {
      screen.heading(title);
      screen.line(`  ${sql}`);
      try {
        await show(connection, `EXPLAIN FORMAT=MESH ${sql}`, screen, routeLines);
        await show(connection, sql, screen, 10);
      } catch (error) {
        failed.push(`${sql}: ${(error as Error).message}`);
        screen.line(`  ${screen.bad((error as Error).message)}`);
      }
    }
  } finally {
    connection.destroy();
  }
  return failed;
};
