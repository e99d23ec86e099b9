/** Turns what can go wrong below into what a client is told. */
import { BackendFault, ServerError } from '../backend/index.ts';
import { MeshError } from '../base/index.ts';
import type { NameMap } from '../plan/index.ts';
import { logicalMessage } from './name-mapping.ts';
import type { ErrorValues } from './reply.ts';

/** An error for the client. Unknown exceptions are bugs: they are told as SM_INTERNAL and thrown on by the caller's log. */
export function clientError(
  error: unknown,
  source: string,
  names: NameMap,
  physicalSchemas: ReadonlySet<string>,
): ErrorValues | MeshError {
  if (error instanceof MeshError) return error;
  if (error instanceof ServerError) {
    return {
      errno: error.errno,
      sqlState: error.sqlState,
      message: logicalMessage(error.message, error.errno, names, physicalSchemas),
    };
  }
  if (error instanceof BackendFault) return sourceFault(error, source);
  return new MeshError(
    'SM_INTERNAL',
    { message: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );
}

/** A lost connection as an error that says whether the statement may have run. */
export function sourceFault(fault: BackendFault, source: string): MeshError {
  if (fault.errno === ER_CONNECTION_KILLED || fault.errno === ER_QUERY_INTERRUPTED) {
    return new MeshError('ER_QUERY_INTERRUPTED', {}, { cause: fault });
  }
  return new MeshError(
    fault.mayHaveExecuted ? 'SM_SOURCE_LOST' : 'SM_SOURCE_DOWN',
    { source, reason: fault.message },
    { cause: fault },
  );
}

const ER_CONNECTION_KILLED = 1927;
const ER_QUERY_INTERRUPTED = 1317;

/** InnoDB has rolled the whole transaction back on its server: deadlock, or a snapshot conflict of MariaDB. */
export function endsTransaction(errno: number): boolean {
  return errno === 1213 || errno === 1020 || errno === 1614;
}
