/** Which session state a statement changes or reads, from its syntax tree. */
import { type Call, type Statement, type UserVariable, walk } from '../sql/index.ts';
import { isSequence, isUserLock } from './function-kinds.ts';
import { isCall, visitNodes } from './syntax-walk.ts';
import type { PinKind, PlanEnvironment, SessionEffects } from './types.ts';

export const noEffects: SessionEffects = {
  assigns: [],
  reads: [],
  opaque: false,
  pins: [],
  setsInsertId: false,
  readsInsertId: false,
  keepsDiagnostics: false,
};

/** Statements of the session itself: no server sees them. */
const SESSION_VERBS: ReadonlySet<string> = new Set(['PREPARE', 'EXECUTE', 'DEALLOCATE']);

/** Everything that the session may have to remember, replay or clean up. */
export function effectsOf(statement: Statement, environment: PlanEnvironment): SessionEffects {
  const assigns = new Set<string>();
  const reads = new Set<string>();
  const pins = new Set<PinKind>();
  const { routines } = environment.schema;
  let opaque = statement.kind === 'call' || (statement.kind === 'other' && !SESSION_VERBS.has(statement.verb));
  let setsInsertId = statement.kind === 'insert' || statement.kind === 'load';
  let readsInsertId = false;
  const targets = new Set<unknown>();
  visitNodes(statement, (node) => {
    switch (node.kind) {
      case 'assignment': {
        const { variable } = node as unknown as { variable: UserVariable };
        targets.add(variable);
        assigns.add(variable.name.toLowerCase());
        break;
      }
      case 'userVariable':
        if (!targets.has(node)) reads.add((node as unknown as UserVariable).name.toLowerCase());
        break;
      case 'variables':
        for (const name of (node as unknown as { variables: readonly string[] }).variables)
          assigns.add(name.toLowerCase());
        break;
      case 'systemVariable': {
        const name = (node as unknown as { name: string }).name.toLowerCase();
        if (name === 'last_insert_id' || name === 'identity') readsInsertId = true;
        break;
      }
      case 'call': {
        if (!isCall(node)) break;
        const call: Call = node;
        if (isUserLock(call.name)) pins.add('user lock');
        if (call.schema !== undefined || isSequence(call.name) || routines.has(call.name.toLowerCase())) opaque = true;
        if (call.name === 'LAST_INSERT_ID') {
          if (call.args.length > 0) setsInsertId = true;
          else readsInsertId = true;
        }
        break;
      }
      case 'select':
        if ((node as unknown as { options: readonly string[] }).options.includes('SQL_CALC_FOUND_ROWS'))
          pins.add('found rows');
        break;
    }
    return undefined;
  });
  // OUT and INOUT arguments; which ones they are only the server knows.
  if (statement.kind === 'call') for (const name of reads) assigns.add(name);
  if (statement.kind === 'ddl' && statement.object === 'TABLE' && statement.temporary && statement.verb === 'CREATE')
    pins.add('temporary table');
  if (statement.kind === 'other') {
    if (statement.verb === 'LOCK TABLES') pins.add('lock tables');
    if (statement.verb === 'HANDLER') pins.add('handler');
  }
  return {
    assigns: [...assigns],
    reads: [...reads],
    opaque,
    pins: [...pins],
    setsInsertId,
    readsInsertId,
    keepsDiagnostics: isDiagnostic(statement) || (environment.schema.mariadb && !opaque && !usesTables(statement)),
  };
}

const DIAGNOSTIC_SHOWS: ReadonlySet<string> = new Set(['WARNINGS', 'ERRORS', 'COUNT(*) WARNINGS', 'COUNT(*) ERRORS']);

/** Statements about the one before them. */
function isDiagnostic(statement: Statement): boolean {
  return statement.kind === 'diagnostics' || (statement.kind === 'show' && DIAGNOSTIC_SHOWS.has(statement.what));
}

/** SHOW statements without a table behind them, on any server. */
const PLAIN_SHOWS: ReadonlySet<string> = new Set(['GRANTS', 'PROCESSLIST']);

/** Whether a server begins a new list of warnings for it: MariaDB does for statements with a FROM clause or a table's name. */
function usesTables(statement: Statement): boolean {
  if (statement.kind === 'show') return !PLAIN_SHOWS.has(statement.what);
  let found = false;
  walk(statement, {
    factor: () => {
      found = true;
    },
    tableName: () => {
      found = true;
    },
  });
  return found;
}
