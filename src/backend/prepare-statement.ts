/** Prepares a statement on a connection and gathers its answer. */
import { ownCopies } from '../base/index.ts';
import { Command, type FrameKind, type PrepareOk, parseErr, parsePrepareOk } from '../wire/index.ts';
import type { BackendFault } from './backend-fault.ts';
import type { PreparedHandle } from './prepared-cache.ts';
import type { RequestKind, ResponseHandler } from './request-kind.ts';
import { ServerError } from './small-result.ts';

interface Runs {
  run(payload: Buffer, kind: RequestKind, handler: ResponseHandler): void;
}

/** Rejects with ServerError or BackendFault. */
export function prepareOn(connection: Runs, sql: string): Promise<PreparedHandle> {
  return new Promise((resolve, reject) => {
    const payload = Buffer.concat([Buffer.of(Command.STMT_PREPARE), Buffer.from(sql)]);
    connection.run(payload, 'prepare', new PrepareHandler(sql, resolve, reject));
  });
}

/** Gathers a prepare answer; may be used with `run(..., 'prepare', ...)` directly. */
export class PrepareHandler implements ResponseHandler {
  readonly #text: string;
  readonly #resolve: (handle: PreparedHandle) => void;
  readonly #reject: (error: ServerError | BackendFault) => void;
  readonly #parameters: Buffer[] = [];
  readonly #columns: Buffer[] = [];
  #ok: PrepareOk | undefined;
  #error: ServerError | undefined;

  constructor(
    text: string,
    resolve: (handle: PreparedHandle) => void,
    reject: (error: ServerError | BackendFault) => void,
  ) {
    this.#text = text;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onFrame(kind: FrameKind, payload: Buffer): void {
    if (kind === 'prepare-ok') this.#ok = parsePrepareOk(payload);
    else if (kind === 'param') this.#parameters.push(Buffer.from(payload));
    else if (kind === 'column') this.#columns.push(Buffer.from(payload));
    else if (kind === 'err') this.#error = new ServerError(parseErr(payload));
  }

  onRows(): void {}

  onEnd(): void {
    if (this.#error !== undefined || this.#ok === undefined) {
      this.#reject(this.#error as ServerError);
      return;
    }
    const { statementId, parameterCount, columnCount, warnings } = this.#ok;
    this.#resolve({
      text: this.#text,
      statementId,
      parameterCount,
      columnCount,
      warnings,
      // Kept as long as the connection.
      parameters: ownCopies(this.#parameters),
      columns: ownCopies(this.#columns),
      boundTypes: undefined,
    });
  }

  onFault(fault: BackendFault): void {
    this.#reject(fault);
  }
}
