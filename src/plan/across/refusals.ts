/** What can't be answered across several nodes at all, and why. */
import { MeshError } from '../../base/index.ts';
import type { Call, Limit, LockClause, QueryBody, SelectBlock, TableReference } from '../../sql/index.ts';
import { isSequence, isUserLock, readsServerFiles } from '../function-kinds.ts';
import { visitNodes } from '../syntax-walk.ts';
import type { AcrossBuilder, ResolvedStatement } from './types.ts';

function refusal(what: string, reason: string): MeshError {
  return new MeshError('SM_UNSUPPORTED', { what, reason });
}

/** The refusal that holds for every way of running the statement on several nodes, or undefined. */
export function refuseAcross(statement: ResolvedStatement, builder: AcrossBuilder): MeshError | undefined {
  const { routines } = builder.environment.schema;
  let error: MeshError | undefined;
  visitNodes(statement.query.query, (node) => {
    if (error !== undefined) return false;
    switch (node.kind) {
      case 'select': {
        const select = node as unknown as SelectBlock;
        if (select.into !== undefined) error = refusal('SELECT ... INTO', 'its rows come from several nodes');
        error ??= refuseLimit(select.limit);
        break;
      }
      case 'setOperation':
      case 'parenQuery':
        error = refuseLimit((node as unknown as { limit?: Limit }).limit);
        break;
      case 'assignment':
        error = refusal('assigning a user variable', 'its rows come from several nodes, in no fixed order');
        break;
      case 'columnValue':
        error = refusal('DEFAULT() or VALUES()', 'the column is read across several nodes');
        break;
      case 'call': {
        const call = node as unknown as Call;
        const name = call.name.toLowerCase();
        if (call.schema !== undefined || routines.has(name))
          error = refusal(
            `the stored function ${name}()`,
            'it may have side effects, and its tables are those of one node',
          );
        else if (isUserLock(call.name)) error = refusal(`${call.name}()`, 'user locks belong to one server');
        else if (isSequence(call.name)) error = refusal(`${call.name}()`, 'a sequence belongs to one server');
        else if (readsServerFiles(call.name)) error = refusal(`${call.name}()`, 'files belong to one server');
        break;
      }
      case 'table': {
        const table = node as unknown as TableReference;
        if (table.partitions?.length > 0) error = refusal('PARTITION (...)', 'the rows come from several nodes');
        if (table.special !== undefined)
          error = refusal('this form of table reference', 'the rows come from several nodes');
        break;
      }
    }
    return error === undefined;
  });
  return error;
}

function refuseLimit(limit: Limit | undefined): MeshError | undefined {
  if (limit?.special === undefined) return undefined;
  return refusal(
    limit.special === 'with ties' ? 'FETCH ... WITH TIES' : 'LIMIT ROWS EXAMINED',
    'the rows come from several nodes',
  );
}

/** What besides can't run on copies of rows in temporary tables. */
export function refuseCopies(statement: ResolvedStatement): MeshError | undefined {
  if (locks(statement.query.query.body))
    return refusal('a locking read', 'its rows lie on several nodes and can only be read as copies');
  let error: MeshError | undefined;
  visitNodes(statement.query.query, (node) => {
    if (node.kind === 'match')
      error ??= refusal('MATCH ... AGAINST', 'full-text indexes are not there on copies of rows');
    if (node.kind === 'select' && (node as unknown as SelectBlock).lock !== undefined)
      error ??= refusal('a locking read', 'its rows lie on several nodes and can only be read as copies');
    return undefined;
  });
  for (const { meaning } of statement.uses) {
    if (meaning.kind === 'system' && meaning.schema !== 'information_schema') {
      error ??= refusal(`a table of ${meaning.schema}`, 'it belongs to one server, and the statement needs several');
    }
  }
  return error;
}

function locks(body: QueryBody): boolean {
  return (body as { lock?: LockClause }).lock !== undefined;
}
