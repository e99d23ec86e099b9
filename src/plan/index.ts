/** The plan room: statement x rules -> cached plan; plan + values -> action with routes and rewritten queries. */
export type * from './types.ts';
