/** Makes one server the GTID replica of another and waits until it has caught up. */
import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import type { ServerProcess } from './server-process.ts';

const replicationUser = { user: 'replicator', password: 'replicator' };

/**
 * Lets `replica` follow `primary` from the primary's first transaction. Both must be of one kind and have different
 * server ids; the primary must have been started with `binaryLog`. Safe to repeat after a restart.
 */
export const followPrimary = async (replica: ServerProcess, primary: ServerProcess): Promise<void> => {
  const { user, password } = replicationUser;
  const mariadb = primary.binary.kind === 'mariadb';
  await primary.execute(
    `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}'`,
    `GRANT REPLICATION SLAVE ON *.* TO '${user}'@'%'`,
  );
  if (mariadb) {
    await replica.execute(
      'STOP SLAVE',
      `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${primary.port}, MASTER_USER='${user}', MASTER_PASSWORD='${password}', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1`,
      'START SLAVE',
    );
  } else {
    await replica.execute(
      'STOP REPLICA',
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${primary.port}, SOURCE_USER='${user}', SOURCE_PASSWORD='${password}', SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, GET_SOURCE_PUBLIC_KEY=1`,
      'START REPLICA',
    );
  }
};

const status = async (connection: mysql.Connection, mariadb: boolean): Promise<string> => {
  const [rows] = await connection.query<mysql.RowDataPacket[]>(mariadb ? 'SHOW SLAVE STATUS' : 'SHOW REPLICA STATUS');
  const row = rows[0];
  return String(row?.['Last_SQL_Error'] || row?.['Last_IO_Error'] || 'no error shown');
};

/** Waits until everything that the primary has committed by now is readable on the replica. Throws after the time-out. */
export const waitForReplica = async (
  replica: ServerProcess,
  primary: ServerProcess,
  timeoutMs = 30_000,
): Promise<void> => {
  const mariadb = primary.binary.kind === 'mariadb';
  const source = await primary.connection();
  const target = await replica.connection();
  try {
    const [positions] = await source.query<mysql.RowDataPacket[]>(
      mariadb ? 'SELECT @@gtid_binlog_pos AS position' : 'SELECT @@gtid_executed AS position',
    );
    const position = String(positions[0]?.['position'] ?? '');
    const question = mariadb
      ? 'SELECT MASTER_GTID_WAIT(?, 1) AS waited'
      : 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 1) AS waited';
    const end = Date.now() + timeoutMs;
    for (;;) {
      const [rows] = await target.query<mysql.RowDataPacket[]>(question, [position]);
      if (Number(rows[0]?.['waited']) === 0) return;
      if (Date.now() > end) {
        throw new Error(`the replica on port ${replica.port} did not catch up: ${await status(target, mariadb)}`);
      }
      await sleep(50);
    }
  } finally {
    source.destroy();
    target.destroy();
  }
};
