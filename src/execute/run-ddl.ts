/** A schema change: one text per node, in order; afterwards the catalog is read again. */
import { BackendFault } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { Action, ShardQuery } from '../plan/index.ts';
import type { Diagnostic } from '../session/index.ts';
import { clientError, sourceFault } from './faults.ts';
import { logicalMessage } from './name-mapping.ts';
import { failed } from './run-forward.ts';
import { sumMessages } from './run-write.ts';
import type { Outcome, StatementRun } from './statement-run.ts';
import { runForOk } from './write-answer.ts';

/** Never rejects. The caller has ended the session's transaction, as MySQL does before DDL. */
export async function runDdl(
  run: StatementRun,
  action: Extract<Action, { kind: 'ddl' }>,
  schemaChanged: () => Promise<void>,
): Promise<Outcome> {
  const schemas = run.backend.directory.physicalSchemas;
  const done: string[] = [];
  const diagnostics: Diagnostic[] = [];
  let affected = 0n;
  let warnings = 0;
  const messages: string[] = [];
  try {
    for (const query of action.queries) {
      try {
        const held = await run.backend.take(query.source, 'write');
        try {
          const ok = await runForOk(run, query, held.lease);
          affected += ok.affectedRows;
          messages.push(ok.info);
          if (ok.warnings > 0 && warnings === 0) {
            warnings = ok.warnings;
            for (const entry of await run.backend.diagnostics(held.lease)) {
              diagnostics.push({ ...entry, message: logicalMessage(entry.message, entry.code, action.names, schemas) });
            }
          }
        } catch (error) {
          if (error instanceof BackendFault) held.destroy();
          throw error;
        } finally {
          await held.done();
        }
        done.push(nodeName(query));
      } catch (error) {
        const cause = error instanceof BackendFault ? sourceFault(error, query.source) : error;
        if (done.length === 0) throw cause;
        const values = clientError(cause, query.source, action.names, schemas);
        throw new MeshError(
          'SM_PARTIAL_DDL',
          { done: done.join(', '), failed: nodeName(query), reason: values.message },
          { cause },
        );
      }
    }
    await schemaChanged();
    run.reply.ok({ affectedRows: affected, insertId: 0n, warnings, message: sumMessages(messages), status: 0 });
    return { failed: false, rows: 0n, affected, insertId: 0n, diagnostics, errno: 0 };
  } catch (error) {
    if (done.length > 0) await schemaChanged();
    return failed(run.reply, clientError(error, '', action.names, schemas));
  }
}

function nodeName(query: ShardQuery): string {
  return query.nodeTables.length === 0
    ? query.source
    : query.nodeTables.map((table) => `${query.source}.${table}`).join(' ');
}
