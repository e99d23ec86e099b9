/** A DDL statement while it is being read, and what all of its kinds share. */
import type { DdlStatement } from '../ast.ts';
import type { Cursor, Draft } from './cursor.ts';

/** A statement under construction. */
export type DdlDraft = Draft<DdlStatement> & {
  targets: DdlStatement['targets'][number][];
  references: DdlStatement['references'][number][];
  columns: DdlStatement['columns'][number][];
  uniqueKeys: (readonly string[])[];
  constraintNames: DdlStatement['constraintNames'][number][];
  renames: DdlStatement['renames'][number][];
  renamedColumns: DdlStatement['renamedColumns'][number][];
  droppedColumns: DdlStatement['droppedColumns'][number][];
};

/** MariaDB: WAIT n, NOWAIT. */
export function skipWait(cursor: Cursor): void {
  if (cursor.accept('WAIT')) cursor.advance();
  else cursor.accept('NOWAIT');
}
