/** A client's prepared statement: text and what was learnt of it; backend statements come and go below. */
import type { Plan, PlanEnvironment } from '../plan/index.ts';
import type { Hints } from '../rules/index.ts';
import type { Fingerprint, TokenList } from '../sql/index.ts';
import type { CursorRows } from './cursor-rows.ts';

export interface PreparedStatement {
  readonly id: number;
  readonly text: Buffer;
  readonly tokens: TokenList;
  readonly fingerprint: Fingerprint;
  readonly parameterCount: number;
  /** Of its hint comments. */
  readonly hints: Hints;
  /** The plan, and the environment it was made in: planned anew when rules or schema have changed. */
  plan: Plan;
  environment: PlanEnvironment;
  /** Types of the last EXECUTE that sent them, two bytes each. */
  types: Buffer | undefined;
  /** COM_STMT_SEND_LONG_DATA: parameter -> pieces. */
  readonly longData: Map<number, Buffer[]>;
  /** Bytes in `longData`. */
  longBytes: number;
  /** An error of SEND_LONG_DATA, which has no answer: told at the next EXECUTE. */
  longError: Error | undefined;
  /** Open after an EXECUTE that asked for one, until its last row was fetched. */
  cursor: CursorRows | undefined;
}
