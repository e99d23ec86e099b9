/** Which session state a statement changes or reads, from its syntax tree. */
import type { Call, Statement, UserVariable } from '../sql/index.ts';
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
};

/** Everything that the session may have to remember, replay or clean up. */
export function effectsOf(statement: Statement, environment: PlanEnvironment): SessionEffects {
  const assigns = new Set<string>();
  const reads = new Set<string>();
  const pins = new Set<PinKind>();
  const { routines } = environment.schema;
  let opaque = statement.kind === 'call' || statement.kind === 'other';
  let setsInsertId = statement.kind === 'insert';
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
    if (statement.verb === 'PREPARE') pins.add('text prepare');
  }
  return { assigns: [...assigns], reads: [...reads], opaque, pins: [...pins], setsInsertId, readsInsertId };
}
