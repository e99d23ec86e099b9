/** Whether a statement may be answered by a replica: it reads tables, and nothing else happens or is asked of one server alone. */
import { type Call, isDeterministic, type Statement, type SystemVariable, type TableReference } from '../sql/index.ts';
import { isAggregate, isRandom } from './function-kinds.ts';
import { factName } from './session-functions.ts';
import { isCall, visitNodes } from './syntax-walk.ts';
import type { SessionEffects } from './types.ts';

/** Besides the deterministic functions, the aggregates and those of random values. */
const alsoOfReplicas = new Set(
  `ROW_NUMBER RANK DENSE_RANK PERCENT_RANK CUME_DIST NTILE LAG LEAD FIRST_VALUE LAST_VALUE NTH_VALUE MEDIAN PERCENTILE_CONT
PERCENTILE_DISC SLEEP BENCHMARK VERSION GROUPING`.split(/\s+/),
);
/** Tells of the very server that runs it. */
const ofOneServer = 'UUID_SHORT';
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
        if (!isOfReplicas(call)) safe = false;
        break;
      }
    }
    return undefined;
  });
  return safe;
}

/** A name that is missing may be a stored function, which may write, or one that asks its server: the primary's. */
function isOfReplicas(call: Call): boolean {
  const { name } = call;
  if (call.schema !== undefined || name === ofOneServer) return false;
  return (
    isDeterministic(name) ||
    isAggregate(name) ||
    isRandom(name) ||
    alsoOfReplicas.has(name) ||
    factName(call) !== undefined
  );
}
