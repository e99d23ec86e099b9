/** The order service: keeps orders with their state. */
import { serve } from './service.mjs';

const insert = async (connection, { order, sku, count, cents }, state) =>
  await connection.query('INSERT INTO orders (id, sku, count, cents, state) VALUES (?, ?, ?, ?, ?)', [
    order,
    sku,
    count,
    cents,
    state,
  ]);
const mark = async (connection, { order }, state) =>
  await connection.query('UPDATE orders SET state = ? WHERE id = ?', [state, order]);

await serve(
  [
    'CREATE TABLE IF NOT EXISTS orders (id VARCHAR(64) PRIMARY KEY, sku INT NOT NULL, count INT NOT NULL, cents INT NOT NULL, state VARCHAR(16) NOT NULL)',
  ],
  {
    // Saga
    '/place': (connection, body) => insert(connection, body, 'placed'),
    '/cancel-placed': (connection, body) => mark(connection, body, 'cancelled'),
    // TCC
    '/try': (connection, body) => insert(connection, body, 'pending'),
    '/confirm': (connection, body) => mark(connection, body, 'placed'),
    '/cancel': (connection, body) => mark(connection, body, 'cancelled'),
  },
);
