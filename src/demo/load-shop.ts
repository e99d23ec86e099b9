/** Creates the shop's tables and loads its rows through the sidecar, with multi-row INSERTs on a few connections at once. */
import mysql from 'mysql2/promise';
import type { Shop, ShopTable } from './sample-shop.ts';
import type { Screen } from './screen.ts';

const unitsPerStatement = 500;
const connectionCount = 4;

export const connectShop = (port: number): Promise<mysql.Connection> =>
  mysql.createConnection({
    host: '127.0.0.1',
    port,
    user: 'app',
    password: process.env['APP_PASSWORD'] ?? 'app',
    database: 'shop',
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
  });

const statement = (table: ShopTable, from: number): { sql: string; rows: number; next: number } => {
  const next = Math.min(from + unitsPerStatement, table.units + 1);
  const rows: string[] = [];
  for (let unit = from; unit < next; unit++) rows.push(...table.rows(unit));
  return { sql: `INSERT INTO ${table.name} (${table.columns}) VALUES ${rows.join(',')}`, rows: rows.length, next };
};

/** Throws when a statement fails or `interrupted` is aborted. */
export const loadShop = async (port: number, shop: Shop, screen: Screen, interrupted: AbortSignal): Promise<void> => {
  const connections = await Promise.all(Array.from({ length: connectionCount }, () => connectShop(port)));
  const total = Object.values(shop.totals.rows).reduce((sum, n) => sum + n, 0);
  let done = 0;
  const stop = () => {
    for (const connection of connections) connection.destroy();
  };
  interrupted.addEventListener('abort', stop, { once: true });
  try {
    for (const table of shop.tables) await connections[0]!.query(table.create);
    for (const table of shop.tables) {
      let at = 1;
      await Promise.all(
        connections.map(async (connection) => {
          while (at <= table.units && !interrupted.aborted) {
            const { sql, rows, next } = statement(table, at);
            at = next;
            await connection.query(sql);
            done += rows;
            screen.progress('loading', done, total);
          }
        }),
      );
    }
    interrupted.throwIfAborted();
  } finally {
    interrupted.removeEventListener('abort', stop);
    stop();
  }
};
