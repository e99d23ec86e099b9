/** What a barrier row says of one operation of a branch: the truth where an HTTP answer was lost. */

/** `done`: it ran. `empty`: nothing was to be undone. `hanging`: undone before it ran, it never will. `none`: no row tells. */
export type BarrierVerdict = 'done' | 'empty' | 'hanging' | 'none';
