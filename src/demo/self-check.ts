/** Checks a running demo from outside and inside: rows through the sidecar, rows on the servers, health and metrics. */
import type mysql from 'mysql2/promise';
import type { DemoServers } from './demo-servers.ts';
import { connectShop } from './load-shop.ts';
import type { Shop } from './sample-shop.ts';
import type { SidecarProcess } from './sidecar-process.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const one = async (connection: mysql.Connection, sql: string): Promise<string> => {
  const [rows] = await connection.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true });
  return String((rows[0] as unknown as unknown[] | undefined)?.[0]);
};

const money = (cents: bigint): string => `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`;

const throughSidecar = async (port: number, shop: Shop): Promise<Check[]> => {
  const connection = await connectShop(port);
  try {
    const checks: Check[] = [];
    for (const [table, expected] of Object.entries(shop.totals.rows)) {
      const counted = await one(connection, `SELECT COUNT(*) FROM ${table}`);
      checks.push({ name: `rows of ${table}`, ok: counted === String(expected), detail: `${counted} of ${expected}` });
    }
    const sum = await one(connection, 'SELECT SUM(amount) FROM orders');
    const expected = money(shop.totals.orderCents);
    checks.push({ name: 'sum of all orders', ok: sum === expected, detail: `${sum}, expected ${expected}` });
    return checks;
  } finally {
    connection.destroy();
  }
};

/** Rows of a logical table on one server, past the sidecar. */
const rowsOn = async (connection: mysql.Connection, schema: string, table: string): Promise<number> => {
  const [names] = await connection.query<mysql.RowDataPacket[]>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME REGEXP ?`,
    [schema, `^${table}(_[0-9]+)?$`],
  );
  let rows = 0;
  for (const { name } of names as { name: string }[])
    rows += Number(await one(connection, `SELECT COUNT(*) FROM ${schema}.${name}`));
  return rows;
};

const onServers = async ({ servers }: DemoServers, shop: Shop): Promise<Check[]> => {
  const checks: Check[] = [];
  for (const role of ['primary', 'replica'] as const) {
    const chosen = servers.filter((server) => server.role === role);
    for (const table of ['users', 'orders', 'order_items'] as const) {
      const counts = await Promise.all(
        chosen.map(async (server) => {
          const connection = await server.process.connection();
          try {
            return await rowsOn(connection, server.schema, table);
          } finally {
            connection.destroy();
          }
        }),
      );
      const sum = counts.reduce((total, n) => total + n, 0);
      const expected = shop.totals.rows[table];
      const spread = counts.every((n) => n > 0);
      checks.push({
        name: `${table} on the ${role === 'primary' ? 'primaries' : 'replicas'}`,
        ok: sum === expected && spread,
        detail: `${counts.join(' + ')}, expected ${expected} in all`,
      });
    }
  }
  return checks;
};

const http = async (name: string, url: string, wanted: RegExp): Promise<Check> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    const text = await response.text();
    return { name, ok: response.status === 200 && wanted.test(text), detail: `${url}: ${response.status}` };
  } catch (error) {
    return { name, ok: false, detail: `${url}: ${(error as Error).message}` };
  }
};

export const selfCheck = async (sidecar: SidecarProcess, servers: DemoServers, shop: Shop): Promise<Check[]> => [
  ...(await throughSidecar(sidecar.port, shop)),
  ...(await onServers(servers, shop)),
  ...(sidecar.http === undefined
    ? []
    : [
        await http('readiness', `http://${sidecar.http}/readiness`, /./s),
        await http('metrics', `http://${sidecar.http}/metrics`, /^# (HELP|TYPE) /m),
      ]),
];
