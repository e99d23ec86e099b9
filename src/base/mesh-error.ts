/** The one error type for refusals: a statement, a limit or a configuration that the mesh answers with "no, because". */
import { type ErrorCode, errorTable } from './error-table.ts';

/**
 * A refusal. Its code names a row of the error table; the client sees errno, sqlState and the text.
 * Faults (sockets, time-outs) are ordinary Errors with a `cause`; bugs are `assert` failures.
 */
export class MeshError extends Error {
  readonly code: ErrorCode;
  readonly errno: number;
  readonly sqlState: string;

  /** `values` fill the `{name}` places of the table's text. */
  constructor(code: ErrorCode, values: Readonly<Record<string, string | number>> = {}, options?: { cause?: unknown }) {
    const row = errorTable[code];
    super(
      row.text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)),
      options,
    );
    this.name = 'MeshError';
    this.code = code;
    this.errno = row.errno;
    this.sqlState = row.sqlState;
  }

  /** The text that a client sees: MySQL's own wording for MySQL's errors, `[SM_CODE] text` for ours. */
  get clientMessage(): string {
    return this.code.startsWith('SM_') ? `[${this.code}] ${this.message}` : this.message;
  }
}
