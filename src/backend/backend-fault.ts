/** The loss of a backend connection, as opposed to an error that a server answered. */

/** Where a connection was when it was lost. */
export type FaultStage = 'connect' | 'handshake' | 'request' | 'idle';

/** A socket, protocol or handshake failure. The connection it belongs to is closed. */
export class BackendFault extends Error {
  readonly stage: FaultStage;
  /** False only if it is certain that no byte of the request was acted upon: then (and only then) it may be sent again. */
  readonly mayHaveExecuted: boolean;
  /** The server's own error, if it sent one before it went away (for example 1045 in the handshake, 1927 after KILL). */
  readonly errno: number | undefined;
  readonly sqlState: string | undefined;

  constructor(
    message: string,
    options: {
      readonly stage: FaultStage;
      readonly mayHaveExecuted: boolean;
      readonly errno?: number | undefined;
      readonly sqlState?: string | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'BackendFault';
    this.stage = options.stage;
    this.mayHaveExecuted = options.mayHaveExecuted;
    this.errno = options.errno;
    this.sqlState = options.sqlState;
  }
}
