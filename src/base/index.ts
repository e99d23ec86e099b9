/** The ground floor: errors, time, bounded maps. */
export { type ErrorCode, type ErrorRow, errorTable } from './error-table.ts';
export { MeshError } from './mesh-error.ts';
export { type Clock, systemClock } from './clock.ts';
export { Lru } from './lru.ts';
export { unreachable } from './unreachable.ts';
