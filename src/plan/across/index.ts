/** SELECTs over several nodes, in order of preference: a stream merge, partial groups recombined by a server, copies of rows queried by a server. */
import { MeshError } from '../../base/index.ts';
import { planPartialAggregates } from './partial-aggregates.ts';
import { refuseAcross, refuseCopies } from './refusals.ts';
import { planScatter } from './scatter.ts';
import { planScratchRows } from './scratch-rows.ts';
import type { PlanAcross } from './types.ts';

/** See AcrossPlan. Pins the literals that the choice depends on. */
export const planAcross: PlanAcross = (statement, builder) => {
  const refused = refuseAcross(statement, builder);
  if (refused !== undefined) return refused;
  const scatter = planScatter(statement, builder);
  if (scatter !== undefined) return scatter;
  const uncopyable = refuseCopies(statement);
  if (uncopyable !== undefined) return uncopyable;
  try {
    return planPartialAggregates(statement, builder) ?? planScratchRows(statement, builder);
  } catch (error) {
    if (error instanceof MeshError && error.code === 'SM_UNSUPPORTED') return error;
    throw error;
  }
};

export type { AcrossBuilder, AcrossPlan, PlanAcross } from './types.ts';
