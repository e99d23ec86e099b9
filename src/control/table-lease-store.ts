/** Worker ids leased through the table `shardmesh_worker` in the physical schema of a data source, by its server's clock. */
import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { DataSource } from '../rules/index.ts';
import { withSource } from './source-connection.ts';
import { type LeaseStore, workerIdCount } from './worker-lease.ts';

/** UTC, so that neither time zones nor summer time matter. */
const serverNow = 'UTC_TIMESTAMP(3)';
const until = `DATE_ADD(${serverNow}, INTERVAL ? * 1000 MICROSECOND)`;

const createTable = `CREATE TABLE IF NOT EXISTS shardmesh_worker (
  worker_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
  owner VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  expires DATETIME(3) NOT NULL
) ENGINE=InnoDB COMMENT='Shardmesh: leases of SNOWFLAKE worker ids'`;

const attemptsMax = 20;
const noSuchTable = 1146;
const duplicateKey = 1062;

/** `source`: the primary of a database's default source. The table is made when it is missing and the account may. */
export function tableLeaseStore(source: DataSource): LeaseStore {
  const run = async <T>(work: Parameters<typeof withSource<T>>[1]): Promise<T> => {
    try {
      return await withSource(source, work, 10_000);
    } catch (error) {
      if ((error as { errno?: number }).errno !== noSuchTable) throw error;
      await withSource(source, async (connection) => await connection.query(createTable), 10_000);
      return await withSource(source, work, 10_000);
    }
  };
  return {
    name: `table shardmesh_worker of ${source.name}`,

    acquire: (owner, ttlMs) =>
      run(async (connection) => {
        for (let attempt = 0; attempt < attemptsMax; attempt++) {
          // Never used ids first, then the one that ended longest ago: its former owner's clock can't be ahead by so much.
          const [[used]] = await connection.query<RowDataPacket[]>(
            'SELECT COUNT(*) AS n, MAX(worker_id) AS top FROM shardmesh_worker',
          );
          if (Number(used?.['n'] ?? 0) < workerIdCount) {
            const workerId = used?.['top'] === null ? 0 : Number(used?.['top']) + 1;
            const free = workerId < workerIdCount ? workerId : await firstGap(connection);
            try {
              await connection.execute(
                `INSERT INTO shardmesh_worker (worker_id, owner, epoch, expires) VALUES (?, ?, 1, ${until})`,
                [free, owner, ttlMs],
              );
              return { workerId: free, epoch: '1' };
            } catch (error) {
              if ((error as { errno?: number }).errno === duplicateKey) continue;
              throw error;
            }
          }
          const [[oldest]] = await connection.query<RowDataPacket[]>(
            `SELECT worker_id, CAST(epoch AS CHAR) AS epoch FROM shardmesh_worker WHERE expires < ${serverNow} ORDER BY expires LIMIT 1`,
          );
          if (oldest === undefined) return undefined;
          const [taken] = await connection.execute<ResultSetHeader>(
            `UPDATE shardmesh_worker SET owner = ?, epoch = epoch + 1, expires = ${until} WHERE worker_id = ? AND epoch = ? AND expires < ${serverNow}`,
            [owner, ttlMs, oldest['worker_id'], oldest['epoch']],
          );
          if (taken.affectedRows === 1)
            return { workerId: Number(oldest['worker_id']), epoch: String(BigInt(String(oldest['epoch'])) + 1n) };
        }
        throw new Error('other sidecars took every id that was tried');
      }),

    renew: (owner, lease, ttlMs) =>
      run(async (connection) => {
        // A lease that has run out is not renewed, even if nobody took it: whoever is about to take it must win.
        const [answer] = await connection.execute<ResultSetHeader>(
          `UPDATE shardmesh_worker SET expires = ${until} WHERE worker_id = ? AND owner = ? AND epoch = ? AND expires > ${serverNow}`,
          [ttlMs, lease.workerId, owner, lease.epoch],
        );
        return answer.affectedRows === 1;
      }),

    release: (owner, lease, graceMs) =>
      run(async (connection) => {
        await connection.execute(
          `UPDATE shardmesh_worker SET expires = LEAST(expires, ${until}) WHERE worker_id = ? AND owner = ? AND epoch = ?`,
          [graceMs, lease.workerId, owner, lease.epoch],
        );
      }),

    close: () => Promise.resolve(),
  };

  async function firstGap(connection: Parameters<Parameters<typeof withSource>[1]>[0]): Promise<number> {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT worker_id FROM shardmesh_worker');
    const used = new Set(rows.map((row) => Number(row['worker_id'])));
    let id = 0;
    while (used.has(id)) id++;
    return id;
  }
}
