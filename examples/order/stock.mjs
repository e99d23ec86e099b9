/** The stock service: how much of each article is free, and how much is held for orders that are not decided. */
import { Refused, serve } from './service.mjs';

const change = async (connection, { sku, count }, free, held) => {
  const [{ affectedRows }] = await connection.query(
    'UPDATE stock SET free = free + ?, held = held + ? WHERE sku = ? AND free + ? >= 0',
    [free * count, held * count, sku, free * count],
  );
  if (affectedRows === 0) throw new Refused(`not ${count} of article ${sku} in stock`);
};

await serve(
  [
    'CREATE TABLE IF NOT EXISTS stock (sku INT PRIMARY KEY, free INT NOT NULL, held INT NOT NULL)',
    'INSERT IGNORE INTO stock VALUES (7, 10, 0)',
  ],
  {
    // Saga
    '/take': (connection, body) => change(connection, body, -1, 0),
    '/give-back': (connection, body) => change(connection, body, 1, 0),
    // TCC
    '/try': (connection, body) => change(connection, body, -1, 1),
    '/confirm': (connection, body) => change(connection, body, 0, -1),
    '/cancel': (connection, body) => change(connection, body, 1, -1),
  },
);
