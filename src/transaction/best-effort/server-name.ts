/** What a server is called in `shardmesh.identity`: kept with the connection that it was read on, which cannot change its server. */
import { type BackendConnection, ServerError } from '../../backend/index.ts';
import { MeshError } from '../../base/index.ts';
import { meshSchema } from '../tables.ts';

const names = new WeakMap<BackendConnection, string>();

/** Rejects with SM_TRANSACTION_TABLES if it has none. */
export function serverNameOf(connection: BackendConnection): string | Promise<string> {
  return names.get(connection) ?? readName(connection);
}

async function readName(connection: BackendConnection): Promise<string> {
  const { source } = connection.options;
  let name: string | null | undefined;
  try {
    name = (await connection.query(`SELECT server FROM ${meshSchema}.identity WHERE k=1`)).rows[0]?.[0];
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    throw new MeshError('SM_TRANSACTION_TABLES', { source, reason: error.message }, { cause: error });
  }
  if (name === null || name === undefined || name === '')
    throw new MeshError('SM_TRANSACTION_TABLES', { source, reason: 'the server has no name' });
  names.set(connection, name);
  return name;
}
