/** The session variables of the mesh itself, `shardmesh_...`: one table that SET, SELECT @@x, SHOW VARIABLES and hints read. */
import { branchPattern, MeshError, transactionTypes } from '../base/index.ts';

export interface MeshVariable {
  /** What a fresh session has, unless its user or the configuration says otherwise. */
  readonly initial: string;
  /** The values that exist, as they are shown; case does not matter. Absent: any text. */
  readonly values?: readonly string[];
  /** What a text other than the empty one must be. */
  readonly pattern?: RegExp;
  /** May not be changed inside of a transaction (1568). */
  readonly fixedInTransaction?: boolean;
}

const variables = {
  /** `gid/branch/operation`: the next local transaction is kept by the barrier of this branch; empty again at its end. */
  shardmesh_branch: { initial: '', pattern: branchPattern },
  shardmesh_consistency: {
    initial: 'application',
    values: ['eventual', 'session', 'application', 'strict'],
  },
  /** Shown: what the session has written and seen, as a signed text; set: what its reads must see from then on, too. */
  shardmesh_position: { initial: '', pattern: /^[\w.-]{1,4096}$/ },
  shardmesh_read: { initial: 'auto', values: ['auto', 'primary', 'replica'] },
  /** `atomic`: reads of several sources never see half of an XA transaction; a transaction only reads then. */
  shardmesh_snapshot: { initial: 'off', values: ['off', 'atomic'], fixedInTransaction: true },
  shardmesh_transaction_type: { initial: 'LOCAL', values: transactionTypes, fixedInTransaction: true },
} as const satisfies Readonly<Record<string, MeshVariable>>;

export type MeshVariableName = keyof typeof variables;

/** By name, in alphabetical order. */
export const meshVariables: Readonly<Record<MeshVariableName, MeshVariable>> = variables;

/** What a variable's value is: one of its words, or any text. */
type ValueOf<Name extends MeshVariableName> = (typeof variables)[Name] extends {
  readonly values: readonly (infer Word extends string)[];
}
  ? Word
  : string;

/** Values of one session; every variable has one. Immutable: a change makes a new one. */
export type MeshValues = { readonly [Name in MeshVariableName]: ValueOf<Name> };

export const initialMeshValues: MeshValues = Object.freeze(
  Object.fromEntries(Object.entries(meshVariables).map(([name, { initial }]) => [name, initial])) as MeshValues,
);

/** Lower-cased names only. */
export function isMeshVariable(name: string): name is MeshVariableName {
  return Object.hasOwn(variables, name);
}

/** The value as it is shown. Throws ER_WRONG_VALUE_FOR_VAR (1231). */
export function meshValueOf(name: MeshVariableName, value: string): string {
  const { values, pattern } = meshVariables[name];
  if (pattern !== undefined && value !== '' && !pattern.test(value))
    throw new MeshError('ER_WRONG_VALUE_FOR_VAR', { name, value });
  if (values === undefined) return value;
  const known = values.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
  if (known === undefined) throw new MeshError('ER_WRONG_VALUE_FOR_VAR', { name, value });
  return known;
}

/** Other values: one variable changed. `value` is one that `meshValueOf` answered. */
export function withMeshValue(values: MeshValues, name: MeshVariableName, value: string): MeshValues {
  return { ...values, [name]: value } as MeshValues;
}
