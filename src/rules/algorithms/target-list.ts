/** Target lists of a range: sorted, each once. */
import type { Placement, TargetSet } from '../types.ts';

/** Placements that lead to no target are left out: no row with such a value can be stored (inserts are refused). */
export function targetList(placements: Iterable<Placement>): TargetSet {
  const targets = new Set<number>();
  for (const placement of placements) {
    if (typeof placement === 'number') targets.add(placement);
  }
  return [...targets].sort((a, b) => a - b);
}
