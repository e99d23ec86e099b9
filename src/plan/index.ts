/** The plan room: statement x rules -> cached plan; plan + values -> action with routes and rewritten queries. */

export { bind, type CompileInput, compile, prepareText } from './compile.ts';
export type { NotUnderstoodPlan, RefusePlan } from './compiled-plan.ts';
export { explainRows, mergeText } from './explain.ts';
export { likePattern } from './like-pattern.ts';
export { PlanCache } from './plan-cache.ts';
export { clientBytes } from './rewrite.ts';
export { parserDisagreements } from './second-opinion.ts';
export type * from './types.ts';
