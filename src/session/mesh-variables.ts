/** The session variables of the mesh itself, `shardmesh_...`: one table that SET, SELECT @@x, SHOW VARIABLES and hints read. */
import { MeshError } from '../base/index.ts';

export interface MeshVariable {
  /** What a fresh session has, unless its user or the configuration says otherwise. */
  readonly initial: string;
  /** The values that exist, as they are shown; case does not matter. Absent: any text. */
  readonly values?: readonly string[];
  /** May not be changed inside of a transaction (1568). */
  readonly fixedInTransaction?: boolean;
}

const variables = {
  shardmesh_transaction_type: { initial: 'LOCAL', values: ['LOCAL'], fixedInTransaction: true },
} as const satisfies Readonly<Record<string, MeshVariable>>;

export type MeshVariableName = keyof typeof variables;

/** By name, in alphabetical order. */
export const meshVariables: Readonly<Record<MeshVariableName, MeshVariable>> = variables;

/** Values of one session; every variable has one. Immutable: a change makes a new one. */
export type MeshValues = Readonly<Record<MeshVariableName, string>>;

export const initialMeshValues: MeshValues = Object.freeze(
  Object.fromEntries(Object.entries(meshVariables).map(([name, { initial }]) => [name, initial])) as Record<
    MeshVariableName,
    string
  >,
);

/** Lower-cased names only. */
export function isMeshVariable(name: string): name is MeshVariableName {
  return Object.hasOwn(variables, name);
}

/** The value as it is shown. Throws ER_WRONG_VALUE_FOR_VAR (1231). */
export function meshValueOf(name: MeshVariableName, value: string): string {
  const { values } = meshVariables[name];
  if (values === undefined) return value;
  const known = values.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
  if (known === undefined) throw new MeshError('ER_WRONG_VALUE_FOR_VAR', { name, value });
  return known;
}
