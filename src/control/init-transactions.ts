/** `shardmesh init-transactions`: makes the tables of transactions on every primary, and checks that they can be used. */
import type { RowDataPacket } from 'mysql2/promise';
import { type DataSource, primaryOf, type RuleSet } from '../rules/index.ts';
import { columnsOf, initStatements, meshSchema, meshTables, randomName } from '../transaction/index.ts';
import { reasonOf, withSource } from './source-connection.ts';

export interface InitResult {
  /** Of the data source, the first one of its server. */
  readonly source: string;
  readonly address: string;
  /** Undefined: the tables are there and can be used. */
  readonly problem: string | undefined;
  /** What an administrator has to run, if that is known. */
  readonly remedy: string | undefined;
}

/** Who makes the tables, if the data source's own account may not. */
export interface InitAccount {
  readonly user: string;
  readonly password: string;
}

/** Asks every primary once, also if several sources or databases live on it. Never rejects for a server. */
export async function initTransactions(
  ruleSets: readonly RuleSet[],
  account?: InitAccount,
): Promise<readonly InitResult[]> {
  const servers = new Map<string, DataSource>();
  for (const rules of ruleSets) {
    for (const name of rules.shardSources) {
      const source = primaryOf(rules, name);
      if (source !== undefined && !servers.has(addressOf(source))) servers.set(addressOf(source), source);
    }
  }
  return await Promise.all([...servers.values()].map((source) => initServer(source, account)));
}

async function initServer(source: DataSource, account: InitAccount | undefined): Promise<InitResult> {
  const answer = (problem?: string, remedy?: string): InitResult => ({
    source: source.name,
    address: addressOf(source),
    problem,
    remedy,
  });
  const maker = account === undefined ? source : { ...source, username: account.user, password: account.password };
  try {
    await withSource({ ...maker, database: '' }, async (connection) => {
      for (const sql of initStatements(randomName(8))) await connection.query(sql);
    });
  } catch (error) {
    const denied = [1044, 1142, 1227, 1370].includes((error as { errno?: number }).errno ?? 0);
    return answer(
      reasonOf(error),
      denied ? `GRANT CREATE, ${needed} ON ${meshSchema}.* TO '${maker.username}'@'%', or use --user` : undefined,
    );
  }
  try {
    await withSource({ ...source, database: '' }, async (connection) => {
      for (const table of meshTables) {
        const [rows] = await connection.query<RowDataPacket[]>(`SHOW COLUMNS FROM ${meshSchema}.${table.name}`);
        const known = rows.map((row) => String(Object.values(row)[0]));
        const lacks = columnsOf(table).filter((column) => !known.includes(column));
        if (lacks.length > 0) throw new Error(`table ${meshSchema}.${table.name} lacks ${lacks.join(', ')}`);
      }
      // Tried, not read from SHOW GRANTS: roles and patterns count too.
      await connection.query('BEGIN');
      await connection.query(`INSERT INTO ${meshSchema}.node VALUES ('privileges', '', 0)`);
      await connection.query(`UPDATE ${meshSchema}.node SET beat = 1 WHERE node = 'privileges'`);
      await connection.query(`DELETE FROM ${meshSchema}.node WHERE node = 'privileges'`);
      await connection.query('ROLLBACK');
      await connection.query('XA RECOVER');
    });
  } catch (error) {
    const { errno } = error as { errno?: number };
    const remedy =
      errno === 1401
        ? `GRANT XA_RECOVER_ADMIN ON *.* TO '${source.username}'@'%'`
        : errno === 1142 || errno === 1044
          ? `GRANT ${needed} ON ${meshSchema}.* TO '${source.username}'@'%'`
          : undefined;
    return answer(reasonOf(error), remedy);
  }
  return answer();
}

const needed = 'SELECT, INSERT, UPDATE, DELETE';

function addressOf(source: DataSource): string {
  return source.socketPath ?? `${source.host}:${source.port}`;
}
