/** Session state as plain data, and what to replay of it on a backend connection. */
export { stateOfWarning } from './condition-state.ts';
export {
  initialMeshValues,
  isMeshVariable,
  type MeshValues,
  type MeshVariable,
  type MeshVariableName,
  meshValueOf,
  meshVariables,
  withMeshValue,
} from './mesh-variables.ts';
export { Position } from './position.ts';
export { PositionBook, type PositionPublisher } from './position-book.ts';
export { learnPositions, sharePositions } from './position-share.ts';
export { type Handed, PositionTokens } from './position-tokens.ts';
export {
  type Diagnostic,
  newSessionState,
  type PinReason,
  plainTransaction,
  resetSessionState,
  type SessionState,
  type TransactionCharacteristics,
} from './session-state.ts';
export {
  connectionCollation,
  freshSettings,
  type Settings,
  settingsReplay,
  withUserVariables,
  withVariables,
} from './settings.ts';
