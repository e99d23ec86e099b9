/** Which logical databases a statement names, and whether it needs an admin user (wire-and-session.md section 0, point 1). */
import { isMeshVariable } from '../session/index.ts';
import type { Statement, SystemVariable, TableName } from '../sql/index.ts';
import { readsServerFiles } from './function-kinds.ts';
import { isCall, visitNodes } from './syntax-walk.ts';
import { systemSchema } from './table-lookup.ts';
import type { PlanEnvironment, Privileges } from './types.ts';

const administration = new Set([
  'LOCK INSTANCE',
  'UNLOCK INSTANCE',
  'FLUSH',
  'RESET',
  'PURGE',
  'CACHE INDEX',
  'LOAD INDEX',
  'GRANT',
  'REVOKE',
  'RENAME USER',
  'SHUTDOWN',
  'RESTART',
  'INSTALL',
  'UNINSTALL',
  'CLONE',
  'BINLOG',
  'CHANGE MASTER',
  'START SLAVE',
  'STOP SLAVE',
  'START GROUP_REPLICATION',
  'STOP GROUP_REPLICATION',
  'BACKUP',
  'IMPORT TABLE',
  'XA',
  'COMPOUND',
]);
const adminObjects = new Set([
  'DATABASE',
  'SERVER',
  'TABLESPACE',
  'LOGFILE GROUP',
  'USER',
  'ROLE',
  'OTHER',
  'PROCEDURE',
  'FUNCTION',
  'TRIGGER',
  'EVENT',
  'PACKAGE',
  'PACKAGE BODY',
]);

/** The demands of a statement on its user. */
export function privilegesOf(statement: Statement, environment: PlanEnvironment): Privileges {
  const schemas = new Set<string>();
  let admin = false;
  let privilege = 'SUPER';
  let table = '';
  const commons = new Set<string>();
  const named = (name: TableName): void => {
    const written = name.schema?.name ?? (commons.has(name.table.name) ? undefined : environment.database);
    if (table === '') table = name.table.name;
    if (written === undefined) return;
    const system = systemSchema(written);
    schemas.add(system ?? written);
    if (system !== undefined && system !== 'information_schema') admin = true;
  };
  collectNames(statement, commons, named);
  visitNodes(statement, (node) => {
    switch (node.kind) {
      case 'call':
        if (!isCall(node)) break;
        if (readsServerFiles(node.name)) {
          admin = true;
          privilege = 'FILE';
        }
        if (node.schema !== undefined) schemas.add(node.schema.name);
        break;
      case 'file':
        admin = true;
        privilege = 'FILE';
        break;
      case 'system': {
        const { scope, name } = node as unknown as SystemVariable;
        // The mesh's own are of sessions only: saying so (1228) needs no privilege.
        if (isMeshVariable(name.toLowerCase())) break;
        if (statement.kind === 'set' && scope !== 'session' && scope !== 'default') admin = true;
        break;
      }
      case 'password':
        admin = true;
        break;
    }
    return undefined;
  });
  if (statement.kind === 'other' && administration.has(statement.verb)) admin = true;
  const fromServer =
    statement.kind === 'load' ? !statement.local : statement.kind === 'other' && statement.verb === 'LOAD XML';
  if (fromServer) {
    admin = true;
    privilege = 'FILE';
  }
  if (statement.kind === 'ddl' && adminObjects.has(statement.object)) admin = true;
  if (statement.kind === 'ddl' && statement.object === 'DATABASE') {
    const database = (statement.name ?? statement.targets[0])?.table.name;
    schemas.clear();
    if (database !== undefined) schemas.add(systemSchema(database) ?? database);
  }
  if (
    statement.kind === 'reload' ||
    statement.kind === 'resolve' ||
    (statement.kind === 'show' && statement.mesh !== undefined)
  )
    admin = true;
  if (statement.kind === 'use') schemas.add(systemSchema(statement.schema.name) ?? statement.schema.name);
  if (statement.kind === 'show' && statement.schema !== undefined)
    schemas.add(systemSchema(statement.schema.name) ?? statement.schema.name);
  return { schemas: [...schemas], admin, command: commandOf(statement), table, privilege };
}

/** Table names have no kind of their own: they are found by their shape. Common tables are names of the statement itself. */
function collectNames(root: unknown, commons: Set<string>, named: (name: TableName) => void): void {
  if (typeof root !== 'object' || root === null) return;
  if (Array.isArray(root)) {
    for (const item of root) collectNames(item, commons, named);
    return;
  }
  const node = root as Record<string, unknown>;
  if (Array.isArray(node['with']))
    for (const common of node['with']) commons.add((common as { name: { name: string } }).name.name);
  if (isIdentifier(node['table']) && node['kind'] === undefined) {
    named(node as unknown as TableName);
    return;
  }
  for (const key in node) collectNames(node[key], commons, named);
}

function isIdentifier(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'quoted' in value && 'name' in value;
}

function commandOf(statement: Statement): string {
  switch (statement.kind) {
    case 'query':
    case 'show':
    case 'describe':
    case 'explain':
      return 'SELECT';
    case 'insert':
    case 'update':
    case 'delete':
      return statement.kind.toUpperCase();
    case 'ddl':
      return statement.verb === 'TRUNCATE'
        ? 'DROP'
        : statement.verb === 'RENAME'
          ? 'ALTER'
          : statement.object === 'INDEX'
            ? 'INDEX'
            : statement.verb;
    case 'load':
      return 'INSERT';
    case 'call':
      return 'EXECUTE';
    default:
      return 'SELECT';
  }
}
