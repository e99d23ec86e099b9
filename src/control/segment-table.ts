/** SEGMENT key generators: takes ranges of ids from a table, one statement per range, committed before it is used. */
import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { type DataSource, primaryOf, type RuleSet, type SegmentPort } from '../rules/index.ts';
import { withSource } from './source-connection.ts';

const noSuchTable = 1146;

/** `rules` may change: it is asked at each fetch. The table is made when it is missing and the account may. */
export function tableSegments(rules: () => RuleSet): SegmentPort {
  return {
    async fetch(spec, count) {
      const source = primaryOf(rules(), spec.source);
      if (source === undefined) throw new Error(`source '${spec.source}' is not in the rules any more`);
      const table = `\`${spec.table.replaceAll('`', '``')}\``;
      try {
        return await takeRange(source, table, spec.sequence, count);
      } catch (error) {
        if ((error as { errno?: number }).errno !== noSuchTable) throw error;
        await withSource(source, async (connection) => await connection.query(createTable(table)), 10_000);
        return await takeRange(source, table, spec.sequence, count);
      }
    },
  };
}

/** `next_id` is the first id that nobody has taken. */
const createTable = (table: string): string => `CREATE TABLE IF NOT EXISTS ${table} (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  next_id BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB COMMENT='Shardmesh: ranges of SEGMENT keys'`;

async function takeRange(
  source: DataSource,
  table: string,
  sequence: string,
  count: number,
): Promise<{ first: bigint; count: number }> {
  return await withSource(
    source,
    async (connection) => {
      // The server's account may start with autocommit off.
      await connection.query('SET autocommit = 1');
      const take = async (): Promise<boolean> => {
        const [answer] = await connection.execute<ResultSetHeader>(
          `UPDATE ${table} SET next_id = LAST_INSERT_ID(next_id) + ? WHERE name = ?`,
          [count, sequence],
        );
        return answer.affectedRows === 1;
      };
      if (!(await take())) {
        await connection.execute(`INSERT IGNORE INTO ${table} (name, next_id) VALUES (?, 1)`, [sequence]);
        if (!(await take())) throw new Error(`the row '${sequence}' of ${table} cannot be made`);
      }
      const [[row]] = await connection.query<RowDataPacket[]>('SELECT CAST(LAST_INSERT_ID() AS CHAR) AS first');
      return { first: BigInt(String(row?.['first'])), count };
    },
    10_000,
  );
}
