/** Algorithms, generators, auditors and balancers of a rules file: by name, or written in place. */
import { algorithmTypes, createAlgorithm } from '../algorithms/create-algorithm.ts';
import { PropertyReader } from '../algorithms/properties.ts';
import { WORKER_IDS_MAX } from '../keys/snowflake.ts';
import type { AlgorithmType, KeyGeneratorSpec, LoadBalancer, ShardingAlgorithm } from '../types.ts';
import type { AlgorithmEntry } from './rules-schema.ts';
import type { Path, YamlFile } from './yaml-file.ts';

/** Properties as text, spelt as in the file; maps become JSON. */
export function propsText(entry: AlgorithmEntry, yaml: YamlFile, path: Path): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(entry.props ?? {})) {
    texts[name] =
      typeof value === 'object' ? JSON.stringify(value) : (yaml.sourceText([...path, 'props', name]) ?? String(value));
  }
  return Object.freeze(texts);
}

/** Undefined after a problem. */
export function readAlgorithm(
  name: string,
  entry: AlgorithmEntry,
  yaml: YamlFile,
  path: Path,
): ShardingAlgorithm | undefined {
  const type = entry.type.toUpperCase() as AlgorithmType;
  const props = propsText(entry, yaml, path);
  if (entry.type.toUpperCase() === 'CLASS_BASED') {
    yaml.report(
      [...path, 'type'],
      'SM_CLASS_BASED',
      `CLASS_BASED algorithms need Java (class ${props['algorithmClassName'] ?? 'not named'})`,
      {
        suggestion: `use one of ${[...algorithmTypes.keys()].join(', ')}`,
      },
    );
    return undefined;
  }
  if (!algorithmTypes.has(type)) {
    yaml.reportUnknown(
      [...path, 'type'],
      'SM_UNKNOWN_ALGORITHM_TYPE',
      'algorithm type',
      entry.type,
      algorithmTypes.keys(),
    );
    return undefined;
  }
  const { algorithm, problems } = createAlgorithm(name, type, props);
  for (const problem of problems) {
    const at = problem.property === undefined ? path : [...path, 'props', problem.property];
    yaml.report(
      at,
      problem.at === undefined ? 'SM_ALGORITHM_PROPERTY' : 'SM_EXPRESSION',
      `${type}: ${problem.message}`,
      {
        suggestion: problem.suggestion,
        offset: problem.at,
        atKey: problem.property === undefined || problem.message.endsWith('is not known'),
      },
    );
  }
  return algorithm;
}

const generatorTypes = ['SNOWFLAKE', 'UUID', 'SEGMENT'];

/** `defaultSource` holds SEGMENT's table unless `segment-source` names another. */
export function readKeyGenerator(
  name: string,
  entry: AlgorithmEntry,
  yaml: YamlFile,
  path: Path,
  sources: readonly string[],
  defaultSource: string,
): KeyGeneratorSpec | undefined {
  const props = propsText(entry, yaml, path);
  const type = entry.type.toUpperCase();
  const known: Record<string, readonly string[]> = {
    SNOWFLAKE: ['worker-id', 'max-vibration-offset', 'max-tolerate-time-difference-milliseconds'],
    UUID: [],
    SEGMENT: ['segment-table', 'segment-source', 'segment-name', 'step', 'prefetch-below'],
  };
  if (known[type] === undefined) {
    yaml.reportUnknown(
      [...path, 'type'],
      'SM_UNKNOWN_ALGORITHM_TYPE',
      'key generator type',
      entry.type,
      generatorTypes,
    );
    return undefined;
  }
  const reader = new PropertyReader(props, known[type]);
  const spec = ((): KeyGeneratorSpec => {
    switch (type) {
      case 'SNOWFLAKE':
        return {
          kind: 'snowflake',
          name,
          type: 'SNOWFLAKE',
          props,
          workerId: props['worker-id'] === undefined ? undefined : reader.integer('worker-id', 0, WORKER_IDS_MAX - 1),
          maxVibrationOffset: reader.integer('max-vibration-offset', 0, 4095, 1),
          maxTolerateTimeDifferenceMs: reader.integer('max-tolerate-time-difference-milliseconds', 0, 600_000, 10),
        };
      case 'UUID':
        return { kind: 'uuid', name, type: 'UUID', props };
      default: {
        const step = reader.integer('step', 1, 10_000_000, 1000);
        const source = reader.text('segment-source', defaultSource === '' ? '-' : defaultSource);
        if (props['segment-source'] !== undefined && !sources.includes(source)) {
          yaml.reportUnknown([...path, 'props', 'segment-source'], 'SM_UNKNOWN_SOURCE', 'source', source, sources);
        }
        return {
          kind: 'segment',
          name,
          type: 'SEGMENT',
          props,
          source,
          step,
          table: reader.text('segment-table', 'shardmesh_segment'),
          sequence: reader.text('segment-name', name),
          prefetchBelow: reader.integer('prefetch-below', 0, 10_000_000, Math.floor(step / 5)),
        };
      }
    }
  })();
  for (const problem of reader.problems) {
    yaml.report(
      problem.property === undefined ? path : [...path, 'props', problem.property],
      'SM_ALGORITHM_PROPERTY',
      `${type}: ${problem.message}`,
      { suggestion: problem.suggestion, atKey: problem.property === undefined },
    );
  }
  return reader.problems.length > 0 ? undefined : Object.freeze(spec);
}

const balancerTypes = ['ROUND_ROBIN', 'RANDOM', 'WEIGHT', 'LEAST_LATENCY'] as const;

/** `members` are the data source names that WEIGHT may name; undefined: not checked. */
export function readBalancer(
  name: string,
  entry: AlgorithmEntry,
  yaml: YamlFile,
  path: Path,
  members: readonly string[],
): LoadBalancer | undefined {
  const type = balancerTypes.find((each) => each === entry.type.toUpperCase());
  if (type === undefined) {
    yaml.reportUnknown([...path, 'type'], 'SM_UNKNOWN_ALGORITHM_TYPE', 'load balancer type', entry.type, balancerTypes);
    return undefined;
  }
  const props = propsText(entry, yaml, path);
  for (const [key, value] of Object.entries(props)) {
    if (type !== 'WEIGHT')
      yaml.report([...path, 'props', key], 'SM_ALGORITHM_PROPERTY', `${type} has no property '${key}'`, {
        atKey: true,
      });
    else if (!members.includes(key))
      yaml.reportUnknown([...path, 'props', key], 'SM_UNKNOWN_SOURCE', 'data source', key, members);
    else if (!/^\d+(?:\.\d+)?$/.test(value) || Number(value) <= 0)
      yaml.report([...path, 'props', key], 'SM_ALGORITHM_PROPERTY', `a weight is a number above 0, not '${value}'`);
  }
  return Object.freeze({ name, type, props });
}
