/** What every Node service of the example has around its handlers: HTTP in, one local transaction through its sidecar for each call. */
import { createServer } from 'node:http';
import mysql from 'mysql2/promise';

/** Thrown by a handler that says no for good: the transaction across services is undone. */
export class Refused extends Error {}

const { PORT, MESH_PORT, BARRIER_URL } = process.env;

/** `handlers`: path -> (connection, body). Tables are made at the start. */
export async function serve(tables, handlers) {
  const pool = mysql.createPool({
    host: '127.0.0.1',
    port: Number(MESH_PORT),
    user: 'app',
    password: 'app',
    database: 'service',
  });
  for (const statement of tables) await pool.query(statement);

  const answer = async (request) => {
    const { pathname } = new URL(request.url, 'http://service');
    const handler = handlers[pathname];
    if (handler === undefined) return [404, 'no such path'];
    let body = '';
    for await (const chunk of request) body += chunk;
    const connection = await pool.getConnection();
    try {
      await connection.beginTransaction();
      // The only line about transactions across services: which call this is. The sidecar's barrier does the rest.
      await connection.query('SET shardmesh_branch = ?', [request.headers['shardmesh-branch'] ?? '']);
      await handler(connection, JSON.parse(body));
      await connection.commit();
      connection.release();
      return [200, 'done'];
    } catch (error) {
      connection.destroy();
      return [error instanceof Refused ? 409 : 500, error.message];
    }
  };

  createServer(async (request, response) => {
    const [status, result] = await answer(request).catch((error) => [500, error.message]);
    // Where the sidecar beside this service says what has taken effect, if this answer gets lost or is an error.
    response.writeHead(status, { 'content-type': 'application/json', 'x-shardmesh-barrier': BARRIER_URL });
    response.end(JSON.stringify({ result }));
  }).listen(Number(PORT), '127.0.0.1');
}
