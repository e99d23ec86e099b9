/** The servers of a differential run: a plain one, and the shards behind the mesh, loaded with the same rows and reset after writes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type mysql from 'mysql2/promise';
import { grantSchemas, type SidecarProcess, startSidecar } from '../../src/demo/index.ts';
import { meshAccount, startServer, type TestServer } from '../servers/index.ts';
import type { LayoutName } from './case-file.ts';
import { type Layout, layouts, rulesFile, sidecarFile } from './layouts.ts';
import { type ClientAddress, RawClient } from './raw-client.ts';
import { createStatements, insertStatements, type KeyKind, tables } from './schema.ts';

/** One side of a comparison. */
export interface Side {
  readonly address: ClientAddress;
  /** Puts the rows of these logical tables back, on the servers themselves. */
  reset(tableNames: ReadonlySet<string>): Promise<void>;
  /** Physical tables and views that were not there after loading. */
  leftovers(): Promise<string[]>;
  removeLeftovers(): Promise<void>;
  /** True when one source holds everything. */
  readonly oneSource: boolean;
  stop(): Promise<void>;
}

const application = { user: 'app', password: 'app' };
const statement = (sql: string) => ({ sql, params: [], error: undefined, order: 'any', ignore: [] }) as const;

/** Creates and fills the shared tables through a client, as an application would. */
const load = async (address: ClientAddress, kind: KeyKind): Promise<void> => {
  const client = await RawClient.open(address);
  try {
    for (const sql of [...createStatements(kind), ...insertStatements()]) {
      const outcome = await client.run(statement(sql), 'text', false);
      if (outcome.kind === 'error') throw new Error(`loading failed: ${outcome.message}\nin: ${sql.slice(0, 200)}`);
    }
  } finally {
    await client.close();
  }
};

const tableNamesIn = async (root: mysql.Connection, schema: string): Promise<string[]> => {
  const [rows] = await root.query<mysql.RowDataPacket[]>(
    "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE'",
    [schema],
  );
  return rows.map((row) => String(row['name']));
};

/** Remembers the rows of all tables of a schema and puts them back on demand, past the mesh. */
class Snapshot {
  readonly #root: mysql.Connection;
  readonly #schema: string;
  readonly #tables: readonly string[];

  private constructor(root: mysql.Connection, schema: string, names: readonly string[]) {
    this.#root = root;
    this.#schema = schema;
    this.#tables = names;
  }

  static async take(server: TestServer, schema: string): Promise<Snapshot> {
    const root = await server.connection();
    root.on('error', () => {});
    const names = await tableNamesIn(root, schema);
    await root.query(`SET SESSION lock_wait_timeout = 10, foreign_key_checks = 0; CREATE DATABASE base_${schema}`);
    for (const name of names) {
      await root.query(
        `CREATE TABLE base_${schema}.\`${name}\` LIKE ${schema}.\`${name}\`; INSERT INTO base_${schema}.\`${name}\` SELECT * FROM ${schema}.\`${name}\``,
      );
    }
    return new Snapshot(root, schema, names);
  }

  async restore(logical: ReadonlySet<string>): Promise<void> {
    for (const name of this.#tables) {
      if (!logical.has(name) && !logical.has(name.replace(/_\d+$/, ''))) continue;
      const [own, base] = [`${this.#schema}.\`${name}\``, `base_${this.#schema}.\`${name}\``];
      await this.#root.query(`TRUNCATE TABLE ${own}; INSERT INTO ${own} SELECT * FROM ${base}`);
    }
  }

  /** The number of rows of a logical table in this schema. */
  async count(logical: string): Promise<number> {
    let total = 0;
    for (const name of this.#tables) {
      if (name !== logical && name.replace(/_\d+$/, '') !== logical) continue;
      const [rows] = await this.#root.query<mysql.RowDataPacket[]>(
        `SELECT COUNT(*) AS n FROM ${this.#schema}.\`${name}\``,
      );
      total += Number(rows[0]?.['n']);
    }
    return total;
  }

  async leftovers(): Promise<string[]> {
    const [rows] = await this.#root.query<mysql.RowDataPacket[]>(
      'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?',
      [this.#schema],
    );
    return rows.map((row) => String(row['name'])).filter((name) => !this.#tables.includes(name));
  }

  async removeLeftovers(): Promise<void> {
    for (const name of await this.leftovers()) {
      await this.#root.query(
        `DROP VIEW IF EXISTS ${this.#schema}.\`${name}\`; DROP TABLE IF EXISTS ${this.#schema}.\`${name}\``,
      );
    }
  }

  close(): void {
    this.#root.destroy();
  }
}

/** A plain server with the shared tables. */
export const startPlain = async (kind: KeyKind): Promise<Side> => {
  const server = await startServer();
  await grantSchemas(server, application, ['shop']);
  const address = { host: '127.0.0.1', port: server.port, database: 'shop', ...application };
  await load(address, kind);
  const snapshot = await Snapshot.take(server, 'shop');
  return {
    address,
    reset: (names) => snapshot.restore(names),
    leftovers: () => snapshot.leftovers(),
    removeLeftovers: () => snapshot.removeLeftovers(),
    oneSource: true,
    stop: async () => {
      snapshot.close();
      await server.stop();
    },
  };
};

/** Two servers that hold the sources of the layout, and a sidecar in front, loaded through the sidecar. */
export const startMesh = async (name: LayoutName): Promise<Side> => {
  const layout: Layout = layouts[name];
  const folder = mkdtempSync(join(tmpdir(), 'shardmesh-diff-'));
  const servers: TestServer[] = [];
  let sidecar: SidecarProcess | undefined;
  const snapshots: Snapshot[] = [];
  const stop = async () => {
    await sidecar?.stop();
    for (const snapshot of snapshots) snapshot.close();
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const serverOf = (index: number) => servers[index % servers.length]!;
    for (let i = 0; i < Math.min(2, layout.schemas.length); i++) servers.push(await startServer());
    for (const [i, schema] of layout.schemas.entries()) await grantSchemas(serverOf(i), meshAccount, [schema]);
    const ports = layout.schemas.map((_, i) => serverOf(i).port);
    writeFileSync(join(folder, 'shop.yaml'), rulesFile(layout, ports, meshAccount));
    writeFileSync(join(folder, 'shardmesh.yaml'), sidecarFile);
    sidecar = await startSidecar({ config: join(folder, 'shardmesh.yaml'), folder });
    const address = { host: '127.0.0.1', port: sidecar.port, database: 'shop', ...application };
    await load(address, layout.keyKind);
    for (const [i, schema] of layout.schemas.entries()) snapshots.push(await Snapshot.take(serverOf(i), schema));
    await checkPlacement(snapshots);
    return {
      address,
      reset: async (names) => {
        await Promise.all(snapshots.map((snapshot) => snapshot.restore(names)));
      },
      leftovers: async () => (await Promise.all(snapshots.map((snapshot) => snapshot.leftovers()))).flat(),
      removeLeftovers: async () => {
        await Promise.all(snapshots.map((snapshot) => snapshot.removeLeftovers()));
      },
      oneSource: layout.schemas.length === 1,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** Counts the rows on the servers themselves: none lost, none twice, broadcast tables whole everywhere. */
const checkPlacement = async (snapshots: readonly Snapshot[]): Promise<void> => {
  for (const table of tables) {
    const counts = await Promise.all(snapshots.map((snapshot) => snapshot.count(table.name)));
    const expected = table.name === 'countries' ? table.rows.length * snapshots.length : table.rows.length;
    const total = counts.reduce((sum, n) => sum + n, 0);
    if (total !== expected)
      throw new Error(`${table.name}: ${total} rows on the servers (${counts.join(' + ')}), expected ${expected}`);
  }
};
