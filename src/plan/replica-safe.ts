/** Whether a statement may be answered by a replica: it reads tables, and nothing else happens or is asked of one server alone. */
import type { Call, Statement, SystemVariable, TableReference } from '../sql/index.ts';
import { isUserLock } from './function-kinds.ts';
import { factName } from './session-functions.ts';
import { isCall, visitNodes } from './syntax-walk.ts';
import type { SessionEffects } from './types.ts';

/** Functions that wait for, or tell of, the very server that runs them. */
const ofOneServer = new Set([
  'MASTER_POS_WAIT',
  'SOURCE_POS_WAIT',
  'MASTER_GTID_WAIT',
  'WAIT_FOR_EXECUTED_GTID_SET',
  'WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS',
  'BINLOG_GTID_POS',
  'UUID_SHORT',
  'LOAD_FILE',
  'PS_CURRENT_THREAD_ID',
]);
const serverSchemas = new Set(['mysql', 'sys', 'performance_schema', 'information_schema']);

export function mayReadReplica(statement: Statement, effects: SessionEffects): boolean {
  if (statement.kind !== 'query') return false;
  if (effects.opaque || effects.pins.length > 0 || effects.assigns.length > 0) return false;
  if (effects.setsInsertId || effects.readsInsertId) return false;
  let safe = true;
  visitNodes(statement, (node) => {
    if (!safe) return false;
    switch (node.kind) {
      case 'select':
      case 'setOperation': {
        const block = node as unknown as { readonly lock?: unknown; readonly into?: unknown };
        if (block.lock !== undefined || block.into !== undefined) safe = false;
        break;
      }
      case 'systemVariable':
        // What the session knows is spliced in; everything else is a server's own.
        if (factName(node as unknown as SystemVariable) === undefined) safe = false;
        break;
      case 'table':
        if (serverSchemas.has((node as unknown as TableReference).name.schema?.name.toLowerCase() ?? '')) safe = false;
        break;
      case 'call': {
        if (!isCall(node)) break;
        const call: Call = node;
        if (isUserLock(call.name) || ofOneServer.has(call.name)) safe = false;
        break;
      }
    }
    return undefined;
  });
  return safe;
}
