/** What each standard algorithm's file provides: its properties' names and how to make it from them. */
import type { AlgorithmType, BoundAlgorithm } from '../types.ts';
import type { PropertyReader } from './properties.ts';

export interface AlgorithmKind {
  readonly type: AlgorithmType;
  /** All property names, required ones first. */
  readonly properties: readonly string[];
  /** Reports problems to `reader`; with problems the answer is not used. */
  create(reader: PropertyReader): CreatedAlgorithm;
}

export interface CreatedAlgorithm {
  readonly targetCount: number | undefined;
  readonly keyForm?: 'value' | 'collation';
  /** Names that its expression uses. */
  readonly variables?: readonly string[];
  bind(targets: readonly string[]): BoundAlgorithm;
}
