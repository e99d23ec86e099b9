/** What the command's exit code says; docs/operations.md lists them. */

export const ExitCode = {
  ok: 0,
  /** Problems were found, or what was asked for failed. */
  failed: 1,
  /** Wrong flags or arguments. */
  usage: 2,
  /** The sidecar, or a server that the command needs, cannot be reached. */
  unreachable: 69,
  /** A defect of Shardmesh itself. */
  internal: 70,
  /** The sidecar refused the token. */
  denied: 77,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends the command with a message and a code. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}
