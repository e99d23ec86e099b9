/** SELECTs over several nodes, in order of preference: a stream merge, partial groups recombined by a server, copies of rows queried by a server. */
import { MeshError } from '../../base/index.ts';
import { planPartialAggregates } from './partial-aggregates.ts';
import { PinGuard } from './pin-guard.ts';
import { refuseAcross, refuseCopies } from './refusals.ts';
import { planScatter } from './scatter.ts';
import { planScratchRows } from './scratch-rows.ts';
import type { PlanAcross } from './types.ts';

/** See AcrossPlan. Pins the literals that the choice depends on. */
export const planAcross: PlanAcross = (statement, lent) => {
  const refused = refuseAcross(statement, lent);
  if (refused !== undefined) return refused;
  const pins = new PinGuard(lent);
  const { builder } = pins;
  try {
    const scatter = planScatter(statement, builder);
    if (scatter !== undefined) return pins.guard(scatter);
    const uncopyable = refuseCopies(statement);
    if (uncopyable !== undefined) return uncopyable;
    // A group's table is defined by a query, on a connection that does not see temporary tables.
    const temporary = statement.uses.some(({ meaning }) => meaning.kind === 'single' && meaning.temporary === true);
    const partial = temporary ? undefined : planPartialAggregates(statement, builder);
    const plan = partial ?? planScratchRows(statement, builder);
    return plan instanceof MeshError ? plan : pins.guard(plan);
  } catch (error) {
    if (error instanceof MeshError && error.code === 'SM_UNSUPPORTED') return error;
    throw error;
  }
};

export type { AcrossBuilder, AcrossPlan, PlanAcross } from './types.ts';
