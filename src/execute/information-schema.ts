/** Copies an information_schema table of all sources into a temporary table: logical names, each table once. */
import type { Lease, SmallResult } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { StatementRun } from './statement-run.ts';

/** Which column says whose row it is. */
const SCHEMA_COLUMNS: Readonly<Record<string, string>> = {
  CHECK_CONSTRAINTS: 'CONSTRAINT_SCHEMA',
  COLUMNS: 'TABLE_SCHEMA',
  COLUMNS_EXTENSIONS: 'TABLE_SCHEMA',
  COLUMN_PRIVILEGES: 'TABLE_SCHEMA',
  EVENTS: 'EVENT_SCHEMA',
  GEOMETRY_COLUMNS: 'F_TABLE_SCHEMA',
  KEY_COLUMN_USAGE: 'TABLE_SCHEMA',
  PARAMETERS: 'SPECIFIC_SCHEMA',
  PARTITIONS: 'TABLE_SCHEMA',
  REFERENTIAL_CONSTRAINTS: 'CONSTRAINT_SCHEMA',
  ROUTINES: 'ROUTINE_SCHEMA',
  SCHEMATA: 'SCHEMA_NAME',
  SCHEMATA_EXTENSIONS: 'SCHEMA_NAME',
  SCHEMA_PRIVILEGES: 'TABLE_SCHEMA',
  STATISTICS: 'TABLE_SCHEMA',
  ST_GEOMETRY_COLUMNS: 'TABLE_SCHEMA',
  TABLES: 'TABLE_SCHEMA',
  TABLES_EXTENSIONS: 'TABLE_SCHEMA',
  TABLE_CONSTRAINTS: 'TABLE_SCHEMA',
  TABLE_PRIVILEGES: 'TABLE_SCHEMA',
  TRIGGERS: 'TRIGGER_SCHEMA',
  VIEWS: 'TABLE_SCHEMA',
};

/** The same on every server of one version: one server's answer is everybody's. */
const SERVER_TABLES = new Set([
  'ALL_PLUGINS',
  'APPLICABLE_ROLES',
  'CHARACTER_SETS',
  'COLLATIONS',
  'COLLATION_CHARACTER_SET_APPLICABILITY',
  'ENABLED_ROLES',
  'ENGINES',
  'GLOBAL_STATUS',
  'GLOBAL_VARIABLES',
  'KEYWORDS',
  'PLUGINS',
  'SESSION_STATUS',
  'SESSION_VARIABLES',
  'SPATIAL_REF_SYS',
  'SQL_FUNCTIONS',
  'ST_SPATIAL_REFERENCE_SYSTEMS',
  'ST_UNITS_OF_MEASURE',
  'SYSTEM_VARIABLES',
  'USER_PRIVILEGES',
]);

/** What a schema has besides tables: that of the default source counts, whatever copies the others have. */
const SCHEMA_TABLES = new Set([
  'EVENTS',
  'PARAMETERS',
  'ROUTINES',
  'SCHEMATA',
  'SCHEMATA_EXTENSIONS',
  'SCHEMA_PRIVILEGES',
]);

const ROWS_PER_INSERT = 200;

/** `scratch` is the connection that has the (empty) temporary table `name`. */
export async function informationSchemaRows(
  run: StatementRun,
  name: string,
  table: string,
  scratch: Lease,
): Promise<void> {
  const { directory } = run.backend;
  const upper = table.toUpperCase();
  const schemaColumn = SCHEMA_COLUMNS[upper];
  if (schemaColumn === undefined && !SERVER_TABLES.has(upper)) {
    throw new MeshError('SM_UNSUPPORTED', {
      what: `information_schema.${table}`,
      reason: 'it tells of one server only; ask the server itself',
    });
  }
  const sources = schemaColumn === undefined ? [directory.defaultSource] : directory.sources;
  for (const source of sources) {
    const held = await run.backend.leases.takeFree(source);
    let result: SmallResult;
    try {
      const own = `'${directory.physicalSchema(source).replaceAll("'", "''")}'`;
      const wanted = source === directory.defaultSource ? `${own},'information_schema'` : own;
      result = await held.lease.connection.query(
        `SELECT * FROM information_schema.${upper}${schemaColumn === undefined ? '' : ` WHERE ${schemaColumn} IN (${wanted})`}`,
      );
    } catch (error) {
      held.destroy();
      throw error;
    }
    await held.done();
    const rows = schemaColumn === undefined ? result.rows : logicalRows(run, source, result, SCHEMA_TABLES.has(upper));
    for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
      const values = rows.slice(at, at + ROWS_PER_INSERT).map((row) => `(${row.map(literal).join(',')})`);
      await scratch.connection.query(`INSERT INTO \`${name}\` VALUES ${values.join(',')}`);
    }
  }
}

type TextRow = readonly (string | null)[];

/** Rows of tables that are shown from this source, under logical names. */
function logicalRows(run: StatementRun, source: string, result: SmallResult, ofSchema: boolean): readonly TextRow[] {
  const { directory, database } = { directory: run.backend.directory, database: run.backend.directory.logicalDatabase };
  const physical = directory.physicalSchema(source);
  const names = result.columns.map((column) => column.name.toUpperCase());
  const tableAt = names.findIndex((column) => column === 'TABLE_NAME' || column === 'EVENT_OBJECT_TABLE');
  const isSchema = names.map((column) => column.endsWith('_SCHEMA') || column === 'SCHEMA_NAME');
  const isTable = names.map((column) => column.endsWith('TABLE_NAME') || column === 'EVENT_OBJECT_TABLE');
  const rows: TextRow[] = [];
  for (const row of result.rows) {
    const own = row.some((value, index) => isSchema[index] && value === physical);
    if (own) {
      // Once, however many sources hold a part of the schema.
      if (ofSchema && source !== directory.defaultSource) continue;
      if (tableAt >= 0 && directory.shownAs(source, row[tableAt] ?? '') === undefined) continue;
    }
    rows.push(
      row.map((value, index) => {
        if (value === null || !own) return value;
        if (isSchema[index] && value === physical) return database;
        return isTable[index] ? (directory.logicalName(source, value) ?? value) : value;
      }),
    );
  }
  return rows;
}

function literal(value: string | null): string {
  if (value === null) return 'NULL';
  return /^-?\d{1,18}$/.test(value) ? `'${value}'` : `_utf8mb4 X'${Buffer.from(value).toString('hex')}'`;
}
