/** Makes a sharding algorithm from its type and properties. */
import type { AlgorithmType, ShardingAlgorithm } from '../types.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import { autoInterval } from './auto-interval.ts';
import { crc32Mod } from './crc32-mod.ts';
import { hashMod } from './hash-mod.ts';
import { complexInline, hintInline, inline } from './inline-expression.ts';
import { interval } from './interval.ts';
import { list } from './list.ts';
import { mod } from './mod.ts';
import { murmurHash } from './murmur-hash.ts';
import { type PropertyProblem, PropertyReader } from './properties.ts';
import { boundaryRange, volumeRange } from './range-partitions.ts';
import { vitessHash } from './vitess-hash.ts';
import { xxhashRange } from './xxhash-range.ts';

const standardKinds: readonly AlgorithmKind[] = [
  mod,
  hashMod,
  volumeRange,
  boundaryRange,
  autoInterval,
  inline,
  interval,
  crc32Mod,
  murmurHash,
  xxhashRange,
  vitessHash,
  list,
];
const lookupProperties = ['lookup-source', 'lookup-table', 'lookup-key-column', 'lookup-target-column'];

/** Every type with its properties, for messages, the schema and the docs. */
export const algorithmTypes: ReadonlyMap<AlgorithmType, readonly string[]> = new Map<AlgorithmType, readonly string[]>([
  ...standardKinds.map((kind) => [kind.type, kind.properties] as const),
  [complexInline.type, complexInline.properties],
  [hintInline.type, hintInline.properties],
  ['LOOKUP', lookupProperties],
]);

/** Types of standard algorithms that count their own targets: the only ones for autoTables besides those that take any list. */
export interface AlgorithmCreation {
  /** Absent when there are problems. */
  readonly algorithm?: ShardingAlgorithm;
  readonly problems: readonly PropertyProblem[];
}

/** `name` is for messages and EXPLAIN. `type` must be one of `algorithmTypes`. */
export function createAlgorithm(
  name: string,
  type: AlgorithmType,
  props: Readonly<Record<string, string>>,
): AlgorithmCreation {
  const reader = new PropertyReader(props, algorithmTypes.get(type) ?? []);
  const algorithm = create(name, type, reader);
  if (reader.problems.length > 0) return { problems: reader.problems };
  return { algorithm: Object.freeze(algorithm), problems: [] };
}

function create(name: string, type: AlgorithmType, reader: PropertyReader): ShardingAlgorithm {
  const { props } = reader;
  const kind = standardKinds.find((each) => each.type === type);
  if (kind !== undefined) {
    const made = kind.create(reader);
    return {
      kind: 'standard',
      name,
      type,
      props,
      keyForm: made.keyForm ?? 'value',
      targetCount: made.targetCount,
      variables: made.variables ?? [],
      bind: made.bind,
    };
  }
  if (type === 'COMPLEX_INLINE') {
    const made = complexInline.create(reader);
    return { kind: 'complex', name, type, props, keyForm: 'value', variables: made.variables, bind: made.bind };
  }
  if (type === 'HINT_INLINE')
    return { kind: 'hint', name, type, props, keyForm: 'value', bind: hintInline.create(reader).bind };
  return {
    kind: 'lookup',
    name,
    type: 'LOOKUP',
    props,
    keyForm: 'value',
    lookup: {
      source: reader.text('lookup-source'),
      table: reader.text('lookup-table'),
      keyColumn: reader.text('lookup-key-column'),
      targetColumn: reader.text('lookup-target-column'),
    },
  };
}
