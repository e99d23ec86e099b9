/**
 * The barrier of a branch of a transaction across services: one row, written in the branch's own local transaction, that lets
 * each operation run at most once, an undo run only if there is something to undo, and nothing run after its undo.
 *
 * The row's state is 1 done, 2 undone, 3 undone before it was done (it never will be), 4 completed, 5 completed without
 * having been done here. One statement sets it and answers what it was before, as the insert id of its OK.
 */
import { branchPattern } from '../base/index.ts';
import { meshSchema, serverTime } from './tables.ts';

export type BarrierRole = 'forward' | 'complete' | 'undo';

export interface BranchIdentity {
  readonly gid: string;
  readonly branch: string;
  readonly operation: string;
  readonly role: BarrierRole;
}

/** May the operation run? `repeated`: it has. `empty`: there is nothing to undo. `hanging`: it was undone before, or it is too late. */
export type Passage = 'run' | 'repeated' | 'empty' | 'hanging';

const roles: Readonly<Record<string, BarrierRole>> = {
  try: 'forward',
  action: 'forward',
  confirm: 'complete',
  cancel: 'undo',
  compensate: 'undo',
};

/** Of `gid/branch/operation`; undefined for other texts. */
export function readBranchIdentity(text: string): BranchIdentity | undefined {
  const match = branchPattern.exec(text);
  if (match === null) return undefined;
  const [, gid = '', branch = '', operation = ''] = match;
  return { gid, branch, operation, role: roles[operation] ?? 'forward' };
}

const written = { forward: 1, complete: 5, undo: 3 } as const;
/** What a row that is there becomes. LAST_INSERT_ID(state) answers what it was, whatever it becomes. */
const updated = {
  forward: 'state+0*LAST_INSERT_ID(state)',
  complete: 'IF(LAST_INSERT_ID(state)=1,4,state)',
  undo: 'IF(LAST_INSERT_ID(state)=1,2,state)',
} as const;

/** Enters the operation; the insert id of the answer is the state before, 0 if there was no row. `schema`: of the source, so that two sources on one server have rows of their own. */
export function barrierSql({ gid, branch, role }: BranchIdentity, schema: string): string {
  return `INSERT INTO ${meshSchema}.barrier (gid,branch,db,state,ts) VALUES (${hex(gid)},${hex(branch)},${hex(schema)},${written[role]},${serverTime}) ON DUPLICATE KEY UPDATE state=${updated[role]}`;
}

/** Forbids the forward operation where nothing of the branch is; answers like `barrierSql`, and changes no row that is there. */
export function tombstoneSql({ gid, branch }: BranchIdentity, schema: string): string {
  return `INSERT INTO ${meshSchema}.barrier (gid,branch,db,state,ts) VALUES (${hex(gid)},${hex(branch)},${hex(schema)},3,${serverTime}) ON DUPLICATE KEY UPDATE state=state+0*LAST_INSERT_ID(state)`;
}

export function passageOf(role: BarrierRole, before: number): Passage {
  switch (role) {
    case 'forward':
      return before === 0 ? 'run' : before === 3 || before === 5 ? 'hanging' : 'repeated';
    case 'complete':
      return before === 0 || before === 1 ? 'run' : before >= 4 ? 'repeated' : 'hanging';
    case 'undo':
      return before === 0 ? 'empty' : before === 1 ? 'run' : before >= 4 ? 'hanging' : 'repeated';
  }
}

export const barrierStatesSql = ({ gid, branch }: Pick<BranchIdentity, 'gid' | 'branch'>): string =>
  `SELECT state FROM ${meshSchema}.barrier WHERE gid=${hex(gid)} AND branch=${hex(branch)}`;

/** What the rows of all sources together say of an operation. `complete`: every source has a row. */
export function verdictOf(
  role: BarrierRole,
  states: readonly number[],
  complete: boolean,
): 'done' | 'empty' | 'hanging' | 'none' {
  const has = (...wanted: number[]): boolean => states.some((state) => wanted.includes(state));
  switch (role) {
    case 'forward':
      return has(1, 2, 4) ? 'done' : has(3, 5) ? 'hanging' : 'none';
    case 'complete':
      return has(4, 5) ? 'done' : has(2, 3) ? 'hanging' : 'none';
    case 'undo':
      if (has(2)) return 'done';
      if (has(4, 5)) return 'hanging';
      // Only if no source lets the forward operation run any more.
      return !has(1) && complete && has(3) ? 'empty' : 'none';
  }
}

function hex(text: string): string {
  return `X'${Buffer.from(text).toString('hex')}'`;
}
